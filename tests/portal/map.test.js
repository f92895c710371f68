// The map's arithmetic against the vectors of grid codes, and its outline.
import { readFileSync } from "node:fs";
import { test } from "node:test";
import assert from "node:assert/strict";
import { LEVELS, UNITS, cellAt, inside, isLand, project, readOutline, unproject } from "../../admin/assets/map.js";

const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
const { grid_codes: codes } = JSON.parse(read("../../docs/vectors/grid-codes.json"));

test("a click chooses the cell that the grid code of that place names, at every level", () => {
  const levels = new Set();
  for (const code of codes) {
    const [latitude, longitude] = [code.latitude, code.longitude].map((units) => (units + 0.5) / UNITS);
    const cell = cellAt(latitude, longitude, code.level);
    assert.deepEqual([cell.south, cell.west], [code.corner_latitude, code.corner_longitude], code.text);
    assert.deepEqual([cell.north - cell.south, cell.east - cell.west], LEVELS[code.level - 1]);
    levels.add(code.level);
  }
  assert.equal(levels.size, LEVELS.length);
});

test("what goes into the form lies in the chosen cell", () => {
  for (const [latitude, longitude] of [[48.85837, 2.294481], [-33.8568, 151.2153], [89.99999, 179.99999], [-89.99999, -180], [0, 0], [-1e-9, -1e-9]]) {
    for (let level = 1; level <= LEVELS.length; level += 1) {
      const cell = cellAt(latitude, longitude, level);
      const [lat, lon] = inside(cell).map(Number);
      assert.ok(Math.abs(lat) <= 90 && Math.abs(lon) <= 180, `${lat} ${lon}`);
      assert.deepEqual(cellAt(lat, lon, level), cell, `${latitude} ${longitude} at level ${level}`);
    }
  }
});

test("the screen and the earth are each other's picture", () => {
  for (const [latitude, longitude] of [[0, 0], [48.85837, 2.294481], [-85, -179.9], [84.9, 179.9]]) {
    const [lat, lon] = unproject(...project(latitude, longitude));
    assert.ok(Math.abs(lat - latitude) < 1e-9 && Math.abs(lon - longitude) < 1e-9);
  }
  assert.deepEqual(project(0, 0), [0.5, 0.5]);
});

test("the outline has the continents where they are", () => {
  const rings = readOutline(read("../../admin/assets/outline.txt"));
  assert.ok(rings.length > 300);
  for (const [latitude, longitude, is] of [
    [48.86, 2.34, true], [30.3, 120.2, true], [-23.5, -46.6, true], [-25, 134, true], [1.3, 36.8, true], [64.9, -18.5, true],
    [67, -175, true], [67, 178, true], [-80, 0, true], [-84.9, 90, true], [-17.8, 178, true],
    [35, -40, false], [0, -150, false], [-50, 80, false], [42, 50.5, false], [15, 65, false], [-60, 180, false], [75, -160, false],
  ]) assert.equal(isLand(rings, project(latitude, longitude)), is, `${latitude} ${longitude}`);
});
