// One item on the screen: its ladders, its viewer, its keys, and what it tells the queue.

import { fill, gettext, ngettext } from "../texts.js";
import { Flags } from "./flags.js";
import { Guide } from "./guide.js";
import { ImageViewer } from "./image.js";
import { digit, listen } from "./keys.js";
import { Ladders } from "./ladders.js";
import { active, pace } from "./pace.js";
import { option } from "./store.js";
import { Terms } from "./terms.js";
import { announce } from "./toasts.js";
import { VideoPlayer } from "./video.js";

const by = (id) => document.getElementById(id);
const leftText = (n) => fill(ngettext("%(n)s left", "%(n)s left", n), { n });
// Said where somebody wants to submit too early.
const openText = (n) => fill(ngettext("%(n)s question still open", "%(n)s questions still open", n), { n });

// The state of the queue (queue.js); ``n`` answers have not been sent.
export function stateText(name, n) {
  const texts = {
    saved: () => gettext("All answers saved"),
    saving: () => gettext("Saving"),
    refused: () => gettext("Some answers could not be saved"),
    offline: () => ngettext("Offline: %(n)s answer kept here", "Offline: %(n)s answers kept here", n),
    trouble: () =>
      ngettext("Server not responding: %(n)s answer kept here", "Server not responding: %(n)s answers kept here", n),
    signedOut: () => ngettext("Signed out: %(n)s answer kept here", "Signed out: %(n)s answers kept here", n),
  };
  return fill(texts[name](), { n });
}

export class Page {
  // ``session`` (main.js) has the queue and knows the way to the next item.
  constructor(data, session) {
    this.data = data;
    this.session = session;
    this.queue = session.queue;
    this.stored = new Map(Object.entries(data.levels)); // as far as the server has said
    this.over = new AbortController();
    this.root = by("workspace");
    this.root.classList.add("scripted");
    this.ladders = new Ladders(by("ladders"), data, this.over.signal);
    this.viewer = new (data.media.kind === "video" ? VideoPlayer : ImageViewer)(by("viewer"), this.over.signal);
    this.terms = new Terms(by("prompt-text"), data.assignment, this.over.signal);
    const { signal } = this.over;
    this.flags = new Flags(this.root, this.ladders, (...report) => this.flag(...report), this.waitingFlags(), signal);
    this.guide = new Guide(this.root, data.urls.guide, this.ladders, signal);
    this.replay();
    this.listen();
    this.ladders.ask(option("questions"));
    this.veil(!by("veil").hidden);
    this.showCounts();
    this.showState();
    const first = this.ladders.first();
    if (first) this.ladders.focus(first);
  }

  get done() {
    return this.data.state === "submitted" || !this.data.editable;
  }

  destroy() {
    this.over.abort();
  }

  name(ladder) {
    return by(`name-${ladder}`)?.textContent ?? ladder;
  }

  // Answers of this item that are still on their way are shown as given.
  replay() {
    for (const act of this.queue.waiting(this.data.assignment)) {
      if (act.kind === "judge") this.ladders.replay(act.ladder, act.level);
    }
  }

  waitingFlags() {
    return this.queue.waiting(this.data.assignment).filter((act) => act.kind === "flag").map((act) => act.body);
  }

