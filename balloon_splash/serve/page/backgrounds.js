/**
 * What is shown where the colour goes: each draws over a whole canvas.
 *
 * The formulas are those of `balloon_splash/compositing/backgrounds.py`; what canvases do natively, these leave to them.
 */

const LUMA = [0.2125, 0.7154, 0.0721];
const WORKING_SIGMA = 4; // pixels; stronger blurs run on a smaller picture, as on the server

/**
 * The kinds in the order in which they are shown. `amount` is what the slider of a kind sets: blur and blocks as parts
 * of the longer side.
 */
export const KINDS = {
  grey: { draw: drawGrey },
  desaturate: { draw: drawDesaturated, amount: { min: 0.1, max: 0.95, step: 0.05, initial: 0.7 } },
  blur: { draw: drawBlurred, amount: { min: 0.003, max: 0.05, step: 0.001, initial: 0.015 } },
  pixelate: { draw: drawBlocks, amount: { min: 0.005, max: 0.08, step: 0.001, initial: 0.02 } },
  colour: { draw: drawColour },
  image: { draw: drawPicture },
  transparent: { draw: drawNothing },
};

/**
 * The name that the command and the server know a background by.
 *
 * @param {{kind: string, amounts: object, colour: string}} background
 * @param {number} longerSide of the photo in pixels.
 */
export function backgroundOption({ kind, amounts, colour, file }, longerSide) {
  if (kind === "desaturate") return `desaturate:${amounts.desaturate}`;
  if (kind === "blur") return `blur:${Math.max(0.1, amounts.blur * longerSide).toFixed(1)}`;
  if (kind === "pixelate") return `pixelate:${Math.max(1, Math.round(amounts.pixelate * longerSide))}`;
  if (kind === "image" && !file) return "grey"; // which is shown until a picture is chosen
  return kind === "colour" ? colour : kind;
}

/** The luma of a picture, on a canvas of its own. */
export function greyOf(photo) {
  const grey = canvasOf(photo.width, photo.height);
  const context = grey.getContext("2d");
  context.drawImage(photo, 0, 0);
  const image = context.getImageData(0, 0, photo.width, photo.height);
  const { data } = image;
  for (let i = 0; i < data.length; i += 4) {
    data[i] = data[i + 1] = data[i + 2] = LUMA[0] * data[i] + LUMA[1] * data[i + 1] + LUMA[2] * data[i + 2];
  }
  context.putImageData(image, 0, 0);
  return grey;
}

export function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  return canvas;
}

function drawGrey(context, { grey }) {
  context.drawImage(grey, 0, 0);
}

function drawDesaturated(context, { photo, grey }, { amounts }) {
  context.drawImage(photo, 0, 0);
  context.globalAlpha = amounts.desaturate;
  context.drawImage(grey, 0, 0);
  context.globalAlpha = 1;
}

function drawColour(context, { photo }, { colour }) {
  context.fillStyle = colour;
  context.fillRect(0, 0, photo.width, photo.height);
}

function drawNothing(context, { photo }) {
  context.clearRect(0, 0, photo.width, photo.height);
}

/** Another picture, scaled to cover this one and cropped around its centre. */
function drawPicture(context, { photo, grey }, { picture }) {
  if (!picture) {
    context.drawImage(grey, 0, 0);
    return;
  }
  const scale = Math.max(photo.width / picture.width, photo.height / picture.height);
  const width = picture.width * scale;
  const height = picture.height * scale;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, (photo.width - width) / 2, (photo.height - height) / 2, width, height);
}

/** Squares of the mean colour of what lies outside the objects. */
function drawBlocks(context, layers, { amounts }) {
  const { photo } = layers;
  const block = Math.max(1, amounts.pixelate * Math.max(photo.width, photo.height));
  const small = surroundings(layers, photo.width / block, photo.height / block);
  putOpaque(small, small.getContext("2d").getImageData(0, 0, small.width, small.height));
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, photo.width, photo.height);
  context.imageSmoothingEnabled = true;
}

