/**
 * One picture being worked on: the photo, what was found in it, and the choices made so far.
 *
 * Choices live in a `History`; whatever changes there is drawn here, and told to `onChange(choices)`.
 */

import { KINDS, backgroundOption } from "./backgrounds.js";
import { Compositor } from "./compositor.js";
import { Field } from "./field.js";
import { History } from "./history.js";
import { PictureObject, objectAt, worthShowing } from "./objects.js";
import { readMatte, strokesPicture } from "./pictures.js";
import { around, hull, intersection } from "./windows.js";

/** How far the sliders go, as parts of the longer side. */
export const LARGEST_GROWTH = 0.02;
export const LARGEST_SOFTNESS = 0.03;

const STROKES_SIDE = 4096; // pixels of the longer side of the strokes that are sent

const amounts = Object.fromEntries(
  Object.entries(KINDS).flatMap(([kind, { amount }]) => (amount ? [[kind, amount.initial]] : [])),
);
const FIRST_CHOICES = {
  objects: [],
  record: null, // what the server has found, as it wants it back
  boxes: [], // drawn around what was missed, in pixels of the photo
  kept: new Set(),
  strokes: [],
  background: { kind: "grey", amounts, colour: "#f4c95d", picture: null, file: null },
  invert: false,
  softness: 0, // pixels of the photo, as all lengths that the server is told
  grow: 0,
};

export class Editor {
  /**
   * @param {HTMLCanvasElement} canvas to draw the result on.
   * @param {HTMLCanvasElement} photo at working size.
   * @param {{width: number, height: number}} size of the photo itself, in pixels; what the canvas has until it is known.
   */
  constructor(canvas, photo, size, onChange) {
    this.canvas = canvas;
    this.photo = photo;
    this.size = size;
    this.onChange = onChange;
    this.field = new Field(photo.width, photo.height);
    this.compositor = new Compositor(photo);
    this.history = new History(FIRST_CHOICES, (now, before) => this.#changed(now, before));
    this.show();
  }

  /** Draw on the canvas, which another picture may have had meanwhile. */
  show() {
    this.canvas.width = this.photo.width;
    this.canvas.height = this.photo.height;
    this.#draw();
  }

  get choices() {
    return this.history.present;
  }

  /** Working pixels for each pixel of the photo. */
  get scale() {
    return this.photo.width / this.size.width;
  }

  get longerSide() {
    return Math.max(this.size.width, this.size.height);
  }

  /** Working pixels around an object or a stroke in which the edge may come to lie. */
  get margin() {
    return Math.ceil((LARGEST_GROWTH + LARGEST_SOFTNESS / 2) * Math.max(this.photo.width, this.photo.height)) + 2;
  }

  /** Objects that keep their colour. */
  get keptObjects() {
    return this.choices.objects.filter((object) => this.choices.kept.has(object.number));
  }

  /**
   * Take over what the server has found. The first time, nothing before it can be undone; later, what a box has added
   * keeps its colour.
   *
   * @param {object} found the server's answer.
   * @param {number[][]} boxes that were drawn for it.
   * @returns {PictureObject[]} the objects that are new or newly sure.
   */
  async takeObjects({ objects: found, record }, boxes = []) {
    const { objects: known, kept, record: last } = this.choices;
    const shown = worthShowing(found);
    const objects = await Promise.all(
      shown.map(async (each) => new PictureObject(each, await readMatte(each.matte), this.margin)),
    );
    if (last === null) {
      this.history.start({ objects, record, kept: numbersWhere(objects, (i) => shown[i].kept) });
      return objects;
    }
    const scores = new Map(known.map((object) => [object.number, object.score]));
    const added = (i) => !scores.has(shown[i].was) || shown[i].score > scores.get(shown[i].was);
    this.history.change({
      objects,
      record,
      boxes: [...this.choices.boxes, ...boxes],
      kept: numbersWhere(objects, (i) => added(i) || kept.has(shown[i].was)),
    });
    return objects.filter((_, i) => added(i));
  }

  objectAt(x, y) {
    return objectAt(this.choices.objects, x, y);
  }

  /** Whether an object shows its colour; where inside and outside are swapped, those that are kept do not. */
  inColour(object) {
    return this.choices.kept.has(object.number) !== this.choices.invert;
  }

  /** How many objects do. */
  get numberInColour() {
    return this.choices.objects.filter((object) => this.inColour(object)).length;
  }

  /** Turn an object grey, or back to colour; whether it is in colour then. */
  toggle(object) {
    const kept = new Set(this.choices.kept);
    if (!kept.delete(object.number)) kept.add(object.number);
    this.history.change({ kept });
    return this.inColour(object);
  }

  colourAll(whether) {
    const { objects, invert } = this.choices;
    this.history.change({ kept: new Set(whether !== invert ? objects.map((object) => object.number) : []) });
  }

  setBackground(fields, gesture = null) {
    this.history.change({ background: { ...this.choices.background, ...fields } }, gesture);
  }

  /** Begin, continue and end a stroke, in working pixels. It shows at once and becomes a choice when it ends. */
  beginStroke(mode, radius, point) {
    this.#pen = { mode, radius, points: [point] };
    this.#drawPen(0);
  }

  continueStroke(point) {
    const { points, radius } = this.#pen;
    const [x, y] = points[points.length - 1];
    if (Math.hypot(point[0] - x, point[1] - y) < Math.max(1, radius / 8)) return;
    points.push(point);
    this.#drawPen(points.length - 1);
  }

  endStroke() {
    const pen = this.#pen;
    if (!pen) return;
    this.#drawn = pen;
    this.#pen = null;
    this.history.change({ strokes: [...this.choices.strokes, pen] });
  }

  /** The choices by the names of the command. */
  options() {
    const { kept, background, invert, softness, grow } = this.choices;
    return {
      confidence: 0,
      instances: [...kept].sort((a, b) => a - b),
      background: backgroundOption(background, this.longerSide),
      invert,
      feather: softness,
      grow: Math.max(grow, 0),
      shrink: Math.max(-grow, 0),
    };
  }

  /** The brush strokes as a picture; undefined without any. */
  async strokesFile() {
    const { strokes } = this.choices;
    if (!strokes.length) return undefined;
    const side = Math.min(this.longerSide, STROKES_SIDE);
    return strokesPicture(strokes, this.photo, side / Math.max(this.photo.width, this.photo.height));
  }

  /** The picture of one's own behind the objects; undefined without. */
  get backgroundFile() {
    const { kind, file } = this.choices.background;
    return kind === "image" && file ? file : undefined;
  }

  #pen = null;
  #drawn = null; // the stroke that the field holds already
  #waiting = false;

  get #edge() {
    const { softness, grow } = this.choices;
    return { softness: softness * this.scale, grow: grow * this.scale };
  }

