/** From a photo and the field to the picture that is shown: canvases do the blending. */

import { KINDS, canvasOf, greyOf } from "./backgrounds.js";
import { heightOf, isEmpty, widthOf } from "./windows.js";

export class Compositor {
  /** @param {HTMLCanvasElement} photo at working size. */
  constructor(photo) {
    const { width, height } = photo;
    this.layers = {
      photo,
      grey: greyOf(photo),
      matte: canvasOf(width, height),
      front: canvasOf(width, height),
      scratch: canvasOf(width, height),
      invert: false,
    };
  }

  /** Take over a window of the matte. */
  updateMatte(field, window, edge) {
    if (isEmpty(window)) return;
    const image = new ImageData(widthOf(window), heightOf(window));
    field.writeMatte(image.data, window, edge);
    this.layers.matte.getContext("2d").putImageData(image, window.x0, window.y0);
  }

  /** Draw the whole result onto a canvas of the same size. */
  draw(canvas, background, invert) {
    this.layers.invert = invert;
    compose(canvas, this.layers, background);
  }

  /** The same layers, smaller: for pictures of what each background would give. */
  miniature(width, height) {
    const { photo, grey, matte, invert } = this.layers;
    const small = { invert, front: canvasOf(width, height), scratch: canvasOf(width, height) };
    for (const [name, layer] of Object.entries({ photo, grey, matte })) {
      small[name] = canvasOf(width, height);
      const context = small[name].getContext("2d");
      context.imageSmoothingQuality = "medium";
      context.drawImage(layer, 0, 0, small[name].width, small[name].height);
    }
    return small;
  }
}

/** Draw the photo where the matte is opaque (or, inverted, where it is not), over the background. */
export function compose(canvas, layers, background) {
  const { photo, matte, front, invert } = layers;
  const cut = front.getContext("2d");
  cut.globalCompositeOperation = "copy";
  cut.drawImage(photo, 0, 0);
  cut.globalCompositeOperation = invert ? "destination-out" : "destination-in";
  cut.drawImage(matte, 0, 0);
  const context = canvas.getContext("2d");
  context.globalCompositeOperation = "source-over";
  KINDS[background.kind].draw(context, layers, background);
  context.drawImage(front, 0, 0);
}
