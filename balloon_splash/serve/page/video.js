/** A video: sent once, chosen from on its first frame, then a job of the server until the result plays here. */

import { ServiceError, deleteVideo, followVideo, frameObjects, sendVideo, startVideo } from "./api.js";
import { working } from "./messages.js";
import { WORKING_SIDE, readBase64 } from "./pictures.js";
import { strings } from "./strings.js";

const NOT_FOUND = 404;

export class Video {
  brush = false; // strokes on one frame would not move with what they lie on
  saveLabel = strings.saveVideo;
  #found = null;
  #job = null;

  /** @param onResult gets the address of the finished file. */
  constructor(file, { onResult }) {
    this.file = file;
    this.onResult = onResult;
  }

  async open(more) {
    await this.#send(more.signal);
    working(strings.looking);
    this.#found = await frameObjects(this.#job.id, { side: WORKING_SIDE, preview: true }, more);
    return readBase64(this.#found.preview, this.#found.preview_type);
  }

  async look(parts, more) {
    const found = this.#found;
    this.#found = null;
    return found ?? this.#kept((id) => frameObjects(id, { side: WORKING_SIDE, ...parts }, more), more.signal);
  }

  /** Let the server splash all frames, and wait for it. */
  async finish(editor, { signal }) {
    signal.addEventListener("abort", () => this.close());
    if (this.#job?.state !== "waiting") await this.#send(signal); // one job makes one result
    working(strings.queued);
    const choices = { ...editor.options(), add_box: editor.choices.boxes };
    this.#job = await this.#kept((id) => startVideo(id, { choices, picture: editor.backgroundFile }, signal), signal);
    await this.#follow(signal);
    this.onResult(this.#job.result);
  }

  /** Have the server forget the video; where this fails, it does so by itself, later. */
  close() {
    if (this.#job) deleteVideo(this.#job.id).catch(() => {});
    this.#job = null;
  }

  /** Ask about the video, which is sent again where the server has none: after "Cancel", or after an hour. */
  async #kept(ask, signal) {
    if (!this.#job) await this.#send(signal);
    try {
      return await ask(this.#job.id);
    } catch (error) {
      if (error.status !== NOT_FOUND) throw error;
      await this.#send(signal);
      return ask(this.#job.id);
    }
  }

  async #send(signal) {
    this.close();
    this.#job = await sendVideo(this.file, (share) => working(strings.uploading(share), share), signal);
  }

  #follow(signal) {
    const began = performance.now();
    return new Promise((resolve, reject) => {
      const stop = followVideo(this.#job.id, (job) => {
        this.#job = job;
        if (job.state === "done") resolve();
        else if (job.state === "failed") reject(new ServiceError(0, job.error?.message ?? strings.videoFailed));
        else if (job.state === "cancelled") reject(new DOMException("", "AbortError"));
        else if (job.frames > 0) showProgress(job, (performance.now() - began) / 1000);
      });
      signal.addEventListener("abort", () => {
        stop();
        reject(new DOMException("", "AbortError"));
      });
    });
  }
}

function showProgress({ frames, expected }, seconds) {
  const words = [strings.frames(frames, expected)];
  if (expected && frames < expected) words.push(strings.remaining((seconds / frames) * (expected - frames)));
  working(words.join(", "), expected ? frames / expected : null);
}
