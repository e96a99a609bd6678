/**
 * What a press on the picture does. Each tool takes `move`, `press`, `release` and `cancel` with a point in working
 * pixels, and draws its own marks; `unit` is the length of one pixel of the screen in working pixels.
 */

/** A click keeps or drops the object under it. */
export class Pick {
  cursor = "pointer";
  drags = false;
  hovered = null;

  constructor(editor, { onHover, onPick }) {
    this.editor = editor;
    this.onHover = onHover;
    this.onPick = onPick;
  }

  move([x, y]) {
    this.hover(this.editor.objectAt(x, y));
  }

  hover(object) {
    if (object === this.hovered) return;
    this.hovered = object;
    this.onHover(object);
  }

  press() {}

  release([x, y]) {
    const object = this.editor.objectAt(x, y);
    if (object) this.onPick(object);
  }

  cancel() {
    this.hover(null);
  }

  draw(context, unit) {
    const { objects, kept } = this.editor.choices;
    for (const object of objects) {
      if (!kept.has(object.number) && object !== this.hovered) drawDot(context, centre(object), unit);
    }
    if (this.hovered) drawOutline(context, this.hovered.outline, unit);
  }
}

/** A rectangle is drawn around something that was missed. */
export class Box {
  cursor = "crosshair";
  drags = true;
  begun = null;
  end = null;

  constructor(editor, { onBox }) {
    this.editor = editor;
    this.onBox = onBox;
  }

  move(point) {
    this.end = this.#inside(point);
  }

  press(point) {
    this.begun = this.#inside(point);
    this.end = this.begun;
  }

  release(point) {
    if (!this.begun) return;
    const [ax, ay] = this.begun;
    const [bx, by] = this.#inside(point);
    this.begun = null;
    const box = [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
    if (box[2] - box[0] >= SMALLEST_BOX && box[3] - box[1] >= SMALLEST_BOX) this.onBox(box);
  }

  cancel() {
    this.begun = null;
    this.end = null;
  }

  draw(context, unit) {
    if (!this.begun) return;
    const [ax, ay] = this.begun;
    const [bx, by] = this.end;
    const frame = [[[ax, ay], [bx, ay], [bx, by], [ax, by]]];
    drawOutline(context, frame, unit, [6 * unit, 4 * unit]);
  }

  #inside([x, y]) {
    const { width, height } = this.editor.photo;
    return [Math.max(0, Math.min(width, x)), Math.max(0, Math.min(height, y))];
  }
}

/** A round pen that adds or removes colour. */
export class Pen {
  cursor = "none";
  drags = true;
  at = null;
  down = false;

  /** @param {"add"|"remove"} mode @param {() => number} radius in pixels of the screen. */
  constructor(editor, mode, radius, { onStroke }) {
    this.editor = editor;
    this.mode = mode;
    this.radius = radius;
    this.onStroke = onStroke;
  }

  move(point) {
    this.at = point;
    if (this.down) this.editor.continueStroke(point);
  }

  press(point, unit) {
    this.at = point;
    this.down = true;
    this.editor.beginStroke(this.mode, this.radius() * unit, point);
  }

  release() {
    if (!this.down) return;
    this.down = false;
    this.editor.endStroke();
    this.onStroke();
  }

  cancel() {
    this.release();
    this.at = null;
  }

  draw(context, unit) {
    if (!this.at) return;
    context.beginPath();
    context.arc(...this.at, this.radius() * unit, 0, 2 * Math.PI);
    strokeTwice(context, unit);
  }
}

const SMALLEST_BOX = 4; // working pixels

/** A cross for those who steer by keys. */
export function drawCross(context, [x, y], unit) {
  const arm = 12 * unit;
  context.beginPath();
  context.moveTo(x - arm, y);
  context.lineTo(x + arm, y);
  context.moveTo(x, y - arm);
  context.lineTo(x, y + arm);
  strokeTwice(context, unit);
}

function drawOutline(context, lines, unit, dashes = []) {
  context.beginPath();
  for (const line of lines) {
    line.forEach((point, i) => (i ? context.lineTo(...point) : context.moveTo(...point)));
    context.closePath();
  }
  strokeTwice(context, unit, dashes);
}

function centre({ matte }) {
  return [matte.x + matte.width / 2, matte.y + matte.height / 2];
}

function drawDot(context, point, unit) {
  context.beginPath();
  context.arc(...point, 6 * unit, 0, 2 * Math.PI);
  context.fillStyle = "rgb(255 255 255 / 0.35)";
  context.fill();
  strokeTwice(context, unit);
}

/** White on dark: seen on any picture. */
function strokeTwice(context, unit, dashes = []) {
  context.lineJoin = "round";
  context.setLineDash([]);
  context.strokeStyle = "rgb(0 0 0 / 0.55)";
  context.lineWidth = 4 * unit;
  context.stroke();
  context.setLineDash(dashes);
  context.strokeStyle = "#fff";
  context.lineWidth = 2 * unit;
  context.stroke();
}
