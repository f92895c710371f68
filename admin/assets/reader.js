// Puts a page as its reader has it: times in their own zone, and a button beside what is copied rather
// than typed. Without this script times are in UTC, as they say, and texts are copied by hand.

const TIME = /(\d{4}-\d\d-\d\d) (\d\d:\d\d)(:\d\d)? UTC/;
// Codes, in their groups; and whatever else is long and in one piece: keys, identifiers, serials.
const CODE = /^[0-9A-Z]{4}(-[0-9A-Z]{1,4}){6,}$/;
const PIECE = /^[^\s…]{20,}$/;
const COPIED_MS = 2_000;
const ICON = "M9 9V5a1 1 0 0 1 1-1h9a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-4M5 9h9a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1z";
const SVG = "http://www.w3.org/2000/svg";

/** `2026-11-22 13:31:05 UTC` as it is written in that zone, with or without seconds. */
export function inZone(text, zone) {
  const [, date, minutes, seconds] = TIME.exec(text);
  const how = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const format = new Intl.DateTimeFormat("en", { ...how, hourCycle: "h23", timeZone: zone, timeZoneName: "short" });
  const parts = format.formatToParts(new Date(`${date}T${minutes}${seconds ?? ":00"}Z`));
  const part = (name) => parts.find(({ type }) => type === name).value;
  const day = `${part("year").padStart(4, "0")}-${part("month")}-${part("day")}`;
  return `${day} ${part("hour")}:${part("minute")}${seconds ? `:${part("second")}` : ""} ${part("timeZoneName")}`;
}

/** What is copied of a text; nothing where it is not of that sort. */
export function copied(text) {
  if (CODE.test(text)) return text.replaceAll("-", "");
  return PIECE.test(text) ? text : undefined;
}

function time(found, zone) {
  const place = document.createElement("time");
  place.dateTime = `${found.replace(" UTC", "Z").replace(" ", "T")}`;
  place.title = found;
  place.textContent = inZone(found, zone);
  return place;
}

function times(root, zone) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (let text of texts) {
    if (text.parentElement.closest("time, textarea, pre, .code, code")) continue;
    for (let found; (found = TIME.exec(text.data)?.[0]); ) {
      // Nothing of HTML stands inside a picture.
      if (text.parentElement.closest("svg")) {
        text.data = text.data.replace(found, inZone(found, zone));
        continue;
      }
      const at = text.splitText(text.data.indexOf(found));
      text = at.splitText(found.length);
      at.replaceWith(time(found, zone));
    }
  }
}

function button(words) {
  const [made, icon, line] = [document.createElement("button"), document.createElementNS(SVG, "svg"), document.createElementNS(SVG, "path")];
  [made.type, made.className, made.title] = ["button", "copy", words.copy];
  made.setAttribute("aria-label", words.copy);
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  line.setAttribute("d", ICON);
  icon.append(line);
  made.append(icon);
  return made;
}

function codes(root, words) {
  for (const code of root.querySelectorAll(".code, .big-code")) {
    const isInside = code.parentElement.closest("a, button, label, summary, [data-wallet]");
    const isDone = code.nextElementSibling?.matches(".copy") || code.querySelector(".copy");
    if (isInside || isDone || copied(code.textContent.trim()) === undefined) continue;
    const made = button(words);
    // A list of them is walked through by its links.
    if (code.closest("table")) made.tabIndex = -1;
    if (code.matches("a, span, code")) code.after(made);
    else code.append(made);
  }
}

const words = globalThis.document?.querySelector("script[data-copy]")?.dataset;

/** Does so for a part of a page. */
export function read(root) {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone !== "UTC") times(root, zone);
  // Browsers give the clipboard to pages that came by TLS or from their own machine.
  if (words && navigator.clipboard) codes(root, words);
}

async function copy(made) {
  const code = made.closest(".code, .big-code") ?? made.previousElementSibling;
  await navigator.clipboard.writeText(copied(code.textContent.trim()));
  made.classList.add("done");
  made.setAttribute("aria-label", words.copied);
  setTimeout(() => {
    made.classList.remove("done");
    made.setAttribute("aria-label", words.copy);
  }, COPIED_MS);
}

if (globalThis.document) {
  read(document.body);
  document.addEventListener("click", ({ target }) => {
    const made = target.closest("button.copy");
    if (made) copy(made);
  });
}
