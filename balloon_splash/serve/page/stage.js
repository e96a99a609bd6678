/** Where the picture is shown: its size on the screen, the pointer and the keys on it, and the marks over it. */

import { drawCross } from "./tools.js";

const STEP = 0.02; // of the picture's width: how far an arrow key goes
const FINE_STEP = 0.004; // with Shift

export class Stage {
  #editor = null;
  #tool = null;
  #cross = null; // where the keyboard points, in working pixels
  #pressed = false;

  constructor(section, { onCross }) {
    this.section = section;
    this.frame = section.querySelector(".frame");
    this.result = section.querySelector(".result");
    this.original = section.querySelector(".original");
    this.marks = section.querySelector(".marks");
    this.onCross = onCross;
    new ResizeObserver(() => this.#fit()).observe(section);
    this.#listen();
  }

  get tool() {
    return this.#tool;
  }

  /** Show another picture. */
  show(editor) {
    this.#editor = editor;
    this.#cross = null;
    this.original.width = editor.photo.width;
    this.original.height = editor.photo.height;
    this.original.getContext("2d").drawImage(editor.photo, 0, 0);
    this.#fit();
  }

  use(tool) {
    this.#tool?.cancel();
    this.#tool = tool;
    this.#pressed = false;
    this.marks.style.cursor = tool ? tool.cursor : "default";
    this.marks.style.touchAction = tool?.drags ? "pinch-zoom" : "manipulation";
    this.drawMarks();
  }

  /** Working pixels for one pixel of the screen. */
  get unit() {
    return this.#editor ? this.#editor.photo.width / this.frame.clientWidth : 1;
  }

  drawMarks() {
    const context = this.marks.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.marks.width, this.marks.height);
    if (!this.#editor || !this.#tool) return;
    const scale = this.marks.width / this.#editor.photo.width;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    this.#tool.draw(context, this.unit);
    if (this.#cross) drawCross(context, this.#cross, this.unit);
  }

  #fit() {
    if (!this.#editor) return;
    const { width, height } = this.#editor.photo;
    this.section.style.setProperty("--aspect", width / height);
    const style = getComputedStyle(this.section);
    const availableWidth = this.section.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const availableHeight = this.section.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    const scale = Math.max(0.01, Math.min(availableWidth / width, availableHeight / height));
    this.frame.style.width = `${Math.floor(width * scale)}px`;
    this.frame.style.height = `${Math.floor(height * scale)}px`;
    this.marks.width = Math.round(this.frame.clientWidth * devicePixelRatio);
    this.marks.height = Math.round(this.frame.clientHeight * devicePixelRatio);
    this.drawMarks();
  }

  #listen() {
    const { marks } = this;
    marks.addEventListener("pointermove", (event) => {
      this.#cross = null;
      for (const each of event.getCoalescedEvents?.() ?? []) this.#tool?.move(this.#point(each));
      this.#then(() => this.#tool?.move(this.#point(event)));
    });
    marks.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      this.#cross = null;
      marks.setPointerCapture(event.pointerId);
      this.#pressed = true;
      this.#then(() => this.#tool?.press(this.#point(event), this.unit));
    });
    marks.addEventListener("pointerup", (event) => {
      if (!this.#pressed) return;
      this.#pressed = false;
      this.#then(() => this.#tool?.release(this.#point(event)));
    });
    marks.addEventListener("pointercancel", () => this.#stop());
    marks.addEventListener("pointerleave", () => {
      if (!this.#pressed) this.#stop();
    });
    marks.addEventListener("keydown", (event) => this.#key(event));
    marks.addEventListener("blur", () => {
      this.#cross = null;
      this.#stop();
    });
  }

  #stop() {
    this.#pressed = false;
    this.#then(() => this.#tool?.cancel());
  }

  #then(action) {
    action();
    this.drawMarks();
  }

  #point(event) {
    const bounds = this.marks.getBoundingClientRect();
    const { width, height } = this.#editor.photo;
    return [
      ((event.clientX - bounds.left) / bounds.width) * width,
      ((event.clientY - bounds.top) / bounds.height) * height,
    ];
  }

  #key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!this.#editor || !this.#tool || event.ctrlKey || event.metaKey || event.altKey) return;
    if (way) this.#moveCross(way, event.shiftKey ? FINE_STEP : STEP);
    else if (event.key === "Enter" || event.key === " ") this.#pressCross();
    else if (event.key === "Escape") {
      this.#cross = null;
      this.#stop();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #moveCross([dx, dy], step) {
    const { width, height } = this.#editor.photo;
    const [x, y] = this.#cross ?? [width / 2, height / 2];
    const length = step * Math.max(width, height);
    this.#cross = [Math.max(0, Math.min(width, x + dx * length)), Math.max(0, Math.min(height, y + dy * length))];
    this.#then(() => this.#tool.move(this.#cross));
    this.onCross({ point: this.#cross, event: "moved" });
  }

  /** A press and its release at once, or, for tools that draw, one after the other. */
  #pressCross() {
    const { width, height } = this.#editor.photo;
    this.#cross ??= [width / 2, height / 2];
    const begins = !this.#pressed;
    this.#then(() => {
      if (begins) this.#tool.press(this.#cross, this.unit);
      if (!begins || !this.#tool.drags) this.#tool.release(this.#cross);
    });
    this.#pressed = begins && this.#tool.drags;
    this.onCross({ point: this.#cross, event: this.#pressed ? "pressed" : "released" });
  }
}