  #drawPen(index) {
    this.#updateMatte(this.field.drawSegment(this.#pen, index, this.margin));
  }

  #changed(now, before) {
    const window = this.#outdated(now, before);
    if (window) {
      const inside = intersection(window, this.field.whole);
      this.field.recompute(inside, this.keptObjects, now.strokes, this.margin);
      this.#updateMatte(inside);
    }
    if (now.softness !== before.softness || now.grow !== before.grow) this.#updateMatte(this.field.whole);
    this.#drawn = null;
    this.#draw();
    this.onChange(now);
  }

  /** The window in which other objects keep their colour, or other strokes lie, than before. */
  #outdated(now, before) {
    let window = null;
    if (now.kept !== before.kept || now.objects !== before.objects) {
      const was = keptOf(before);
      const is = keptOf(now);
      for (const object of was) if (!is.has(object)) window = hull(window, object.window);
      for (const object of is) if (!was.has(object)) window = hull(window, object.window);
    }
    if (now.strokes !== before.strokes) {
      const changed = [...now.strokes, ...before.strokes].filter(
        (stroke) => stroke !== this.#drawn && !(now.strokes.includes(stroke) && before.strokes.includes(stroke)),
      );
      for (const stroke of changed) window = hull(window, strokeWindow(stroke, this.margin));
    }
    return window;
  }

  #updateMatte(window) {
    this.compositor.updateMatte(this.field, window, this.#edge);
    this.#draw();
  }

  /** Draw before the screen next does, once. */
  #draw() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      const { background, invert } = this.choices;
      this.compositor.draw(this.canvas, background, invert);
    });
  }
}

function numbersWhere(objects, condition) {
  return new Set(objects.filter((_, i) => condition(i)).map((object) => object.number));
}

function keptOf({ objects, kept }) {
  return new Set(objects.filter((object) => kept.has(object.number)));
}

function strokeWindow({ points, radius }, margin) {
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  return around(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), radius + margin);
}
