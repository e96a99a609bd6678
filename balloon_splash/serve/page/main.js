/** Start here: the words, the ways in, and the two views. */

import { options, signIn } from "./api.js";
import { takeChosen, takeFiles } from "./files.js";
import { note } from "./messages.js";
import { Photo } from "./photo.js";
import { putStrings, strings } from "./strings.js";
import { Studio } from "./studio.js";
import { Video } from "./video.js";
import { makeDrawing } from "./welcome.js";

const MOVING = /^(video\/|image\/gif$)/;
const MOVING_NAME = /\.(mp4|m4v|mov|mkv|webm|avi|gif)$/i;

const byId = (id) => document.getElementById(id);

putStrings(document);
makeDrawing(byId("drawing"));
const studio = new Studio();
let limits = null;

takeFiles(open);
takeChosen("background-file", ([file]) => studio.useBackground(file));
byId("sample").addEventListener("click", async () => {
  const response = await fetch("page/sample.jpg");
  open([new File([await response.blob()], strings.sampleName, { type: "image/jpeg" })]);
});
listShortcuts();
window.addEventListener("keydown", (event) => {
  const elsewhere = byId("studio").hidden || document.querySelector("dialog[open]");
  if (!elsewhere && studio.key(event)) event.preventDefault();
});
window.addEventListener("popstate", ({ state }) => show(state?.view === "studio" && studio.ready ? "studio" : "welcome"));
start();

/** Work on the first of some files. */
async function open([file, ...others]) {
  const moving = MOVING.test(file.type) || MOVING_NAME.test(file.name);
  const most = limits?.[moving ? "video_bytes" : "photo_bytes"];
  if (most && file.size > most) {
    note(strings.tooLarge(file.name, strings.megabytes(file.size), strings.megabytes(most)), { error: true });
    return;
  }
  if (studio.unsaved && !confirm(strings.notSaved)) return;
  const view = document.body.dataset.view;
  show("studio");
  const subject = moving ? new Video(file, { onResult: (address) => studio.showVideo(address) }) : new Photo(file);
  const opened = studio.open(subject);
  if (others.length) note(strings.notOne(file.name, others.length + 1));
  if (!(await opened)) show(studio.ready ? view : "welcome");
  else if (history.state?.view !== "studio") history.pushState({ view: "studio" }, ""); // "Back" leads to the first view
}

function show(view) {
  document.body.dataset.view = view;
  for (const name of ["welcome", "studio"]) byId(name).hidden = name !== view;
  if (view === "welcome") byId("video").pause();
}

/** Ask what the server takes; with a token where it wants one, from the address or from the person. */
async function start() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    history.replaceState(null, "", location.pathname + location.search);
    await signIn(given).catch(() => {}); // a wrong one is asked for again below
  }
  try {
    ({ limits } = await options());
  } catch (error) {
    if (error.status === 401) askForToken();
    else note(error.message, { error: true });
  }
}

function askForToken() {
  const dialog = byId("token");
  const input = byId("token-input");
  dialog.showModal();
  dialog.addEventListener(
    "close",
    async () => {
      try {
        await signIn(input.value);
      } catch {
        note(strings.tokenWrong, { error: true });
      }
      input.value = "";
      start();
    },
    { once: true },
  );
}

function listShortcuts() {
  const dialog = byId("shortcuts");
  const list = dialog.querySelector("dl");
  for (const [keys, meaning] of strings.shortcuts) {
    const term = document.createElement("dt");
    term.append(
      ...keys.split(" ").filter(Boolean).map((key) => {
        const cap = document.createElement(key === "…" ? "span" : "kbd");
        cap.textContent = key;
        return cap;
      }),
    );
    const description = document.createElement("dd");
    description.textContent = meaning;
    list.append(term, description);
  }
  byId("keys").addEventListener("click", () => dialog.showModal());
}
