// Sheets of labels, read by a scanner made by others (zbar).
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Sheets of 5 by 13 labels, in mm.
export const SHEET = { name: "a4-65", labels: 65, rows: 13, top: 10.7, pitch: 21.2, height: 21.2 };
const DPI = 300;
const PAGES_AT_ONCE = 10;

// The rows of labels on a page, each as a picture; zbar is at a loss before sixty symbols at once.
function cutRows(page) {
  const bytes = readFileSync(page);
  const [header, ...size] = /^P5\n(\d+) (\d+)\n255\n/.exec(bytes.toString("latin1", 0, 32));
  const [width, height] = size.map(Number);
  const pixels = (mm) => Math.floor((mm * DPI) / 25.4);
  return Array.from({ length: SHEET.rows }, (_, row) => {
    const top = pixels(SHEET.top + row * SHEET.pitch);
    const lines = Math.min(pixels(SHEET.height), height - top);
    const file = `${page}-${row}.pgm`;
    const picture = bytes.subarray(header.length + top * width, header.length + (top + lines) * width);
    writeFileSync(file, Buffer.concat([Buffer.from(`P5\n${width} ${lines}\n255\n`), picture]));
    return file;
  });
}

// What stands in the symbols on these pages of a sheet, from 1 on; `folder` is made and gone again.
export function scan(sheet, pages, folder) {
  const symbols = new Set();
  for (let first = 0; first < pages.length; first += PAGES_AT_ONCE) {
    mkdirSync(folder);
    for (const page of pages.slice(first, first + PAGES_AT_ONCE)) {
      execFileSync("pdftoppm", ["-gray", "-r", String(DPI), "-f", String(page), "-l", String(page), sheet, join(folder, "page")]);
    }
    const rows = readdirSync(folder).flatMap((name) => cutRows(join(folder, name)));
    // Rows without labels say nothing, and zbar then ends with a status of its own.
    const { stdout } = spawnSync("zbarimg", ["--nodbus", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", ...rows], { encoding: "utf8" });
    for (const symbol of stdout.trim().split("\n").filter(Boolean)) symbols.add(symbol);
    rmSync(folder, { recursive: true });
  }
  return symbols;
}
