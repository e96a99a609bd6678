/** Every word of the page. Another language is another file like this one. */

const number = (value) => value.toLocaleString("en");
const count = (value, one, many) => `${number(value)} ${value === 1 ? one : many}`;
const touch = matchMedia("(pointer: coarse)").matches; // as in welcome.css
const press = touch ? "tap" : "click";

export const strings = {
  title: "balloon_splash",
  tagline: "Colour where it matters.",
  heroLead: `${touch ? "Choose" : "Drop"} a photo. It turns grey, its balloons keep their colour, and a ${press} changes which.`,
  heroHint: `Try it: ${press} a balloon.`,
  heroBalloon: (index) => `Balloon ${index} of the drawing`,
  choose: "Choose a photo or video",
  photograph: "Take a photo",
  orPaste: "or drop one anywhere, or paste it",
  sample: "Use a sample picture",
  sampleName: "sample.jpg",
  privacy: "Your photo goes only to this server, which does not keep it.",
  dropHere: "Drop it here",

  newPicture: "New",
  newPictureLong: "Open another photo or video",
  undo: "Undo",
  redo: "Redo",
  compare: "Compare",
  compareLong: "Compare with the original",
  divider: "Divider between the original and the result",
  dividerAt: (percent) => `${percent} % original`,
  save: "Save",
  saving: "Saving…",
  saveVideo: "Splash video",
  help: "Keyboard shortcuts",

  tools: "Tools",
  pick: "Pick",
  pickLong: `${touch ? "Tap" : "Click"} an object to turn it grey or back to colour`,
  box: "Box",
  boxLong: "Draw a box around an object that was missed",
  add: "Brush",
  addLong: "Paint where colour stays",
  remove: "Erase",
  removeLong: "Paint where colour goes",
  penSize: "Size",
  pixels: (value) => `${number(Math.round(value))} px`,
  percent: (share) => `${Math.round(share * 100)} %`,

  objects: "Objects",
  objectsKept: (kept, all) => (all ? `${kept} of ${all} in colour` : "none found"),
  keepAll: "All in colour",
  keepNone: "None in colour",
  objectName: (className, number) => `${className} ${number}`,
  objectLabel: (className, number, score) => `${className} ${number}, ${Math.round(score * 100)} % sure`,
  nothingFound: "Nothing was found. Draw a box around an object, or paint it with the brush.",
  kept: (name) => `${name} keeps its colour`,
  dropped: (name) => `${name} turns grey`,
  clickToKeep: (name) => `${name}: ${press} to keep its colour`,
  clickToDrop: (name) => `${name}: ${press} to turn it grey`,

  background: "Background",
  backgrounds: {
    grey: "Grey",
    desaturate: "Muted",
    blur: "Blur",
    pixelate: "Pixels",
    colour: "Colour",
    image: "Picture",
    transparent: "None",
  },
  backgroundLong: {
    grey: "Grey",
    desaturate: "Partly desaturated",
    blur: "Blurred",
    pixelate: "Pixelated",
    colour: "One colour",
    image: "A picture of your own",
    transparent: "Transparent",
  },
  amount: { desaturate: "Less colour", blur: "Strength", pixelate: "Block size" },
  pickColour: "Colour",
  choosePicture: "Choose a picture…",
  invert: "Swap: colour outside, grey inside",

  edges: "Edges",
  softness: "Softness",
  grow: "Grow or shrink",
  reset: "Reset",

  stage: (kept, all) => `The picture, ${kept} of ${count(all, "object", "objects")} in colour`,
  stageHelp: "Arrow keys move a cross over the picture, Enter clicks or begins and ends a box or a line, Escape leaves it.",
  cursorOn: (name) => `On ${name}`,
  cursorOff: "On the background",
  boxBegun: "Box begun. Move to the opposite corner and press Enter.",
  lineBegun: "Painting. Press Enter to stop.",
  lineEnded: "Painted.",

  reading: "Reading the picture…",
  looking: "Looking for objects…",
  lookingInBox: "Looking in the box…",
  found: (kept, all) => `${count(all, "object", "objects")} found, ${kept} in colour.`,
  added: (name) => `${name} added, in colour`,
  saved: (name) => `Saved ${name} among your downloads`,
  undone: "Undone",
  redone: "Redone",
  notReadable: (name) => `${name} is not a picture that the browser or the server can read`,
  tooLarge: (name, size, limit) => `${name} has ${size}; this server takes up to ${limit}`,
  notOne: (name, all) => `${count(all, "file", "files")}, of which the page takes one: ${name}`,
  notSaved: "The choices in this picture are not saved. Open another one all the same?",
  offline: "The server does not answer. Is it still running?",
  busy: (seconds) => `The server is busy; trying again in ${seconds} s`,
  failed: (status) => `The server answered ${status}`,
  close: "Close",
  cancel: "Cancel",

  uploading: (share) => `Sending the video, ${Math.round(share * 100)} %`,
  firstFrame: "First frame: choose what keeps its colour",
  queued: "Waiting for its turn…",
  frames: (done, all) => (all ? `Frame ${number(done)} of ${number(all)}` : count(done, "frame", "frames")),
  remaining: (seconds) => (seconds < 90 ? `about ${count(Math.ceil(seconds), "second", "seconds")} left`
    : `about ${count(Math.round(seconds / 60), "minute", "minutes")} left`),
  videoDone: "Your video is ready",
  videoFailed: "The video could not be finished",
  videoCancelled: "Cancelled",
  download: "Download",
  backToChoices: "Change the choices",

  tokenTitle: "This server asks for its token",
  tokenHint: "It is in the line that the server printed when it started.",
  token: "Token",
  enter: "Enter",
  tokenWrong: "That is not the token of this server.",

  megabytes: (bytes) => `${number(Math.max(0.1, Math.round(bytes / 1e5) / 10))} MB`,

  shortcuts: [
    ["V", "Pick"],
    ["B", "Box"],
    ["P", "Brush"],
    ["E", "Erase"],
    ["[  ]", "Smaller, larger pen"],
    ["C", "Compare"],
    ["I", "Swap inside and outside"],
    ["1 … 9", "Keep or drop an object"],
    ["← ↑ → ↓", "Move a cross over the picture"],
    ["Enter", "Click there, or begin and end a box or a line"],
    ["Ctrl Z", "Undo"],
    ["Ctrl Shift Z", "Redo"],
    ["Ctrl S", "Save"],
    ["?", "This list"],
  ],
};

/** Fill in the words of a part of the page: `data-text`, `data-label` and `data-tip` name them. */
export function putStrings(root) {
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = strings[element.dataset.text];
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", strings[element.dataset.label]);
  }
  for (const element of root.querySelectorAll("[data-tip]")) element.title = strings[element.dataset.tip];
}
