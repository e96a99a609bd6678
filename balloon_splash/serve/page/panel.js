/** The controls beside the picture: objects, background, edges. They show the choices and change them. */

import { KINDS, canvasOf } from "./backgrounds.js";
import { compose } from "./compositor.js";
import { LARGEST_GROWTH, LARGEST_SOFTNESS } from "./editor.js";
import { strings } from "./strings.js";

const THUMB = 112; // pixels
const TILE = [120, 84];
const TILES_AFTER = 120; // milliseconds without a change

export class Panel {
  #editor = null;
  #thumbs = new Map(); // by object
  #tiles = new Map(); // by kind
  #tilesDue = null;

  /** @param onPick a thumbnail was clicked. @param onHover one is pointed at, or null. */
  constructor({ onPick, onHover, onPicture }) {
    this.onPick = onPick;
    this.onHover = onHover;
    this.onPicture = onPicture;
    this.#makeTiles();
    this.#listen();
  }

  show(editor) {
    this.#editor = editor;
    this.#thumbs.clear();
    this.#setRanges();
    this.update(editor.choices);
  }

  /** Show these choices. */
  update(choices) {
    this.#updateObjects(choices);
    this.#updateBackground(choices);
    this.#updateEdges(choices);
    clearTimeout(this.#tilesDue);
    this.#tilesDue = setTimeout(() => this.#drawTiles(), TILES_AFTER);
  }

  /** Mark the thumbnail of the object that is pointed at. */
  highlight(object) {
    for (const [each, button] of this.#thumbs) button.classList.toggle("pointed", each === object);
  }

  #updateObjects({ objects, record }) {
    const list = byId("objects");
    const same = list.children.length === objects.length && objects.every((object) => this.#thumbs.has(object));
    if (!same) {
      this.#thumbs = new Map(objects.map((object) => [object, this.#makeThumb(object)]));
      list.replaceChildren(...this.#thumbs.values());
    }
    for (const [object, button] of this.#thumbs) button.setAttribute("aria-pressed", this.#editor.inColour(object));
    byId("objects-kept").textContent = record ? strings.objectsKept(this.#editor.numberInColour, objects.length) : "";
    byId("nothing").hidden = !record || objects.length > 0;
    byId("objects-all").hidden = objects.length < 2;
  }

  #makeThumb(object) {
    const button = document.createElement("button");
    button.type = "button";
    const name = strings.objectLabel(object.className, object.number, object.score);
    button.setAttribute("aria-label", name);
    button.title = name;
    const mark = icon("i-check");
    const label = document.createElement("span");
    label.textContent = object.number;
    button.append(cropOf(this.#editor.photo, object), mark, label);
    button.addEventListener("click", () => this.onPick(object));
    for (const type of ["pointerenter", "focus"]) button.addEventListener(type, () => this.onHover(object));
    for (const type of ["pointerleave", "blur"]) button.addEventListener(type, () => this.onHover(null));
    return button;
  }

  #makeTiles() {
    for (const kind of Object.keys(KINDS)) {
      const label = document.createElement("label");
      label.className = `tile ${kind}`;
      label.title = strings.backgroundLong[kind];
      const radio = document.createElement("input");
      radio.type = "radio";
      radio.name = "background";
      radio.value = kind;
      radio.setAttribute("aria-label", strings.backgroundLong[kind]);
      const picture = canvasOf(...TILE);
      picture.setAttribute("aria-hidden", "true");
      const name = document.createElement("span");
      name.textContent = strings.backgrounds[kind];
      label.append(radio, picture, name);
      byId("backgrounds").append(label);
      this.#tiles.set(kind, { radio, picture });
      radio.addEventListener("change", () => this.#chooseKind(kind));
    }
  }

  #chooseKind(kind) {
    this.#editor.setBackground({ kind });
    if (kind === "image" && !this.#editor.choices.background.picture) this.onPicture();
  }

  #updateBackground({ background, invert }) {
    const { kind, amounts, colour } = background;
    this.#tiles.get(kind).radio.checked = true;
    const { amount } = KINDS[kind];
    byId("amount").hidden = !amount;
    if (amount) {
      const range = byId("amount-range");
      Object.assign(range, { min: amount.min, max: amount.max, step: amount.step, value: amounts[kind] });
      byId("amount").querySelector("label").textContent = strings.amount[kind];
      const shown =
        kind === "desaturate" ? strings.percent(amounts[kind]) : strings.pixels(amounts[kind] * this.#editor.longerSide);
      say(range, shown);
    }
    byId("colour").hidden = kind !== "colour";
    byId("colour-input").value = colour;
    byId("picture").hidden = kind !== "image";
    byId("invert").checked = invert;
  }

  #setRanges() {
    const { longerSide } = this.#editor;
    const step = Math.max(0.5, Math.round(longerSide / 1000) / 2);
    const most = (share) => Math.ceil((share * longerSide) / step) * step;
    Object.assign(byId("softness"), { min: 0, max: most(LARGEST_SOFTNESS), step });
    Object.assign(byId("grow"), { min: -most(LARGEST_GROWTH), max: most(LARGEST_GROWTH), step });
  }

  #updateEdges({ softness, grow }) {
    byId("softness").value = softness;
    byId("grow").value = grow;
    say(byId("softness"), strings.pixels(softness));
    say(byId("grow"), `${grow > 0 ? "+" : ""}${strings.pixels(grow)}`);
    byId("reset-edges").hidden = !softness && !grow;
  }

  #drawTiles() {
    if (!this.#editor) return;
    const { background, invert } = this.#editor.choices;
    const { width, height } = this.#editor.photo;
    const scale = Math.max(TILE[0] / width, TILE[1] / height);
    const layers = this.#editor.compositor.miniature(width * scale, height * scale);
    const whole = canvasOf(layers.photo.width, layers.photo.height);
    for (const [kind, { picture }] of this.#tiles) {
      const empty = kind === "image" && !background.picture;
      picture.parentElement.classList.toggle("empty", empty);
      if (empty) continue;
      compose(whole, { ...layers, invert }, { ...background, kind });
      const context = picture.getContext("2d");
      context.clearRect(0, 0, ...TILE);
      context.drawImage(whole, (TILE[0] - whole.width) / 2, (TILE[1] - whole.height) / 2);
    }
  }

  #listen() {
    const gestures = {
      "amount-range": (value) => {
        const { kind, amounts } = this.#editor.choices.background;
        this.#editor.setBackground({ amounts: { ...amounts, [kind]: value } }, `amount ${kind}`);
      },
      softness: (softness) => this.#editor.history.change({ softness }, "softness"),
      grow: (grow) => this.#editor.history.change({ grow }, "grow"),
    };
    for (const [id, change] of Object.entries(gestures)) {
      byId(id).addEventListener("input", (event) => change(Number(event.target.value)));
      byId(id).addEventListener("change", () => this.#editor.history.endGesture());
    }
    const colour = byId("colour-input");
    colour.addEventListener("input", () => this.#editor.setBackground({ colour: colour.value }, "colour"));
    colour.addEventListener("change", () => this.#editor.history.endGesture());
    byId("invert").addEventListener("change", (event) => this.#editor.history.change({ invert: event.target.checked }));
    byId("reset-edges").addEventListener("click", () => {
      this.#editor.history.change({ softness: 0, grow: 0 });
      byId("softness").focus();
    });
    byId("keep-all").addEventListener("click", () => this.#editor.colourAll(true));
    byId("keep-none").addEventListener("click", () => this.#editor.colourAll(false));
    byId("picture").addEventListener("click", () => this.onPicture());
    byId("panel").addEventListener("submit", (event) => event.preventDefault());
  }
}

const byId = (id) => document.getElementById(id);

/** A range's value in words, beside it and to screen readers. */
function say(range, text) {
  range.setAttribute("aria-valuetext", text);
  range.parentElement.querySelector("output").textContent = text;
}

/** The part of the photo around an object, square. */
function cropOf(photo, { matte }) {
  const side = 1.15 * Math.max(matte.width, matte.height);
  const canvas = canvasOf(THUMB, THUMB);
  canvas.setAttribute("aria-hidden", "true");
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  const x = Math.max(0, Math.min(photo.width - side, matte.x + matte.width / 2 - side / 2));
  const y = Math.max(0, Math.min(photo.height - side, matte.y + matte.height / 2 - side / 2));
  context.drawImage(photo, x, y, side, side, 0, 0, THUMB, THUMB);
  return canvas;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${name}`);
  svg.append(use);
  return svg;
}
