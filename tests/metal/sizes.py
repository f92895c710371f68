"""What the purse costs on a Cortex-M4F, and whether anything of ours in it can panic.

    sizes.py --images FOLDER --meter IMAGE --boards PROGRAM --page FILE [--write]

Runs the image `sizes` under QEMU, looks into the images `car` and `charger` with binutils, and
compares the figures with those in FILE, between the lines that begin and end the table; with
--write it puts them there. A figure may differ from the page by a tenth: compilers differ.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BEGIN, END = "<!-- sizes: begin -->", "<!-- sizes: end -->"
TOLERANCE = 0.1
# Names of things measured, and how many signatures each makes and checks.
STEPS = {
    "make a key": None,
    "sign": None,
    "verify": None,
    "pay": (1, 0),
    "accept, first time": (1, 2),
    "accept, known payer": (1, 1),
    "take the receipt": (0, 4),
    "write an invoice": (1, 0),
    "pay a stream of 1,000 units": None,
    "release a unit": None,
    "take a unit": None,
    "journal: a record of 200 bytes": None,
    "journal: the longest record": None,
    "open a purse": None,
}
# Where code comes from that may still end in a panic: the arithmetic of signatures, whose checks of
# lengths the compiler cannot see through, and what the core library does to itself (sorting by an
# order that contradicts itself).
SIGNATURES = re.compile(
    r"/(crypto-bigint|primeorder|primefield|ecdsa|p256|sec1|rfc6979|elliptic-curve|wnaf|subtle|hmac|sha2|"
    r"curve25519-dalek|ed25519-dalek)-[0-9]"
)
CORE = re.compile(r"^<?core::|^compiler_builtins::")
PANICS = re.compile(r"core::panicking|(expect|unwrap)_failed|_fail$|panic_on")


def measured(options) -> tuple[dict[str, tuple[int, int]], int]:
    """Instructions and stack of each step, and the bytes of a purse."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([options.boards, "make", folder], check=True)
        command = [
            options.qemu, "-M", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "none",
            "-icount", "shift=0", "-semihosting-config", "enable=on,target=native",
            "-kernel", str(options.meter.resolve()),
        ]  # fmt: skip
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    steps = {line[0]: (int(line[1]), int(line[2])) for line in lines if len(line) == 3}
    purse = [int(line[1]) for line in lines if line[0] == "purse"]
    if done.returncode != 0 or set(steps) != set(STEPS) or len(purse) != 1:
        raise SystemExit(f"the image ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return steps, purse[0]


def flash_bytes(image: Path) -> int:
    """Code and constants."""
    sections = subprocess.run(["arm-none-eabi-size", "-A", image], capture_output=True, text=True, check=True)
    kept = {".vector_table", ".text", ".rodata", ".data"}
    words = [line.split() for line in sections.stdout.splitlines()]
    return sum(int(word[1]) for word in words if word and word[0] in kept)


def panicking(image: Path) -> list[str]:
    """The calls of ours, or of anything else but signatures, that end in a panic."""

    def said(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    function, calls = "", {}
    for line in said("arm-none-eabi-objdump", "-d", "-C", "--no-show-raw-insn", str(image)).splitlines():
        if head := re.match(r"^[0-9a-f]+ <(.*)>:$", line):
            function = head[1]
        elif call := re.match(r"^ *([0-9a-f]+):\tb\S*\s+[0-9a-f]+ <([^+]*)>$", line):
            if PANICS.search(call[2]) and not CORE.search(function):
                calls[int(call[1], 16)] = function
    if not calls:
        raise SystemExit(f"{image.name}: nothing panics, not even signatures: is the listing right?")
    # Everything that was inlined where the call stands, from the inside out, each behind its address.
    found = said("arm-none-eabi-addr2line", "-a", "-i", "-e", str(image), *map(hex, calls))
    stacks = [stack.split("\n") for stack in re.split(r"^0x", found, flags=re.MULTILINE)[1:]]
    ours = [stack for stack in stacks if not any(SIGNATURES.search(frame) for frame in stack[1:])]
    return [f"{calls[int(stack[0], 16)]}, inlined from {stack[1]}" for stack in ours]


def table(options) -> list[str]:
    steps, purse = measured(options)
    sign, verify = steps["sign"][0], steps["verify"][0]
    rows = ["| | instructions | besides signatures | deepest stack, bytes |", "|---|---|---|---|"]
    for name, signatures in STEPS.items():
        instructions, stack = steps[name]
        share = ""
        if signatures:
            besides = instructions - signatures[0] * sign - signatures[1] * verify
            share = f"{100 * besides / instructions:.1f} %"
        rows.append(f"| {name} | {instructions:,} | {share} | {stack:,} |")
    rows += ["", "| | bytes |", "|---|---|"]
    for image in ("car", "charger"):
        rows.append(f"| flash (.text and .rodata), the whole image `{image}` | {flash_bytes(options.images / image):,} |")
    rows.append(f"| RAM, a purse with `OUTBOX` 8, `PAYERS` 2 and a journal of 64 records | {purse:,} |")
    return rows


def differ(written: str, found: str) -> bool:
    """Whether two lines differ by more than figures do."""
    figure = r"[0-9][0-9,.]*"
    if re.split(figure, written) != re.split(figure, found):
        return True
    pairs = zip(re.findall(figure, written), re.findall(figure, found), strict=True)
    numbers = [(float(a.replace(",", "")), float(b.replace(",", ""))) for a, b in pairs]
    # Shares are small differences of large numbers.
    return any(abs(a - b) > max(TOLERANCE * max(a, b), 2) for a, b in numbers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--meter", type=Path, required=True)
    parser.add_argument("--boards", required=True)
    parser.add_argument("--page", type=Path, required=True)
    parser.add_argument("--qemu", default="qemu-system-arm")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    before, rest = options.page.read_text().split(BEGIN)
    written, after = rest.split(END)
    rows = table(options)
    if options.write:
        options.page.write_text("\n".join([f"{before}{BEGIN}", *rows, f"{END}{after}"]))
    else:
        old = written.strip("\n").split("\n")
        wrong = [new for new in rows if not any(not differ(line, new) for line in old)]
        for line in wrong:
            print(f"{options.page} does not say: {line}")
        print(f"{'not ok' if wrong or len(old) != len(rows) else 'ok'} - the page says what the purse costs")
    for image in ("car", "charger"):
        ours = panicking(options.images / image)
        for call in ours:
            print(f"{image}: a panic in {call}")
        print(f"{'not ok' if ours else 'ok'} - no panic is linked into {image} but those of signatures")


if __name__ == "__main__":
    sys.exit(main())
