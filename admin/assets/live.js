// Keeps a page up to date. An element with `data-live` names a stream of the portal. Each event
// `parts` brings the page's parts anew, and those that read differently take the place of what is
// shown; each event `row` brings a line for the list `data-rows`; the event `over` says that there
// will be no more. Without this script the page is what it was when it was opened, and says so.

import { read } from "./reader.js";

const ROWS_MAX = 100;

/** Puts the parts in `html` where parts of the same name stand; leaves alone what somebody is using. */
export function renew(root, html) {
  const news = new DOMParser().parseFromString(html, "text/html");
  for (const part of news.querySelectorAll("[data-part]")) {
    read(part);
    const shown = root.querySelector(`[data-part="${part.dataset.part}"]`);
    const used = shown?.contains(document.activeElement);
    if (shown && !used && shown.outerHTML !== part.outerHTML) shown.replaceWith(document.adoptNode(part));
  }
}

/** Puts the line in `html` above the others, and takes the oldest away. */
export function add(root, html) {
  const list = root.querySelector("[data-rows]");
  const line = new DOMParser().parseFromString(html, "text/html").querySelector("li");
  if (!list || !line) return;
  read(line);
  list.querySelector("[data-none]")?.remove();
  list.prepend(document.adoptNode(line));
  while (list.children.length > ROWS_MAX) list.lastElementChild.remove();
}

/** Shows the words for how it is going. */
function say(root, word) {
  for (const words of root.querySelectorAll("[data-when]")) words.hidden = words.dataset.when !== word;
}

function follow(root) {
  const stream = new EventSource(root.dataset.live);
  stream.addEventListener("open", () => say(root, "live"));
  stream.addEventListener("parts", (event) => renew(root, event.data));
  stream.addEventListener("row", (event) => add(root, event.data));
  stream.addEventListener("over", () => {
    stream.close();
    say(root, "over");
  });
  // The browser asks again by itself, unless it was refused.
  stream.addEventListener("error", () => say(root, stream.readyState === EventSource.CLOSED ? "over" : "lost"));
  window.addEventListener("pagehide", () => stream.close());
}

for (const root of globalThis.document?.querySelectorAll("[data-live]") ?? []) follow(root);
