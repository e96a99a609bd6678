/** The page once there is a picture: joins editor, stage, panel and toolbar, and what the server is asked. */

import { Divider } from "./divider.js";
import { Editor } from "./editor.js";
import { announce, clearNotes, note, working } from "./messages.js";
import { Panel, icon } from "./panel.js";
import { readPicture, resized } from "./pictures.js";
import { Stage } from "./stage.js";
import { strings } from "./strings.js";
import { Box, Pen, Pick } from "./tools.js";

const PEN_SIZES = [6, 10, 16, 24, 36, 54, 80, 120]; // diameters in pixels of the screen

export class Studio {
  #subject = null; // a Photo or a Video
  #editor = null;
  #last = null; // subject and editor of the last picture in which objects could be looked for
  #saved = null; // the choices of the last file that was saved
  #tools = {};
  #tool = "pick";
  #penSize = 3;
  #knowsHow = false; // has clicked on an object
  #asking = null; // AbortController of what the server is asked

  constructor() {
    this.stage = new Stage(byId("stage"), { onCross: (cross) => this.#tellCross(cross) });
    this.divider = new Divider(this.stage.frame);
    this.panel = new Panel({
      onPick: (object) => this.toggle(object),
      onHover: (object) => this.#pointAt(object),
      onPicture: () => byId("background-file").click(),
    });
    this.#makeToolbar();
    this.#listen();
  }

  /** Whether there is a picture in which objects were looked for. */
  get ready() {
    return this.#editor !== null && this.#editor.choices.record !== null;
  }

  /** Whether there are choices that no saved file has. */
  get unsaved() {
    return this.ready && this.#editor.history.canUndo && this.#editor.choices !== this.#saved;
  }

  /** Work on a Photo or a Video; whether this can be done. Where it cannot, the picture before is back. */
  async open(subject) {
    this.#asking?.abort();
    const before = this.#last;
    if (this.#subject !== before?.subject) this.#subject?.close();
    this.#subject = subject;
    this.#editor = null;
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.#hideVideo();
    if (this.divider.shown) this.#compare();
    byId("save").querySelector("span").textContent = subject.saveLabel;
    await this.#attempt(async () => {
      working(strings.reading);
      const picture = await subject.open(this.#more);
      if (signal.aborted) return;
      this.#edit(picture, picture);
      working(strings.looking);
      const found = await subject.look({}, this.#more);
      if (signal.aborted) return;
      this.#edit(resized(picture, found.view), found);
      await this.#editor.takeObjects(found);
      announce(strings.found(this.#editor.numberInColour, this.#editor.choices.objects.length));
      if (document.activeElement === document.body) this.stage.marks.focus({ preventScroll: true });
    }, signal);
    if (signal.aborted) return true; // for another one, which has the screen now
    const opened = this.ready;
    if (opened) {
      before?.subject.close();
      this.#last = { subject, editor: this.#editor };
    } else this.#returnTo(before);
    return opened;
  }

  toggle(object) {
    const name = strings.objectName(object.className, object.number);
    announce(this.#editor.toggle(object) ? strings.kept(name) : strings.dropped(name));
    this.#knowsHow = true;
    byId("hint").dataset.done = this.#tool === "pick";
  }

  async save() {
    if (!this.ready) return;
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const { choices } = this.#editor;
    const finish = async () => {
      await this.#subject.finish(this.#editor, this.#more);
      this.#saved = choices;
    };
    await this.#attempt(finish, signal, this.#subject.brush ? null : signal);
  }

  /** Show the finished video. */
  showVideo(address) {
    const video = byId("video");
    video.src = address;
    video.play().catch(() => {}); // where the browser wants a click first, it gets one on the player
    byId("download").href = `${address}?download=true`;
    byId("finished").hidden = false;
    byId("finished-title").focus();
    announce(strings.videoDone);
  }

  /** A picture of the person's own, to lie behind the objects. */
  async useBackground(file) {
    clearNotes();
    const picture = await readPicture(file);
    if (picture) this.#editor?.setBackground({ kind: "image", picture, file });
    else note(strings.notReadable(file.name), { error: true });
  }

  /** Do what a key stands for; whether it stands for anything. */
  key(event) {
    if (!this.ready || event.target.matches("[type=password], [type=color]")) return false;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key === "z") this.#step(event.shiftKey ? "redo" : "undo");
      else if (key === "y") this.#step("redo");
      else if (key === "s") this.save();
      else return false;
      return true;
    }
    if (event.altKey) return false;
    const tool = { v: "pick", b: "box", p: "add", e: "remove" }[key];
    if (tool && this.#tools[tool]) this.#choose(tool);
    else if (key === "[" || key === "]") this.#setPenSize(this.#penSize + (key === "]" ? 1 : -1));
    else if (key === "c") this.#compare();
    else if (key === "?") byId("keys").click();
    else if (key === "i") this.#editor.history.change({ invert: !this.#editor.choices.invert });
    else if (/^[1-9]$/.test(key)) {
      const object = this.#editor.choices.objects.find((each) => each.number === Number(key));
      if (object) this.toggle(object);
    } else return false;
    return true;
  }

  get #more() {
    return {
      signal: this.#asking.signal,
      onWait: (seconds) => working(strings.busy(seconds)),
    };
  }

  /** Do something that takes a while; say what went wrong, if anything does. */
  async #attempt(action, signal, cancel = null) {
    clearNotes();
    byId("cancel").hidden = cancel === null;
    byId("save").disabled = true;
    try {
      await action();
    } catch (error) {
      if (error.name === "AbortError") {
        if (cancel) note(strings.videoCancelled);
      } else if (error.status === undefined) throw error;
      else note(error.message, { error: true });
    } finally {
      if (this.#asking?.signal === signal) {
        working(null);
        byId("cancel").hidden = true;
        byId("save").disabled = !this.ready;
      }
    }
  }

  /** Show the picture of before, with its choices, in place of one that cannot be worked on. */
  #returnTo(before) {
    this.#subject.close();
    this.#subject = before?.subject ?? null;
    this.#editor = before?.editor ?? null;
    if (!before) return;
    byId("save").querySelector("span").textContent = this.#subject.saveLabel;
    byId("save").disabled = false;
    this.#editor.show();
    this.#showEditor();
  }

  /** Edit a picture, unless it is the one that is being edited already. */
  #edit(photo, size) {
    if (this.#editor?.photo === photo) {
      this.#editor.size = size;
    } else {
      this.#editor = new Editor(this.stage.result, photo, size, (choices) => this.#update(choices));
    }
    this.#showEditor();
  }

  #showEditor() {
    this.stage.show(this.#editor);
    this.panel.show(this.#editor);
    this.#makeTools();
    this.#update(this.#editor.choices);
  }

  #update(choices) {
    const { history } = this.#editor;
    byId("undo").disabled = !history.canUndo;
    byId("redo").disabled = !history.canRedo;
    this.#hideVideo();
    this.panel.update(choices);
    this.stage.section.classList.toggle("clear", choices.background.kind === "transparent");
    this.stage.marks.setAttribute("aria-label", strings.stage(this.#editor.numberInColour, choices.objects.length));
    if (!choices.objects.includes(this.#tools.pick?.hovered)) this.#tools.pick?.cancel();
    this.stage.drawMarks();
  }

  #makeTools() {
    const radius = () => PEN_SIZES[this.#penSize] / 2;
    const onStroke = () => announce(strings.lineEnded);
    const editor = this.#editor;
    this.#tools = {
      pick: new Pick(editor, { onHover: (object) => this.#hovered(object), onPick: (object) => this.toggle(object) }),
      box: new Box(editor, { onBox: (box) => this.#addBox(box) }),
    };
    if (this.#subject.brush) {
      this.#tools.add = new Pen(editor, "add", radius, { onStroke });
      this.#tools.remove = new Pen(editor, "remove", radius, { onStroke });
    }
    for (const [name, radio] of Object.entries(this.toolRadios)) radio.parentElement.hidden = !this.#tools[name];
    this.#choose(this.#tools[this.#tool] ? this.#tool : "pick");
  }

  #choose(name) {
    this.#tool = name;
    this.toolRadios[name].checked = true;
    byId("pen").hidden = !(this.#tools[name] instanceof Pen);
    const hints = { pick: this.#subject.brush ? strings.pickLong : strings.firstFrame };
    byId("hint").dataset.done = name === "pick" && this.#knowsHow;
    byId("hint").textContent = hints[name] ?? strings[`${name}Long`];
    this.stage.use(this.#tools[name]);
  }

  #setPenSize(index) {
    this.#penSize = Math.max(0, Math.min(PEN_SIZES.length - 1, index));
    const range = byId("pen-range");
    range.value = this.#penSize;
    range.setAttribute("aria-valuetext", strings.pixels(PEN_SIZES[this.#penSize]));
    this.stage.drawMarks();
  }

  async #addBox(box) {
    const { scale, choices } = this.#editor;
    const boxes = [box.map((value) => value / scale)];
    this.#asking = new AbortController();
    await this.#attempt(async () => {
      working(strings.lookingInBox);
      const editor = this.#editor;
      const found = await this.#subject.look({ record: choices.record, boxes }, this.#more);
      if (editor !== this.#editor) return;
      const added = await editor.takeObjects(found, boxes);
      for (const { className, number } of added) announce(strings.added(strings.objectName(className, number)));
      this.#choose("pick");
    }, this.#asking.signal);
  }

  /** From the list of objects to the picture ... */
  #pointAt(object) {
    if (this.#tool !== "pick") return;
    this.#tools.pick.hover(object);
    this.stage.drawMarks();
  }

  /** ... and back. */
  #hovered(object) {
    this.panel.highlight(object);
    this.stage.marks.style.cursor = object ? "pointer" : "default";
    if (!object) {
      this.stage.marks.title = "";
      return;
    }
    const name = strings.objectName(object.className, object.number);
    this.stage.marks.title = this.#editor.inColour(object) ? strings.clickToDrop(name) : strings.clickToKeep(name);
  }

  #tellCross({ point, event }) {
    if (event === "moved") {
      const object = this.#editor.objectAt(...point);
      announce(object ? strings.cursorOn(strings.objectName(object.className, object.number)) : strings.cursorOff);
    } else if (event === "pressed") announce(this.#tool === "box" ? strings.boxBegun : strings.lineBegun);
  }

  #step(way) {
    if (!this.#editor.history[way === "undo" ? "canUndo" : "canRedo"]) return;
    this.#editor.history[way]();
    announce(way === "undo" ? strings.undone : strings.redone);
  }

  #compare() {
    const whether = !this.divider.shown;
    this.divider.show(whether);
    byId("compare").setAttribute("aria-pressed", whether);
  }

  #hideVideo() {
    byId("finished").hidden = true;
    byId("video").pause();
  }

  #makeToolbar() {
    this.toolRadios = {};
    for (const name of ["pick", "box", "add", "remove"]) {
      const label = document.createElement("label");
      label.title = strings[`${name}Long`];
      const radio = document.createElement("input");
      radio.type = "radio";
      radio.name = "tool";
      radio.setAttribute("aria-label", strings[`${name}Long`]);
      radio.addEventListener("change", () => this.#choose(name));
      const word = document.createElement("span");
      word.textContent = strings[name];
      label.append(radio, icon(`i-${name}`), word);
      byId("pen").before(label);
      this.toolRadios[name] = radio;
    }
    const range = byId("pen-range");
    range.max = PEN_SIZES.length - 1;
    range.addEventListener("input", () => this.#setPenSize(Number(range.value)));
    this.#setPenSize(this.#penSize);
  }

  #listen() {
    const actions = {
      undo: () => this.#step("undo"),
      redo: () => this.#step("redo"),
      compare: () => this.#compare(),
      save: () => this.save(),
      cancel: () => this.#asking?.abort(),
      back: () => this.#hideVideo(),
    };
    for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
    window.addEventListener("beforeunload", (event) => {
      if (this.unsaved) event.preventDefault(); // has the browser ask
    });
    window.addEventListener("pagehide", () => this.#subject?.close());
  }
}

const byId = (id) => document.getElementById(id);
