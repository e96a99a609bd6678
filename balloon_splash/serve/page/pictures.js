/** Files to pixels. */

import { canvasOf } from "./backgrounds.js";

/** Longest side, in pixels, of the picture that is worked on; the server makes the full-size one. */
export const WORKING_SIDE = 1600;

/** A picture that the browser can read, upright, on a canvas of working size; null where it cannot. */
export async function readPicture(file, side = WORKING_SIDE) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return null;
  }
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const canvas = canvasOf(bitmap.width * scale, bitmap.height * scale);
  drawAs(canvas, bitmap);
  bitmap.close();
  return canvas;
}

/** The same picture at exactly this size, which is the server's. */
export function resized(canvas, { width, height }) {
  if (canvas.width === width && canvas.height === height) return canvas;
  const result = canvasOf(width, height);
  drawAs(result, canvas);
  return result;
}

/** A picture in base64, as a canvas. */
export async function readBase64(text, type) {
  const bitmap = await createImageBitmap(blobOf(text, type));
  const canvas = canvasOf(bitmap.width, bitmap.height);
  drawAs(canvas, bitmap);
  bitmap.close();
  return canvas;
}

/** A matte as the server sends it (a grey PNG in base64) with its values, 0 to 255. */
export async function readMatte({ x, y, width, height, png }) {
  const bitmap = await createImageBitmap(blobOf(png, "image/png"), { colorSpaceConversion: "none" });
  const context = canvasOf(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const values = new Uint8Array(width * height);
  for (let i = 0; i < values.length; i++) values[i] = data[4 * i];
  return { x, y, width, height, values };
}

/** Brush strokes as the server takes them: green adds, red removes, the later one on top. */
export function strokesPicture(strokes, { width, height }, scale) {
  const canvas = canvasOf(width * scale, height * scale);
  const context = canvas.getContext("2d");
  context.scale(canvas.width / width, canvas.height / height);
  context.lineCap = context.lineJoin = "round";
  for (const { mode, radius, points } of strokes) {
    context.strokeStyle = mode === "add" ? "#00ff00" : "#ff0000";
    context.lineWidth = 2 * radius;
    context.beginPath();
    context.moveTo(...points[0]);
    for (const point of points) context.lineTo(...point);
    context.stroke();
  }
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function drawAs(canvas, picture) {
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
}

function blobOf(text, type) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type });
}
