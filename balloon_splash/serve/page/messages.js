/** What the page says: to screen readers alone, or as a note that everybody sees. */

import { strings } from "./strings.js";

const SHOWN_FOR = 6000; // milliseconds

const live = document.getElementById("live");
const notes = document.getElementById("notes");

/** For those who do not see what changed. */
export function announce(text) {
  live.textContent = "";
  requestAnimationFrame(() => (live.textContent = text));
}

/** For everybody; goes by itself, but for errors. */
export function note(text, { error = false } = {}) {
  const element = document.createElement("div");
  element.className = error ? "note error" : "note";
  element.setAttribute("role", error ? "alert" : "status");
  const words = document.createElement("p");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "quiet";
  close.textContent = "×";
  close.setAttribute("aria-label", strings.close);
  close.addEventListener("click", () => element.remove());
  element.append(words, close);
  notes.replaceChildren(element);
  if (!error) setTimeout(() => element.remove(), SHOWN_FOR);
}

export const clearNotes = () => notes.replaceChildren();

const busy = document.getElementById("busy");

/** Something is under way; null when it is over. `share` from 0 to 1 where it is known. */
export function working(text, share = null) {
  busy.hidden = text === null;
  busy.querySelector("p").textContent = text ?? "";
  const bar = busy.querySelector("progress");
  if (share === null) bar.removeAttribute("value");
  else bar.value = share;
  if (text) bar.setAttribute("aria-label", text);
}
