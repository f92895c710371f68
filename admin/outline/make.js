// Makes the coastlines of the portal's map: `npm ci && npm run make`.
//
// From the land of world-atlas (npm, ISC), which packs the 1:50m data of Natural Earth, in the public
// domain. Coastlines only: no borders. Small islands and needless points are left out (Visvalingam
// and Whyatt, 1993), and each ring becomes a line of text: an encoded polyline with two decimals of a
// degree, latitude before longitude.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const HUNDREDTHS = 100;
const POINT_AREA_MIN = 0.006; // square degrees that a point has to stand for
const RING_AREA_MIN = 0.02; // square degrees of the smallest island

const source = createRequire(import.meta.url).resolve("world-atlas/land-50m.json");
const { arcs, transform, objects } = JSON.parse(readFileSync(source, "utf8"));

function degreesOf(arc) {
  let [x, y] = [0, 0];
  const [[scaleX, scaleY], [left, bottom]] = [transform.scale, transform.translate];
  return arc.map(([dx, dy]) => [(x += dx) * scaleX + left, (y += dy) * scaleY + bottom]);
}

function joined(ring) {
  const points = ring.flatMap((index) => {
    const arc = degreesOf(arcs[index < 0 ? ~index : index]);
    return (index < 0 ? arc.reverse() : arc).slice(0, -1);
  });
  return points;
}

const triangle = ([ax, ay], [bx, by], [cx, cy]) => Math.abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2;

function area(points) {
  const doubled = points.reduce((sum, [x, y], at) => {
    const [nextX, nextY] = points[(at + 1) % points.length];
    return sum + x * nextY - nextX * y;
  }, 0);
  return Math.abs(doubled) / 2;
}

// Takes out the point that stands for the smallest area until every point stands for enough. Degrees
// of longitude shrink towards the poles.
function simplified(ring) {
  let points = ring;
  for (;;) {
    const weights = points.map((point, at) => {
      const [before, after] = [points.at(at - 1), points[(at + 1) % points.length]];
      return triangle(before, point, after) * Math.cos((Math.max(point[1], -80) * Math.PI) / 180);
    });
    // The smallest of each neighbourhood at once: the same shape, fewer rounds.
    const kept = points.filter((_, at) => {
      const [before, after] = [weights.at(at - 1), weights[(at + 1) % weights.length]];
      const isLeast = weights[at] < before && weights[at] <= after;
      return !(isLeast && weights[at] < POINT_AREA_MIN);
    });
    if (kept.length === points.length || kept.length < 4) return points;
    points = kept;
  }
}

// Longitudes that run on across the date line instead of jumping; a ring around the pole is led down
// to it and back.
function unwrapped(ring) {
  let turn = 0;
  const points = ring.map(([x, y], at) => {
    const step = at ? x - ring[at - 1][0] : 0;
    if (Math.abs(step) > 180) turn -= Math.sign(step) * 360;
    return [x + turn, y];
  });
  const [[first], [last]] = [points[0], points.at(-1)];
  const around = Math.round((last - first) / 360) * 360;
  if (around === 0) return points;
  return [...points, [first + around, points[0][1]], [first + around, -90], [first, -90]];
}

// The part of a ring on one side of a meridian (Sutherland and Hodgman, 1974).
function cutAt(ring, meridian, side) {
  const keeps = ([x]) => side * (x - meridian) >= 0;
  return ring.flatMap((point, at) => {
    const before = ring.at(at - 1);
    if (keeps(before) === keeps(point)) return keeps(point) ? [point] : [];
    const share = (meridian - before[0]) / (point[0] - before[0]);
    const cut = [meridian, before[1] + share * (point[1] - before[1])];
    return keeps(point) ? [cut, point] : [cut];
  });
}

function onTheMap(ring) {
  const whole = unwrapped(ring);
  const turns = [-360, 0, 360].map((turn) => whole.map(([x, y]) => [x + turn, y]));
  return turns.map((turned) => cutAt(cutAt(turned, -180, 1), 180, -1)).filter((part) => part.length > 2);
}

function encoded(number) {
  let rest = number < 0 ? ~(number << 1) : number << 1;
  let text = "";
  for (; rest >= 0x20; rest >>= 5) text += String.fromCharCode((0x20 | (rest & 0x1f)) + 63);
  return text + String.fromCharCode(rest + 63);
}

function line(points) {
  let [lastX, lastY] = [0, 0];
  return points
    .map(([longitude, latitude]) => {
      const [x, y] = [Math.round(longitude * HUNDREDTHS), Math.round(latitude * HUNDREDTHS)];
      const text = encoded(y - lastY) + encoded(x - lastX);
      [lastX, lastY] = [x, y];
      return text;
    })
    .join("");
}

const rings = objects.land.geometries.flatMap(({ type, arcs }) => (type === "Polygon" ? arcs : arcs.flat()));
const shapes = rings.map(joined).flatMap(onTheMap).filter((ring) => area(ring) >= RING_AREA_MIN).map(simplified);
const kept = shapes.filter((ring) => ring.length > 3).sort((a, b) => area(b) - area(a));
console.log("Coastlines: Natural Earth (naturalearthdata.com), public domain; made by admin/outline/make.js");
for (const ring of kept) console.log(line(ring));
const points = kept.reduce((sum, ring) => sum + ring.length, 0);
console.error(`${kept.length} rings, ${points} points of ${rings.reduce((sum, ring) => sum + joined(ring).length, 0)}`);
