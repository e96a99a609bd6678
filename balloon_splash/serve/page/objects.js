/** An object of the picture, made of what the server found: where its edge lies, and what is inside. */

import { signedDistance } from "./distance.js";
import { outlines } from "./outlines.js";
import { around } from "./windows.js";

const SAMPLES = 60000; // of an object's distances: an edge between them is as sharp as the model's

export class PictureObject {
  /**
   * @param {object} found `number`, `class`, `score` and `box`, as the server describes it, in pixels of the photo.
   * @param {{x: number, y: number, width: number, height: number, values: Uint8Array}} matte its probability in 255ths,
   *   in working pixels.
   * @param {number} margin working pixels around the matte in which the edge may come to lie.
   */
  constructor(found, matte, margin) {
    this.number = found.number;
    this.className = found.class;
    this.score = found.score;
    this.box = found.box;
    this.matte = matte;
    this.window = around(matte.x, matte.y, matte.x + matte.width, matte.y + matte.height, margin);
  }

  /** Signed distances to the edge on a grid over `window`, made when they are first asked for. */
  get distances() {
    this.#distances ??= this.#measure();
    return this.#distances;
  }

  /** Where the edge lies, as closed lines of points in working pixels. */
  get outline() {
    this.#outline ??= outlines(this.distances, this.window);
    return this.#outline;
  }

  /** Whether a point, in working pixels, lies on the object. */
  contains(x, y) {
    return probabilityAt(this.matte, x, y) >= 0.5;
  }

  #distances = null;
  #outline = null;

  #measure() {
    const { x0, y0, x1, y1 } = this.window;
    const step = Math.max(1, Math.sqrt(((x1 - x0) * (y1 - y0)) / SAMPLES));
    const columns = Math.ceil((x1 - x0) / step);
    const rows = Math.ceil((y1 - y0) / step);
    const probability = new Float32Array(rows * columns);
    for (let row = 0; row < rows; row++) {
      const y = y0 + (row + 0.5) * step;
      for (let column = 0; column < columns; column++) {
        probability[row * columns + column] = probabilityAt(this.matte, x0 + (column + 0.5) * step, y);
      }
    }
    const values = signedDistance(probability, rows, columns);
    for (let i = 0; i < values.length; i++) values[i] *= step;
    return { values, rows, columns, step };
  }
}

/** The object at a point: of several, the one that the model is surest of. */
export function objectAt(objects, x, y) {
  let best = null;
  for (const object of objects) {
    if ((!best || object.score > best.score) && object.contains(x, y)) best = object;
  }
  return best;
}

/** Those that are worth a click: kept by the server, or likely enough and not just another view of a likelier one. */
export function worthShowing(found) {
  const shown = [];
  for (const each of found) {
    if (!each.matte?.png) continue; // smaller than a pixel
    const another = shown.some((better) => overlap(better.box, each.box) > SAME_OBJECT);
    if (each.kept || (each.score >= LIKELY_ENOUGH && !another)) shown.push(each);
  }
  return shown;
}

const LIKELY_ENOUGH = 0.1;
const SAME_OBJECT = 0.5;

/** The larger part of either box that lies in the other. */
function overlap(a, b) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const smaller = Math.min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]));
  return (width * height) / smaller;
}

/** Bilinear between the pixels of a matte, zero outside. */
function probabilityAt(matte, x, y) {
  const column = x - matte.x - 0.5;
  const row = y - matte.y - 0.5;
  if (!(column > -1 && row > -1 && column < matte.width && row < matte.height)) return 0;
  const left = Math.floor(column);
  const top = Math.floor(row);
  const right = column - left;
  const down = row - top;
  const upper = pixel(matte, top, left) * (1 - right) + pixel(matte, top, left + 1) * right;
  const lower = pixel(matte, top + 1, left) * (1 - right) + pixel(matte, top + 1, left + 1) * right;
  return (upper * (1 - down) + lower * down) / 255;
}

function pixel(matte, row, column) {
  if (row < 0 || column < 0 || row >= matte.height || column >= matte.width) return 0;
  return matte.values[row * matte.width + column];
}
