/** A photo: found in and saved by the server, which gets it anew each time and keeps nothing. */

import { photoObjects, savePhoto } from "./api.js";
import { note, working } from "./messages.js";
import { WORKING_SIDE, readBase64, readPicture } from "./pictures.js";
import { strings } from "./strings.js";

const BROWSERS_READ = /^image\/(jpeg|png|webp|avif|gif|bmp)$/;

export class Photo {
  brush = true;
  saveLabel = strings.save;
  #looking = null; // the first answer

  constructor(file) {
    this.file = file;
  }

  /** The picture to work on: the browser's reading of the file, or else the server's, which looks at it meanwhile. */
  async open(more) {
    this.#look({ preview: !BROWSERS_READ.test(this.file.type) }, more);
    const picture = await readPicture(this.file);
    if (picture) return picture;
    let found = await this.#looking;
    if (!found.preview) found = await this.#look({ preview: true }, more);
    return readBase64(found.preview, found.preview_type);
  }

  /** What the server finds; with a record and boxes, what is in these as well. */
  async look(parts, more) {
    const found = await (this.#looking ?? photoObjects(this.file, { side: WORKING_SIDE, ...parts }, more));
    this.#looking = null;
    return found;
  }

  /** Ask for the finished file and hand it to the browser's downloads. */
  async finish(editor, more) {
    working(strings.saving);
    const { file, name, notes } = await savePhoto(
      this.file,
      {
        record: editor.choices.record,
        choices: editor.options(),
        strokes: await editor.strokesFile(),
        picture: editor.backgroundFile,
      },
      more,
    );
    download(file, name);
    note([strings.saved(name), ...notes].join(". "));
  }

  close() {}

  #look(parts, more) {
    this.#looking = photoObjects(this.file, { side: WORKING_SIDE, ...parts }, more);
    this.#looking.catch(() => {}); // whoever waits for it is told
    return this.#looking;
  }
}

function download(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
