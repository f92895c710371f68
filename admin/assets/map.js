// The map: coastlines that lie in the program, tiles where somebody configured them, the lattice of
// grid codes, and what stands where. An element with `data-map` holds the canvas, its buttons and the
// words; a click chooses a cell, and goes into the fields of the form beside it where there is one.

/** Lattice units to a degree, and the height and width of a cell of each level (docs/protocol.md, 3). */
export const UNITS = 7_372_800;
export const LEVELS = [
  [29_491_200, 44_236_800], [3_686_400, 3_686_400], [1_228_800, 1_843_200], [122_880, 122_880], [8_192, 8_192],
  [4_096, 4_096], [512, 512], [64, 64], [8, 8], [1, 1],
];
const POLE = 90 * UNITS;
const DATE_LINE = 180 * UNITS;

const MERCATOR_LATITUDE_MAX = 85.0511;
const SCALE_MAX = 2e11; // pixels around the earth: a cell of 1/2048 arc second is some 75 wide
const COAST_SCALE_MAX = 4e7; // beyond it the outline says only whether this is land
const TILES_KEPT_MAX = 256;
const TILE_PX = 256;
const LINES_MAX = 200;
const CLICK_PX = 4;
const WAIT_MS = 150;

// --- places

/** The cell around a point given in degrees: its edges in lattice units. */
export function cellAt(latitude, longitude, level) {
  const [height, width] = LEVELS[level - 1];
  const lat = Math.min(Math.floor(latitude * UNITS), POLE - 1);
  const lon = ((((Math.floor(longitude * UNITS) + DATE_LINE) % (2 * DATE_LINE)) + 2 * DATE_LINE) % (2 * DATE_LINE)) - DATE_LINE;
  const [south, west] = [Math.floor(lat / height) * height, Math.floor(lon / width) * width];
  return { south, west, north: south + height, east: west + width };
}

/** Degrees for a field of a form: a point well inside the cell, exact in nine decimals. */
export function inside({ south, west, north, east }) {
  const middle = (a, b) => ((Math.max(a, -POLE * 2) + b) / 2 / UNITS).toFixed(9);
  return [middle(Math.max(south, -POLE), Math.min(north, POLE)), middle(west, east)];
}

/** Web Mercator: the earth as a square from 0 to 1, north above. */
export function project(latitude, longitude) {
  const bounded = Math.max(-MERCATOR_LATITUDE_MAX, Math.min(MERCATOR_LATITUDE_MAX, latitude));
  const sine = Math.sin((bounded * Math.PI) / 180);
  return [longitude / 360 + 0.5, 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)];
}

