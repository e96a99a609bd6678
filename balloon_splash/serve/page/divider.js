/** A line over the picture: the original on its left, the result on its right. */

import { strings } from "./strings.js";

const STEP = 0.02;

export class Divider {
  #share = 0.5;

  constructor(frame) {
    this.frame = frame;
    this.handle = frame.querySelector(".divider");
    this.original = frame.querySelector(".original");
    this.handle.addEventListener("pointerdown", (event) => this.handle.setPointerCapture(event.pointerId));
    this.handle.addEventListener("pointermove", (event) => {
      if (this.handle.hasPointerCapture(event.pointerId)) this.#moveTo(event.clientX);
    });
    this.handle.addEventListener("keydown", (event) => this.#key(event));
  }

  get shown() {
    return !this.handle.hidden;
  }

  show(whether) {
    this.handle.hidden = this.original.hidden = !whether;
    this.#place(0.5);
    if (whether) this.handle.focus({ preventScroll: true });
  }

  #moveTo(clientX) {
    const bounds = this.frame.getBoundingClientRect();
    this.#place((clientX - bounds.left) / bounds.width);
  }

  #key(event) {
    const target = {
      ArrowLeft: this.#share - STEP,
      ArrowDown: this.#share - STEP,
      ArrowRight: this.#share + STEP,
      ArrowUp: this.#share + STEP,
      Home: 0,
      End: 1,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    this.#place(target);
  }

  #place(share) {
    this.#share = Math.max(0, Math.min(1, share));
    const percent = Math.round(this.#share * 100);
    this.frame.style.setProperty("--divider", `${this.#share * 100}%`);
    this.handle.setAttribute("aria-valuenow", percent);
    this.handle.setAttribute("aria-valuetext", strings.dividerAt(percent));
  }
}
