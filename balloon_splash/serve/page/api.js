/** The service, as docs/serve.md and /openapi.json describe it. Every address is relative: a proxy may add a prefix. */

import { strings } from "./strings.js";

const TRIES = 5;
const LONGEST_WAIT = 30; // seconds

/** An answer that is not a success; its message is for people. */
export class ServiceError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** What there is to choose, and how much the server takes. */
export const options = () => json("v1/options");

/** Exchange the token for a cookie. */
export const signIn = (token) =>
  request("v1/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });

/** The objects of a photo. `record` spares the model another look, `boxes` are added to what is known. */
export const photoObjects = (photo, parts, more) => json("v1/objects", post({ photo, ...looking(parts) }), more);

/** The finished file, full size, with the name that the server gives it. */
export async function savePhoto(photo, { record, choices, strokes, picture }, more) {
  const response = await request(
    "v1/splash",
    post({ photo, record: JSON.stringify(record), choices: JSON.stringify(choices), strokes, background_image: picture }),
    more,
  );
  return { file: await response.blob(), name: fileName(response.headers.get("Content-Disposition")), notes: notesOf(response) };
}

/** Send a video, which the server keeps until it is told to start. `onProgress` gets the part sent. */
export function sendVideo(video, onProgress, signal) {
  const body = form({ video, wait: "true" });
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest(); // fetch does not say how much was sent
    sending.upload.addEventListener("progress", (event) => onProgress(event.loaded / event.total));
    sending.addEventListener("load", () => {
      if (sending.status < 300) resolve(JSON.parse(sending.responseText));
      else reject(new ServiceError(sending.status, messageOf(sending.status, sending.responseText, body)));
    });
    sending.addEventListener("error", () => reject(new ServiceError(0, strings.offline)));
    sending.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    signal?.addEventListener("abort", () => sending.abort());
    sending.open("POST", "v1/videos");
    sending.send(body);
  });
}

/** The objects of a video's first frame. */
export const frameObjects = (id, parts, more) => json(`v1/videos/${id}/objects`, post(looking(parts)), more);

export const startVideo = (id, { choices, picture }, signal) =>
  json(`v1/videos/${id}/start`, post({ choices: JSON.stringify(choices), background_image: picture }), { signal });

/** Progress of a job; `onChange(state)` until it is done, failed or cancelled. Returns a function that stops listening. */
export function followVideo(id, onChange) {
  const events = new EventSource(`v1/videos/${id}/events`);
  const tell = (event) => {
    const state = JSON.parse(event.data);
    if (event.type !== "progress") events.close();
    onChange(state);
  };
  for (const type of ["progress", "done", "failed", "cancelled"]) events.addEventListener(type, tell);
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) onChange({ state: "failed", error: { message: strings.offline } });
  });
  return () => events.close();
}

export const deleteVideo = (id) => request(`v1/videos/${id}`, { method: "DELETE" });

function looking({ record, boxes, side, preview }) {
  return {
    record: record && JSON.stringify(record),
    choices: boxes && JSON.stringify({ add_box: boxes }),
    side,
    mattes: "true",
    preview: preview ? "true" : undefined,
  };
}

const post = (parts) => ({ method: "POST", body: form(parts) });

function form(parts) {
  const body = new FormData();
  for (const [name, value] of Object.entries(parts)) {
    if (value instanceof Blob) body.append(name, value, value.name || name);
    else if (value !== undefined && value !== null) body.append(name, value);
  }
  return body;
}

async function json(path, init, more) {
  return (await request(path, init, more)).json();
}

/** Ask, and ask again where the server is busy; `onWait(seconds)` is told of it. */
async function request(path, init = {}, { signal, onWait } = {}) {
  for (let tries = 1; ; tries++) {
    let response;
    try {
      response = await fetch(path, { ...init, signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ServiceError(0, strings.offline);
    }
    if (response.ok) return response;
    const busy = response.status === 429 || response.status === 503;
    if (!busy || tries === TRIES) throw new ServiceError(response.status, messageOf(response.status, await response.text(), init.body));
    const seconds = Math.min(Number(response.headers.get("Retry-After")) || 1, LONGEST_WAIT);
    onWait?.(seconds);
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    signal?.throwIfAborted();
  }
}

/** The server's sentence; a file at fault is called by its name, not by that of its part of the request. */
function messageOf(status, text, body) {
  try {
    const { field, message } = JSON.parse(text);
    const part = body instanceof FormData && field ? body.get(field) : null;
    return part instanceof File ? message.replace(`${field}:`, () => `${part.name}:`) : message || strings.failed(status);
  } catch {
    return strings.failed(status);
  }
}

function fileName(disposition) {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(disposition || "");
  const plain = /filename="?([^";]+)"?/i.exec(disposition || "");
  return encoded ? decodeURIComponent(encoded[1]) : plain ? plain[1] : "splash";
}

function notesOf(response) {
  try {
    return JSON.parse(response.headers.get("X-Splash-Notes") || "[]");
  } catch {
    return [];
  }
}