  listen() {
    const { signal } = this.over;
    const on = (target, name, action) => target?.addEventListener(name, action, { signal });
    on(this.ladders, "act", (event) => this.act(event.detail));
    on(this.ladders, "change", () => this.showCounts());
    on(this.ladders, "complete", () => by("submit").focus());
    on(by("ladders"), "submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    on(by("undo"), "click", () => this.undo());
    on(by("unveil"), "click", () => this.veil(false));
    on(by("media"), "error", () => this.broken());
    on(this.queue, "change", () => this.showState());
    on(this.queue, "saved", (event) => this.saved(event.detail));
    on(this.queue, "refused", (event) => event.detail.act.assignment === this.data.assignment && this.showStored());
    this.dialogs(on);
    listen(this.keys(), { enabled: () => !option("noKeys"), signal });
  }

  dialogs(on) {
    on(by("open-skip"), "click", () => this.openSkip());
    on(by("open-keys"), "click", () => by("keys-dialog").showModal());
    for (const dialog of this.root.querySelectorAll("dialog")) {
      on(dialog, "click", (event) => {
        if (event.target.closest("[data-close]") || event.target === dialog) dialog.close();
      });
    }
    on(by("skip-dialog"), "submit", (event) => {
      event.preventDefault();
      this.skip(new FormData(event.target));
    });
    on(by("skip-dialog"), "keydown", (event) => {
      const reason = [...this.root.querySelectorAll("#skip-dialog [name=reason]")][Number(digit(event)) - 1];
      if (reason && !event.target.matches("textarea")) reason.click();
    });
    for (const box of this.root.querySelectorAll("[data-option]")) {
      box.checked = box.dataset.option === "veil" ? document.cookie.includes("veil=1") : option(box.dataset.option);
      on(box, "change", () => this.setOption(box.dataset.option, box.checked));
    }
  }

  setOption(name, on) {
    // The server has to know this one: media that should be hidden must not flash up before a script can hide it.
    if (name === "veil") document.cookie = `veil=${on ? 1 : 0}; path=/campaigns/; max-age=31536000; samesite=lax`;
    else option(name, on);
    if (name === "questions") this.ladders.ask(on);
    if (name === "veil") this.veil(on);
  }

  keys() {
    const actions = {
      ArrowDown: () => this.ladders.move(1),
      ArrowUp: () => this.ladders.move(-1),
      j: () => this.ladders.move(1),
      k: () => this.ladders.move(-1),
      ArrowLeft: () => this.ladders.shift(-1),
      ArrowRight: () => this.ladders.shift(1),
      Backspace: () => this.undo(),
      Enter: () => this.submit(),
      "shift+j": () => by("following")?.click(),
      "shift+k": () => by("previous")?.click(),
      s: () => this.openSkip(),
      t: () => this.terms.focus(),
      v: () => this.veil(by("veil").hidden),
      "?": () => by("keys-dialog").showModal(),
      y: () => this.ladders.questionMode && this.ladders.answer(true),
      n: () => this.ladders.questionMode && this.ladders.answer(false),
      a: () => this.ladders.accept(),
      ...this.flags.keys(),
      ...this.guide.keys(),
      ...this.viewer.keys(),
    };
    for (let digit = 1; digit <= 9; digit += 1) actions[digit] = () => this.ladders.press(digit);
    return actions;
  }

  act({ ladder, level, milliseconds }) {
    active();
    const { assignment, urls, sequence: seen } = this.data;
    const label = this.name(ladder);
    this.queue.push(
      ({ sequence, key }) => ({
        kind: "judge",
        assignment,
        ladder,
        level,
        label,
        page: urls.page,
        url: urls.judge,
        type: "application/json",
        body: JSON.stringify({ sub_dimension: ladder, level, milliseconds, key, sequence }),
      }),
      seen,
    );
  }

  // What is stored is what is seen: answers the server has said it has, and those on their way to it.
  saved({ act, answer }) {
    if (act.assignment !== this.data.assignment || act.kind !== "judge") return;
    for (const [ladder, level] of Object.entries(answer.levels)) {
      if (level === null) this.stored.delete(ladder);
      else this.stored.set(ladder, level);
    }
    this.showStored();
    if (answer.feedback) {
      this.ladders.tell(act.ladder, answer.feedback);
      announce(answer.feedback.text);
    }
  }

  showStored() {
    this.ladders.reset(this.stored);
    this.replay();
  }

  // A report goes the way of the answers: kept here until it has arrived.
  flag(fields, label, said) {
    const { assignment, urls, sequence: seen } = this.data;
    const type = "application/x-www-form-urlencoded";
    const ladder = `flag ${fields.get("reason")} ${fields.get("sub_dimension")}`;
    this.queue.push(
      () => ({ kind: "flag", assignment, ladder, label, page: urls.page, url: urls.flag, type, body: fields.toString() }),
      seen,
    );
    announce(said);
  }

  undo() {
    const id = this.ladders.undo();
    const undone = () => fill(gettext("Undone: %(name)s"), { name: this.name(id) });
    announce(id ? undone() : gettext("There is nothing to undo on this page."));
  }

  submit() {
    if (this.leaving) return;
    if (this.done) {
      this.leave();
      return;
    }
    const left = this.ladders.left();
    if (left.length) {
      this.ladders.focus(left[0]);
      const text = openText(left.length);
      by("left").textContent = text;
      by("left").classList.add("asked");
      announce(text);
      return;
    }
    this.finish("submit", this.data.urls.submit, "");
  }

  openSkip() {
    if (!by("open-skip")) return false;
    by("skip-dialog").showModal();
    return true;
  }

  skip(form) {
    if (this.leaving) return;
    form.delete("csrfmiddlewaretoken");
    by("skip-dialog").close();
    this.finish("skip", this.data.urls.skip, new URLSearchParams(form).toString());
  }

  finish(kind, url, body) {
    const { assignment, urls, sequence: seen } = this.data;
    const type = "application/x-www-form-urlencoded";
    this.queue.push(() => ({ kind, assignment, page: urls.page, url, type, body }), seen);
    this.leave(kind);
  }

  async leave(kind = "") {
    this.leaving = true;
    by("submit").setAttribute("aria-disabled", "true");
    await this.session.next(this, kind);
    this.leaving = false;
    by("submit").removeAttribute("aria-disabled");
  }

  veil(on) {
    by("veil").hidden = !on;
    by("viewer").classList.toggle("veiled", on);
    this.viewer.veiled(on);
  }

  broken() {
    by("viewer").classList.add("broken");
    by("viewer").dataset.message = gettext(
      "The media does not load. Reload the page, or skip the item with the reason “does not load or play”.",
    );
  }

  showCounts() {
    const left = this.ladders?.left().length ?? 0;
    by("left").textContent = left ? leftText(left) : gettext("All answered");
    by("left").classList.remove("asked");
    this.root.classList.toggle("complete", left === 0);
    const seconds = pace();
    by("pace").textContent = seconds ? `${fill(gettext("about %(n)s s each"), { n: seconds })} · ` : "";
  }

  showState() {
    const { name, n } = this.queue.state();
    const box = by("save-state");
    const words = stateText(name, n);
    const text = name !== "saved" && !this.queue.store.durable ? `${words}. ${gettext("This browser cannot keep answers: stay on this page until everything is saved")}` : words;
    if (box.dataset.state !== name && ![name, box.dataset.state].every((s) => ["saved", "saving"].includes(s))) announce(text);
    box.dataset.state = name;
    box.querySelector(".text").textContent = text;
  }
}
