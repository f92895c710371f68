// Times in the zone of whoever reads, and what the button beside a text copies.
import { test } from "node:test";
import assert from "node:assert/strict";
import { copied, inZone } from "../../admin/assets/reader.js";

test("a time is written in the zone of its reader, with the day that it is there", () => {
  const time = "2026-11-23 17:40:00 UTC";
  assert.equal(inZone(time, "Asia/Shanghai"), "2026-11-24 01:40:00 GMT+8");
  assert.equal(inZone(time, "America/New_York"), "2026-11-23 12:40:00 EST");
  assert.equal(inZone("2026-07-01 00:05 UTC", "Europe/Berlin"), "2026-07-01 02:05 GMT+2");
  assert.equal(inZone("2026-11-22 16:00:00 UTC", "Asia/Shanghai"), "2026-11-23 00:00:00 GMT+8");
  assert.equal(inZone(time, "UTC"), time);
});

test("codes are copied as programs take them, other long pieces as they stand, and words not at all", () => {
  assert.equal(copied("2000-0080-2000-0001-5CPG-APGY-1Q30-Y117-0M"), "20000080200000015CPGAPGY1Q30Y1170M");
  assert.equal(copied("p256:04a1b2c3d4e5f60718293a4b"), "p256:04a1b2c3d4e5f60718293a4b");
  for (const text of ["", "2026-11-23", "onecode-station manifest --folder line-3", "20000080200000015CPG…", "M7"]) {
    assert.equal(copied(text), undefined, text);
  }
});
