// The prompt's words can be marked as met or as missing: an aid for judging alignment, kept in this tab only.

import { gettext } from "../texts.js";

const NEXT = { "": "met", met: "missing", missing: "" };

function words(text, language) {
  // Chinese writes no spaces; where the browser knows words, it is asked.
  if (!Intl.Segmenter) return text.split(/(\s+)/).map((segment) => ({ segment, isWordLike: /[^\s\p{P}]/u.test(segment) }));
  return [...new Intl.Segmenter(language || undefined, { granularity: "word" }).segment(text)];
}

function load(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key)) ?? {};
  } catch {
    return {};
  }
}

export class Terms {
  constructor(box, assignment, signal) {
    this.box = box;
    this.key = `visionreward:terms:${assignment}`;
    this.marks = load(this.key);
    this.write(box.textContent);
    box.addEventListener("click", (event) => this.mark(event.target.closest(".term")), { signal });
    box.addEventListener("keydown", (event) => this.pressed(event), { signal });
    box.addEventListener("focusin", (event) => this.stopAt(event.target), { signal });
  }

  write(text) {
    let number = 0;
    const parts = words(text, "").map(({ segment, isWordLike }) => {
      if (!isWordLike) return document.createTextNode(segment);
      // A button would be one opaque thing to the order of right-to-left text: words in it come out in the wrong order.
      const term = document.createElement("span");
      term.setAttribute("role", "button");
      term.className = "term";
      term.tabIndex = number === 0 ? 0 : -1; // one stop for Tab; the arrows go from word to word
      term.dataset.term = String(number);
      term.textContent = segment;
      number += 1;
      return term;
    });
    this.box.replaceChildren(...parts);
    this.terms = [...this.box.querySelectorAll(".term")];
    for (const term of this.terms) this.show(term);
  }

  show(term) {
    const state = this.marks[term.dataset.term] ?? "";
    term.dataset.state = state;
    const label = state === "met" ? gettext("met") : gettext("missing");
    if (state) term.setAttribute("aria-label", `${term.textContent}: ${label}`);
    else term.removeAttribute("aria-label");
  }

  mark(term) {
    if (!term) return;
    this.marks[term.dataset.term] = NEXT[this.marks[term.dataset.term] ?? ""];
    this.show(term);
    try {
      sessionStorage.setItem(this.key, JSON.stringify(this.marks));
    } catch {
      // then the marks last as long as the page
    }
  }

  pressed(event) {
    if ((event.key === "Enter" || event.key === " ") && event.target.matches(".term")) {
      event.preventDefault();
      if (!event.repeat) this.mark(event.target);
    } else this.move(event);
  }

  move(event) {
    const onward = getComputedStyle(this.box).direction === "rtl" ? -1 : 1;
    const step = { ArrowLeft: -onward, ArrowUp: -1, ArrowRight: onward, ArrowDown: 1 }[event.key];
    const here = this.terms.indexOf(event.target);
    const next = this.terms[here + step];
    if (here < 0 || !step) return;
    event.preventDefault();
    next?.focus();
  }

  stopAt(here) {
    for (const term of this.terms) term.tabIndex = term === here ? 0 : -1;
  }

  focus() {
    this.terms.find((term) => term.tabIndex === 0)?.focus();
  }
}
