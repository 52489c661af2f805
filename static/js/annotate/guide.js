// The examples of the ladder in hand, beside the questions: what each level looks like. They come with the first look,
// all of a checklist at once, and stay for the visit; a picture is loaded when it is shown.

import { fill, gettext } from "../texts.js";
import { option } from "./store.js";
import { announce } from "./toasts.js";

const OPTION = "guide"; // who works with the examples open finds them open with the next item
const loaded = new Map(); // address → the sections of a checklist

async function load(url) {
  const response = await fetch(url, { headers: { Accept: "text/html" }, credentials: "same-origin", redirect: "manual" });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const template = document.createElement("template");
  template.innerHTML = await response.text();
  return template.content;
}

export class Guide {
  constructor(root, url, ladders, signal) {
    this.box = root.querySelector("#guide");
    this.body = root.querySelector("#guide-body");
    this.title = root.querySelector("#guide-title");
    this.dialog = root.querySelector("#example-dialog");
    this.root = root;
    this.url = url;
    this.ladders = ladders;
    const on = (target, name, action) => target.addEventListener(name, action, { signal });
    on(ladders, "attend", () => this.isOpen && this.show());
    on(ladders, "guide", () => this.toggle());
    on(root.querySelector("#close-guide"), "click", () => this.close());
    on(this.box, "keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    on(this.box, "click", (event) => this.enlarge(event.target.closest("[data-enlarge]")));
    on(this.dialog, "close", () => this.dialog.querySelector("#example-large").replaceChildren());
    // On a phone they lie over the questions: there they are opened by hand.
    if (option(OPTION) && matchMedia("(min-width: 60.01rem)").matches) this.open({ quietly: true });
  }

  get isOpen() {
    return !this.box.hidden;
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  open({ quietly = false } = {}) {
    this.box.hidden = false;
    this.mark();
    this.show();
    option(OPTION, true);
    if (!quietly) announce(fill(gettext("Examples of %(name)s are open next to the questions."), { name: this.name }));
  }

  close() {
    const within = this.box.contains(document.activeElement);
    this.box.hidden = true;
    this.mark();
    option(OPTION, false);
    announce(gettext("Examples closed."));
    if (within && this.ladders.current) this.ladders.focus(this.ladders.current);
  }

  mark() {
    this.root.classList.toggle("guided", this.isOpen);
    for (const button of this.root.querySelectorAll("[data-guide]")) button.setAttribute("aria-expanded", String(this.isOpen));
  }

  get name() {
    return document.getElementById(`name-${this.ladders.current}`)?.textContent ?? "";
  }

  async show() {
    this.title.textContent = this.name;
    if (!loaded.has(this.url)) loaded.set(this.url, load(this.url));
    try {
      const sections = await loaded.get(this.url);
      const { current } = this.ladders;
      const section = [...sections.querySelectorAll("[data-guide-for]")].find((one) => one.dataset.guideFor === current);
      if (this.shown === current && this.body.firstElementChild) return;
      this.shown = current;
      this.body.replaceChildren(...(section ? [section.cloneNode(true)] : []));
      this.body.scrollTop = 0;
    } catch {
      loaded.delete(this.url); // the next look tries again
      this.shown = undefined;
      const line = document.createElement("p");
      line.className = "muted";
      line.textContent = gettext("The examples could not be loaded. Try again when you are online.");
      this.body.replaceChildren(line);
    }
  }

  enlarge(button) {
    if (!button) return;
    const still = button.querySelector("img");
    const large = document.createElement(button.dataset.kind === "video" ? "video" : "img");
    large.src = button.dataset.enlarge;
    for (const side of ["width", "height"]) large.setAttribute(side, still.getAttribute(side));
    if (button.dataset.kind === "video") {
      Object.assign(large, { controls: true, loop: true, muted: true, playsInline: true });
      large.setAttribute("aria-label", still.alt);
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches) large.play().catch(() => undefined);
    } else large.alt = still.alt;
    this.dialog.querySelector("#example-large").replaceChildren(large);
    const caption = button.closest("figure").querySelector("figcaption")?.textContent;
    this.dialog.querySelector("#example-caption").textContent = caption ?? still.alt;
    this.dialog.showModal();
  }

  keys() {
    return { g: () => this.toggle() };
  }
}