/** A blur into which the objects do not bleed: colours and their weights are blurred alike, then divided. */
function drawBlurred(context, layers, { amounts }) {
  const { photo } = layers;
  const sigma = amounts.blur * Math.max(photo.width, photo.height);
  const scale = Math.max(sigma / WORKING_SIGMA, 1);
  const small = surroundings(layers, photo.width / scale, photo.height / scale);
  const image = small.getContext("2d").getImageData(0, 0, small.width, small.height);
  blurWeighted(image, sigma / scale);
  putOpaque(small, image);
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, photo.width, photo.height);
}

/** The picture without its objects, scaled down; a canvas averages by opacity, which leaves their colour out. */
function surroundings({ photo, matte, invert, scratch }, width, height) {
  const context = scratch.getContext("2d");
  context.globalCompositeOperation = "copy";
  context.drawImage(photo, 0, 0);
  context.globalCompositeOperation = invert ? "destination-in" : "destination-out";
  context.drawImage(matte, 0, 0);
  context.globalCompositeOperation = "source-over";
  // Halving is what canvases do exactly; the odd part goes first, where it is a small one.
  const [columns, rows] = [Math.max(1, Math.round(width)), Math.max(1, Math.round(height))];
  const factor = Math.min(photo.width / columns, photo.height / rows);
  let halvings = Math.max(0, Math.floor(Math.log2(factor)));
  let small = scaled(scratch, columns * 2 ** halvings, rows * 2 ** halvings);
  while (halvings-- > 0) small = scaled(small, small.width / 2, small.height / 2);
  return small;
}

function scaled(canvas, width, height) {
  const smaller = canvasOf(width, height);
  const context = smaller.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0, smaller.width, smaller.height);
  return smaller;
}

/** Opaque pixels of the mean colours; where nothing of the surroundings is near, the mean of the picture. */
function putOpaque(canvas, image) {
  const { data } = image;
  const mean = [0, 0, 0, 1e-6];
  for (let i = 0; i < data.length; i += 4) {
    for (let k = 0; k < 3; k++) mean[k] += data[i + k] * data[i + 3];
    mean[3] += data[i + 3];
  }
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] < 2) for (let k = 0; k < 3; k++) data[i + k] = mean[k] / mean[3];
    data[i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function blurWeighted(image, sigma) {
  const { width, height, data } = image;
  let values = new Float32Array(data.length);
  for (let i = 0; i < data.length; i += 4) {
    const weight = data[i + 3] / 255;
    for (let k = 0; k < 3; k++) values[i + k] = data[i + k] * weight;
    values[i + 3] = weight;
  }
  const kernel = gaussian(sigma);
  values = alongLines(values, kernel, height, width, 4 * width, 4);
  values = alongLines(values, kernel, width, height, 4, 4 * width);
  for (let i = 0; i < data.length; i += 4) {
    const weight = Math.max(values[i + 3], 1e-4);
    for (let k = 0; k < 3; k++) data[i + k] = values[i + k] / weight;
    data[i + 3] = values[i + 3] > 1e-3 ? 255 : 0;
  }
}

function gaussian(sigma) {
  const radius = Math.max(1, Math.ceil(3 * sigma));
  const kernel = Float32Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-(((i - radius) / sigma) ** 2) / 2));
  const sum = kernel.reduce((total, value) => total + value, 0);
  return kernel.map((value) => value / sum);
}

/** Convolve the four channels of `lines` lines of `length` pixels; the last pixel goes on beyond an end. */
function alongLines(values, kernel, lines, length, lineStep, step) {
  const result = new Float32Array(values.length);
  const radius = (kernel.length - 1) / 2;
  for (let line = 0; line < lines; line++) {
    const start = line * lineStep;
    for (let place = 0; place < length; place++) {
      const out = start + place * step;
      for (let i = -radius; i <= radius; i++) {
        const from = start + Math.max(0, Math.min(length - 1, place + i)) * step;
        const weight = kernel[i + radius];
        for (let k = 0; k < 4; k++) result[out + k] += weight * values[from + k];
      }
    }
  }
  return result;
}
