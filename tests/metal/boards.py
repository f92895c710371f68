"""Two emulated boards, a car and a charger joined by a serial line, pay each other while their power
is cut: inside writes of their flash, and whenever. Afterwards both must hold the same receipts.

    boards.py --images FOLDER --boards PROGRAM --qemu PROGRAM --seed N [--cuts N]

FOLDER has the images `car` and `charger`; PROGRAM is the example `boards` of device-sdk, which
makes identities and judges. The flash of a board is a file, and the end of QEMU its power cut.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# What the car pays in all: 100, 200, .. 600.
AMOUNT = 2100
POWER_CUT = 86
PATIENCE_S = 60
# Less than the words of flash that a whole run of one board writes, erasures included.
WORDS = 700


class Board:
    """One board, which may be switched on and off."""

    def __init__(self, qemu: str, image: Path, folder: Path, line: str):
        self.folder, self.process, self.cuts = folder, None, 0
        self.command = [
            qemu, "-M", "mps2-an386", "-display", "none", "-monitor", "none",
            "-kernel", str(image.resolve()), "-serial", line,
        ]  # fmt: skip

    def on(self, **arguments: int):
        words = "".join(f",arg={name}={value}" for name, value in arguments.items())
        semihosting = f"enable=on,target=native,arg=image{words}"
        with open(self.folder / "console.txt", "a") as console:
            self.process = subprocess.Popen(
                [*self.command, "-semihosting-config", semihosting],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )

    def cut(self):
        """Whatever it is doing, it is doing it no more."""
        if self.process.poll() is None:
            self.cuts += 1
        self.process.kill()
        self.process.wait()

    def has_ended_well(self) -> bool:
        """Whether it has done all it had to; switched on again if a cut of its own ended it."""
        code = self.process.poll()
        if code == POWER_CUT:
            self.cuts += 1
            self.on()
        elif code not in (None, 0):
            console = (self.folder / "console.txt").read_text()
            raise SystemExit(f"{self.folder.name} ended with {code}:\n{console}")
        return code == 0

    def show(self):
        """Has it write what it would hand in at a gateway."""
        self.on(show=1)
        if self.process.wait(PATIENCE_S) != 0:
            raise SystemExit(f"{self.folder.name} does not open again")


def run(options, name: str, cut_in_write: dict[str, int], kill_after_s: dict[str, list[float]]) -> int:
    """A life of both boards; returns how often the power went."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        subprocess.run([options.boards, "make", folder], check=True)
        line = f"unix:{home / 'line'}"
        images = options.images
        charger = Board(options.qemu, images / "charger", home / "charger", f"{line},server=on,wait=off")
        car = Board(options.qemu, images / "car", home / "car", f"{line},reconnect=1")
        boards = {"charger": charger, "car": car}
        began = time.monotonic()
        for who, board in boards.items():
            board.on(**({"cut": cut_in_write[who]} if who in cut_in_write else {}))
        try:
            while not car.has_ended_well():
                charger.has_ended_well()
                now = time.monotonic() - began
                for who, moments in kill_after_s.items():
                    if moments and now > moments[0]:
                        moments.pop(0)
                        boards[who].cut()
                        boards[who].on()
                if now > PATIENCE_S:
                    raise SystemExit(f"{name}: no end after {PATIENCE_S} s")
                time.sleep(0.01)
            charger.cut()
            charger.show()
            judged = subprocess.run(
                [options.boards, "judge", folder, str(AMOUNT)], capture_output=True, text=True
            )
            if judged.returncode != 0:
                raise SystemExit(f"{name}: {judged.stdout}{judged.stderr}")
            # The end of the charger is no cut in the middle of anything.
            cuts = car.cuts + charger.cuts - 1
            print(f"ok - {name}, {cuts} cuts: {judged.stdout.splitlines()[-1]}", flush=True)
            return cuts
        finally:
            for board in boards.values():
                board.process.kill()
                board.process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--boards", required=True)
    parser.add_argument("--qemu", default="qemu-system-arm")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--cuts", type=int, default=8, help="cuts inside a write, of each board")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    print(f"seed {options.seed}")
    run(options, "they pay each other with no gateway", {}, {})
    for who in ("car", "charger"):
        for part in range(options.cuts):
            # One cut in each part of the run.
            word = (part * WORDS + chance.randrange(WORDS)) // options.cuts
            name = f"the {who} is cut off in word {word} that it writes"
            if run(options, name, {who: word}, {}) != 1:
                raise SystemExit(f"{name}: it never wrote that word")
    for _ in range(2):
        # Whoever loses the other waits a second for the line, so later moments are reached as well.
        moments = {who: sorted(chance.uniform(0.1, 0.4) + part for part in range(4)) for who in ("car", "charger")}
        run(options, "both are cut off again and again", {}, moments)


if __name__ == "__main__":
    sys.exit(main())