export function unproject(x, y) {
  return [(Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI, (x - 0.5) * 360];
}

/** Rings of an outline: its first line says where it is from, every other is an encoded polyline. */
export function readOutline(text) {
  return text.split("\n").slice(1).filter(Boolean).map((line) => {
    const [points, sum] = [[], [0, 0]];
    let [number, shift, axis] = [0, 0, 0];
    for (const character of line) {
      const bits = character.charCodeAt(0) - 63;
      number |= (bits & 31) << shift;
      shift += 5;
      if (bits >= 32) continue;
      sum[axis] += number & 1 ? ~(number >> 1) : number >> 1;
      if (axis === 1) points.push(project(sum[0] / 100, sum[1] / 100));
      [number, shift, axis] = [0, 0, 1 - axis];
    }
    return points;
  });
}

/** Whether a point of the square lies within an odd number of rings. */
export function isLand(rings, [x, y]) {
  const crosses = ([ax, ay], [bx, by]) => ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax;
  const count = (ring) => ring.filter((point, at) => crosses(point, ring[(at + 1) % ring.length])).length;
  return rings.reduce((sum, ring) => sum + count(ring), 0) % 2 === 1;
}

// --- the map on the page

class WorldMap {
  constructor(frame) {
    this.frame = frame;
    this.canvas = frame.querySelector("canvas");
    this.pen = this.canvas.getContext("2d");
    this.fields = Object.fromEntries(["latitude", "longitude", "level"].map((name) => [name, document.getElementById(name)]));
    this.view = { x: 0.5, y: 0.42, scale: 900 };
    this.coast = [];
    this.places = [];
    this.tiles = new Map();
    this.touches = new Map();
    this.listen();
    this.resize();
    this.begin();
  }

  async begin() {
    const [latitude, longitude] = ["latitude", "longitude"].map((name) => Number.parseFloat(this.fields[name]?.value));
    if (Number.isFinite(latitude) && Number.isFinite(longitude)) {
      this.choose(latitude, longitude);
      this.look(latitude, longitude, Math.min(SCALE_MAX, 40 / this.cellShare()));
    }
    this.coast = readOutline(await (await fetch(this.frame.dataset.outline)).text());
    this.draw();
  }

  get level() {
    return Number(this.fields.level?.value ?? 8);
  }

  /** The width of a cell of the level, as a share of the earth. */
  cellShare() {
    return LEVELS[this.level - 1][1] / (2 * DATE_LINE);
  }

  // --- from and to the screen

  toScreen(x, y) {
    const { width, height } = this;
    return [(x - this.view.x) * this.view.scale + width / 2, (y - this.view.y) * this.view.scale + height / 2];
  }

  toDegrees(left, top) {
    const { x, y, scale } = this.view;
    return unproject(x + (left - this.width / 2) / scale, y + (top - this.height / 2) / scale);
  }

  corners({ south, west, north, east }) {
    const [left, bottom] = this.toScreen(...project(south / UNITS, west / UNITS));
    const [right, top] = this.toScreen(...project(north / UNITS, east / UNITS));
    return { left, top, width: right - left, height: bottom - top };
  }

  look(latitude, longitude, scale) {
    [this.view.x, this.view.y] = project(latitude, longitude);
    this.zoomTo(scale, this.width / 2, this.height / 2);
  }

  zoomTo(scale, left, top) {
    const bounded = Math.max(this.width * 0.9, Math.min(SCALE_MAX, scale));
    const shift = 1 / this.view.scale - 1 / bounded;
    this.view.x += (left - this.width / 2) * shift;
    this.view.y += (top - this.height / 2) * shift;
    this.view.scale = bounded;
    this.moved();
  }

  pan(dx, dy) {
    this.view.x -= dx / this.view.scale;
    this.view.y -= dy / this.view.scale;
    this.moved();
  }

  moved() {
    const { view } = this;
    view.x = Math.max(0, Math.min(1, view.x));
    view.y = Math.max(0, Math.min(1, view.y));
    this.draw();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), WAIT_MS);
  }

  // --- what stands there

  async ask() {
    this.asking?.abort();
    this.asking = new AbortController();
    const [[north, west], [south, east]] = [this.toDegrees(0, 0), this.toDegrees(this.width, this.height)];
    const bounds = { north, west: Math.max(-180, west), south, east: Math.min(180, east) };
    const query = new URLSearchParams(Object.entries(bounds).map(([name, value]) => [name, value.toFixed(9)]));
    try {
      const answer = await fetch(`${this.frame.dataset.places}?${query}`, { signal: this.asking.signal });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      this.places = (await answer.json()).places;
      this.say("trouble", "");
    } catch (error) {
      if (error.name === "AbortError") return;
      this.say("trouble", this.frame.dataset.trouble);
    }
    this.draw();
  }

  say(where, text) {
    const place = this.frame.querySelector(`[data-say=${where}]`);
    if (place && place.textContent !== text) place.textContent = text;
  }

  choose(latitude, longitude) {
    this.chosen = cellAt(latitude, longitude, this.level);
    const [lat, lon] = inside(this.chosen);
    if (this.fields.latitude) [this.fields.latitude.value, this.fields.longitude.value] = [lat, lon];
    this.say("chosen", `${lat}, ${lon}`);
    const link = this.frame.querySelector("[data-issue]");
    if (link) {
      link.href = `/issue-grid?latitude=${lat}&longitude=${lon}&level=${this.level}`;
      link.hidden = false;
    }
    this.frame.dataset.chosen = `${this.chosen.south} ${this.chosen.west}`;
    this.draw();
  }

  // --- drawing

  resize() {
    const { width, height } = this.canvas.getBoundingClientRect();
    const ratio = globalThis.devicePixelRatio || 1;
    [this.width, this.height] = [width, height];
    [this.canvas.width, this.canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.zoomTo(this.view.scale, width / 2, height / 2);
  }

  draw() {
    cancelAnimationFrame(this.frameAsked);
    this.frameAsked = requestAnimationFrame(() => this.paint());
  }

  paint() {
    const style = getComputedStyle(this.frame);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const { pen } = this;
    const isCoarse = this.view.scale < COAST_SCALE_MAX;
    pen.fillStyle = colour(!isCoarse && isLand(this.coast, [this.view.x, this.view.y]) ? "card" : "info-tint");
    pen.fillRect(0, 0, this.width, this.height);
    if (isCoarse) this.paintCoast(colour);
    if (this.frame.dataset.tiles) this.paintTiles();
    this.paintLattice(colour);
    for (const place of this.places) this.paintPlace(place, colour);
    if (this.chosen) this.paintChosen(colour);
    const [latitude, longitude] = this.toDegrees(this.width / 2, this.height / 2);
    this.say("centre", `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`);
  }

  paintCoast(colour) {
    const { pen } = this;
    pen.beginPath();
    for (const ring of this.coast) {
      ring.forEach(([x, y], at) => (at ? pen.lineTo(...this.toScreen(x, y)) : pen.moveTo(...this.toScreen(x, y))));
      pen.closePath();
    }
    pen.fillStyle = colour("card");
    pen.fill("evenodd");
    pen.strokeStyle = colour("edge");
    pen.lineWidth = 0.7;
    pen.stroke();
  }

  paintTiles() {
    const zoom = Math.max(0, Math.min(19, Math.round(Math.log2(this.view.scale / TILE_PX))));
    const count = 2 ** zoom;
    const size = this.view.scale / count;
    const first = (edge) => Math.max(0, Math.floor(edge * count));
    const [west, north] = [this.view.x - this.width / 2 / this.view.scale, this.view.y - this.height / 2 / this.view.scale];
    for (let y = first(north); y < count && this.toScreen(0, y / count)[1] < this.height; y += 1) {
      for (let x = first(west); x < count && this.toScreen(x / count, 0)[0] < this.width; x += 1) {
        const image = this.tile(`${zoom}/${x}/${y}`, { z: zoom, x, y });
        if (image.complete && image.naturalWidth) this.pen.drawImage(image, ...this.toScreen(x / count, y / count), size, size);
      }
    }
  }

  tile(name, numbers) {
    const kept = this.tiles.get(name);
    if (kept) return kept;
    const image = new Image();
    image.onload = () => this.draw();
    image.src = this.frame.dataset.tiles.replace(/\{([xyz])\}/g, (_, letter) => numbers[letter]);
    this.tiles.set(name, image);
    if (this.tiles.size > TILES_KEPT_MAX) this.tiles.delete(this.tiles.keys().next().value);
    return image;
  }

  /** Lines of the finest level, down to the chosen one, whose cells can be told apart. */
  paintLattice(colour) {
    const finest = LEVELS.findLastIndex(([, width], at) => at < this.level && (width / (2 * DATE_LINE)) * this.view.scale >= 14);
    if (finest < 0) return;
    const [height, width] = LEVELS[finest];
    const [[north, west], [south, east]] = [this.toDegrees(0, 0), this.toDegrees(this.width, this.height)];
    const { pen } = this;
    pen.beginPath();
    const lines = (from, to, step, limit, line) => {
      const begin = Math.max(Math.ceil((from * UNITS) / step) * step, -limit);
      for (let at = begin, left = LINES_MAX; at <= Math.min(to * UNITS, limit) && left > 0; at += step, left -= 1) line(at / UNITS);
    };
    lines(west, east, width, DATE_LINE, (longitude) => {
      const [left] = this.toScreen(...project(0, longitude));
      pen.moveTo(left, 0);
      pen.lineTo(left, this.height);
    });
    lines(south, north, height, POLE, (latitude) => {
      const [, top] = this.toScreen(...project(latitude, 0));
      pen.moveTo(0, top);
      pen.lineTo(this.width, top);
    });
    pen.strokeStyle = colour("edge");
    pen.globalAlpha = 0.35;
    pen.lineWidth = 0.6;
    pen.stroke();
    pen.globalAlpha = 1;
    this.say("lattice", this.frame.dataset.levels.split("|")[finest] ?? "");
  }

  middleOf(place) {
    if (place.grid) {
      const { left, top, width, height } = this.corners(place);
      return [left + width / 2, top + height / 2];
    }
    return this.toScreen(...project(place.latitude / UNITS, place.longitude / UNITS));
  }

  paintPlace(place, colour) {
    const { pen } = this;
    const [left, top] = this.middleOf(place);
    const box = place.grid ? this.corners(place) : null;
    pen.fillStyle = pen.strokeStyle = colour("accent");
    if (box && box.width >= 8) {
      pen.globalAlpha = 0.25;
      pen.fillRect(box.left, box.top, box.width, box.height);
      pen.globalAlpha = 1;
      pen.lineWidth = 1.5;
      pen.strokeRect(box.left, box.top, box.width, box.height);
    } else {
      pen.beginPath();
      pen.arc(left, top, place.grid ? 5 : Math.min(24, 9 + 3 * Math.log10(place.count)), 0, 2 * Math.PI);
      pen.fill();
    }
    pen.font = "600 12px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillStyle = colour(place.grid ? "ink" : "accent-ink");
    if (!place.grid) pen.fillText(place.count, left, top);
    else if (this.places.length <= 40) pen.fillText(place.name, left, top + Math.max(14, (box?.height ?? 0) / 2 + 10));
  }

  paintChosen(colour) {
    const { left, top, width, height } = this.corners(this.chosen);
    const { pen } = this;
    pen.strokeStyle = colour("bad");
    pen.lineWidth = 2;
    pen.strokeRect(left, top, width, height);
    if (width < 12) {
      pen.beginPath();
      pen.arc(left + width / 2, top + height / 2, 9, 0, 2 * Math.PI);
      pen.stroke();
    }
  }

  // --- hands

  listen() {
    const { canvas } = this;
    const at = ({ offsetX, offsetY }) => [offsetX, offsetY];
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.touches.set(event.pointerId, at(event));
      this.travelled = this.touches.size > 1 ? Infinity : 0;
    });
    canvas.addEventListener("pointermove", (event) => this.drag(event.pointerId, at(event)));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => {
        const known = this.touches.delete(event.pointerId);
        if (known && end === "pointerup" && this.travelled < CLICK_PX) this.click(...at(event));
      });
    }
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomTo(this.view.scale * 2 ** (-event.deltaY / 240), ...at(event));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    for (const button of this.frame.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.zoomTo(this.view.scale * Number(button.dataset.zoom), this.width / 2, this.height / 2));
    }
    this.fields.level?.addEventListener("change", () => {
      if (this.chosen) this.choose((this.chosen.south + 0.5) / UNITS, (this.chosen.west + 0.5) / UNITS);
      else this.draw();
    });
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  drag(id, [left, top]) {
    const before = this.touches.get(id);
    if (!before) return;
    this.touches.set(id, [left, top]);
    const others = [...this.touches].filter(([other]) => other !== id).map(([, point]) => point);
    if (others.length === 1) {
      const [fixed] = others;
      const apart = (point) => Math.hypot(point[0] - fixed[0], point[1] - fixed[1]) || 1;
      this.zoomTo((this.view.scale * apart([left, top])) / apart(before), ...fixed);
      return;
    }
    this.travelled += Math.hypot(left - before[0], top - before[1]);
    this.pan(left - before[0], top - before[1]);
  }

  click(left, top) {
    const near = (place) => {
      const [x, y] = this.middleOf(place);
      return Math.hypot(x - left, y - top);
    };
    const [place] = this.places.filter((place) => near(place) < 16).sort((a, b) => near(a) - near(b));
    if (place && !place.grid) this.zoomTo(this.view.scale * 4, left, top);
    else if (place && this.frame.dataset.open) location.href = `/grids/${place.grid}`;
    else this.choose(...this.toDegrees(left, top));
  }

  key(event) {
    const step = 60;
    const acts = {
      ArrowLeft: () => this.pan(step, 0),
      ArrowRight: () => this.pan(-step, 0),
      ArrowUp: () => this.pan(0, step),
      ArrowDown: () => this.pan(0, -step),
      "+": () => this.zoomTo(this.view.scale * 2, this.width / 2, this.height / 2),
      "-": () => this.zoomTo(this.view.scale / 2, this.width / 2, this.height / 2),
      Enter: () => this.choose(...this.toDegrees(this.width / 2, this.height / 2)),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }
}

if (globalThis.document) for (const frame of document.querySelectorAll("[data-map]")) frame.worldMap = new WorldMap(frame);
