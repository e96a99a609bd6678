#!/bin/bash
# ONNX Runtime's Tensor.fromImage cuts a picture where it is told to resize it. A page that shrinks a photo to its model's input
# by `resizedWidth` and `resizedHeight` gets the upper left corner at full size, and black around the photo where the input is
# larger; an ImageBitmap or a URL keeps its own size. The shape is the asked one, so the model runs and reports nothing: it sees
# a quarter of the photo, and boxes and masks that are scaled back to the photo lie in the wrong place. One would expect a
# picture of the "resized width" that the types document. Only a canvas of the right size (drawImage) in front of it resizes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TMPDIR="$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" 'onnxruntime-web@1.30.0' 'onnxruntime-common@1.30.0' \
  'puppeteer-core@24.43.1' '@sparticuz/chromium@147.0.0' >/dev/null 2>&1
cat > page.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import chromium from "@sparticuz/chromium";
import puppeteer from "puppeteer-core";

const browser = await puppeteer.launch({
  args: [...chromium.args, "--no-sandbox"],
  executablePath: await chromium.executablePath(),
  headless: "shell",
});
const page = await browser.newPage();
await page.addScriptTag({ path: "node_modules/onnxruntime-web/dist/ort.wasm.min.js" });
const found = await page.evaluate(async () => {
  // A photo of 640 x 480 with a colour in each quarter.
  const photo = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
  const brush = photo.getContext("2d");
  ["rgb(200,40,40)", "rgb(40,180,60)", "rgb(40,60,200)", "rgb(230,220,60)"].forEach((colour, quarter) => {
    brush.fillStyle = colour;
    brush.fillRect((quarter % 2) * 320, Math.floor(quarter / 2) * 240, 320, 240);
  });
  const pixels = brush.getImageData(0, 0, 640, 480);
  const element = Object.assign(new Image(), { src: photo.toDataURL() });
  await element.decode();
  const small = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  small.getContext("2d").drawImage(photo, 0, 0, 320, 240);

  // The shape of a tensor, and the colours in the middle of its four quarters.
  const seen = async (image, width, height) => {
    const options = width ? { resizedWidth: width, resizedHeight: height } : undefined;
    const { dims, data } = await ort.Tensor.fromImage(image, options);
    const [, , rows, columns] = dims;
    const places = [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]];
    const colours = places.map(([x, y]) =>
      [0, 1, 2].map((band) => Math.round(255 * data[(band * rows + Math.floor(y * rows)) * columns + Math.floor(x * columns)])),
    );
    return { dims, colours };
  };
  return {
    "as it is": await seen(pixels),
    "drawImage to 320 x 240": await seen(small.getContext("2d").getImageData(0, 0, 320, 240)),
    "ImageData, resized 320 x 240": await seen(pixels, 320, 240),
    "ImageData, resized 1280 x 960": await seen(pixels, 1280, 960),
    "<img>, resized 320 x 240": await seen(element, 320, 240),
    "ImageBitmap, resized 320 x 240": await seen(await createImageBitmap(photo), 320, 240),
    "URL, resized 320 x 240": await seen(element.src, 320, 240),
  };
});
const { version } = JSON.parse(readFileSync("node_modules/onnxruntime-web/package.json"));
console.log("onnxruntime-web", version, await browser.version());
await browser.close();
for (const [name, { dims, colours }] of Object.entries(found)) console.log(name.padEnd(32), dims.join(" x ").padEnd(18), colours.join("  "));
const [plain, drawn, cut, padded, image, bitmap, url] = Object.values(found).map(({ dims, colours }) => [dims.slice(2).join(), colours.join(" ")]);
const corner = Array(4).fill("200,40,40").join(" ");
const same = (one, other) => one[0] === other[0] && one[1] === other[1];
const as_before =
  drawn[0] === "240,320" && drawn[1] === plain[1] && same(cut, [drawn[0], corner]) && same(image, cut) &&
  same(padded, ["960,1280", "230,220,60 0,0,0 0,0,0 0,0,0"]) && same(bitmap, plain) && same(url, plain);
process.exit(as_before ? 0 : 1);
JAVASCRIPT
node page.mjs
echo "A photo that Tensor.fromImage should shrink by half loses three of its four quarters."
