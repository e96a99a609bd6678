/**
 * The edge of all that keeps its colour, as signed distances in working pixels, positive inside.
 *
 * Unions are maxima, a stroke is the distance to its line less the pen's radius: so a click or a movement of the pen
 * changes one window only, and softness and growth need nothing but these numbers.
 */

import { around, heightOf, intersection, isEmpty, whole, widthOf } from "./windows.js";

const OUTSIDE = -1e6;

export class Field {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.values = new Float32Array(width * height).fill(OUTSIDE);
  }

  get whole() {
    return whole(this.width, this.height);
  }

  /** Make `window` anew of these objects, then these strokes in their order. */
  recompute(window, objects, strokes, margin) {
    for (let y = window.y0; y < window.y1; y++) {
      this.values.fill(OUTSIDE, y * this.width + window.x0, y * this.width + window.x1);
    }
    for (const object of objects) this.#unite(intersection(window, object.window), object);
    for (const stroke of strokes) {
      for (let i = 0; i < stroke.points.length; i++) this.drawSegment(stroke, i, margin, window);
    }
  }

  /**
   * Draw the line from the point before to point `index` of a stroke, inside `within`.
   *
   * @param {{mode: "add"|"remove", radius: number, points: number[][]}} stroke in working pixels.
   * @param {number} margin working pixels beyond the pen in which the edge may come to lie.
   * @returns the window that may have changed.
   */
  drawSegment(stroke, index, margin, within = this.whole) {
    const [bx, by] = stroke.points[index];
    const [ax, ay] = stroke.points[Math.max(index - 1, 0)];
    const reach = stroke.radius + margin;
    const touched = around(Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by), reach);
    const window = intersection(touched, within);
    if (isEmpty(window)) return window;
    const dx = bx - ax;
    const dy = by - ay;
    const square = dx * dx + dy * dy || 1;
    const adds = stroke.mode === "add";
    for (let y = window.y0; y < window.y1; y++) {
      const py = y + 0.5 - ay;
      let i = y * this.width + window.x0;
      for (let x = window.x0; x < window.x1; x++, i++) {
        const px = x + 0.5 - ax;
        const along = Math.max(0, Math.min(1, (px * dx + py * dy) / square));
        const inside = stroke.radius - Math.hypot(px - along * dx, py - along * dy);
        if (adds ? inside > this.values[i] : -inside < this.values[i]) this.values[i] = adds ? inside : -inside;
      }
    }
    return window;
  }

  /** Write the matte of `window`, its edge moved by `grow` and `softness` wide, as opacities into `pixels` (RGBA). */
  writeMatte(pixels, window, { grow, softness }) {
    const slope = 255 / Math.max(softness, 1);
    const offset = grow * slope + 127.5;
    let out = 3;
    for (let y = window.y0; y < window.y1; y++) {
      let i = y * this.width + window.x0;
      for (let x = window.x0; x < window.x1; x++, i++, out += 4) pixels[out] = this.values[i] * slope + offset;
    }
  }

  /** Let an object in: bilinear between its distances. */
  #unite(window, object) {
    if (isEmpty(window)) return;
    const { values, rows, columns, step } = object.distances;
    const [lefts, rights] = positions(window.x0, widthOf(window), object.window.x0, step, columns);
    const [tops, downs] = positions(window.y0, heightOf(window), object.window.y0, step, rows);
    for (let y = 0; y < tops.length; y++) {
      const upper = tops[y] * columns;
      const lower = Math.min(tops[y] + 1, rows - 1) * columns;
      const down = downs[y];
      let i = (window.y0 + y) * this.width + window.x0;
      for (let x = 0; x < lefts.length; x++, i++) {
        const left = lefts[x];
        const right = left + 1 < columns ? left + 1 : left;
        const part = rights[x];
        const above = values[upper + left] + part * (values[upper + right] - values[upper + left]);
        const below = values[lower + left] + part * (values[lower + right] - values[lower + left]);
        const distance = above + down * (below - above);
        if (distance > this.values[i]) this.values[i] = distance;
      }
    }
  }
}

/** For `count` pixels from `first` on: the sample before each, and the part of the way to the next one. */
function positions(first, count, start, step, samples) {
  const before = new Int32Array(count);
  const parts = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const position = Math.max(0, Math.min(samples - 1, (first + i + 0.5 - start) / step - 0.5));
    before[i] = Math.floor(position);
    parts[i] = position - before[i];
  }
  return [before, parts];
}
