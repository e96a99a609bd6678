/** Undo and redo over values that are never changed, only replaced. */

const LONGEST = 200;

export class History {
  #past = [];
  #future = [];
  #gesture = null;

  /** @param present the first value. @param {(now, before) => void} changed is told of every new one. */
  constructor(present, changed) {
    this.present = present;
    this.changed = changed;
  }

  /** Replace some fields. Changes of one gesture, such as the moves of one slider, are undone together. */
  change(fields, gesture = null) {
    const before = this.present;
    if (gesture === null || gesture !== this.#gesture) {
      this.#past.push(before);
      if (this.#past.length > LONGEST) this.#past.shift();
    }
    this.#gesture = gesture;
    this.#future = [];
    this.present = { ...before, ...fields };
    this.changed(this.present, before);
  }

  /** Replace some fields for good: there is nothing before this to go back to. */
  start(fields) {
    const before = this.present;
    this.#past = [];
    this.#future = [];
    this.present = { ...before, ...fields };
    this.changed(this.present, before);
  }

  /** Let the next change of the same kind be one of its own. */
  endGesture() {
    this.#gesture = null;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  undo() {
    this.#step(this.#past, this.#future);
  }

  redo() {
    this.#step(this.#future, this.#past);
  }

  #step(from, to) {
    if (!from.length) return;
    const before = this.present;
    to.push(before);
    this.present = from.pop();
    this.#gesture = null;
    this.changed(this.present, before);
  }
}
