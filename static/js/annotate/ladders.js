// The ladders of one item: what is chosen, which ladder has the focus, what can be undone, how long each took.

import { consequences, isClosed } from "./rules.js";

const DOUBLE_CLICK_MS = 250; // two hands are not that fast on purpose, one finger is by accident
const DOUBLE_CLICK_PX = 24;

export class Ladders extends EventTarget {
  // Events: "act" {ladder, level, milliseconds}, "change" (something shown has changed), "attend" (another ladder is in
  // hand), "guide" (its examples are asked for), "complete".
  constructor(form, data, signal) {
    super();
    this.form = form;
    this.editable = data.editable;
    this.suggestions = new Map(Object.entries(data.suggestions));
    this.rules = new Map(data.ladders.map((rule) => [rule.id, rule]));
    this.levels = new Map(Object.entries(data.levels));
    this.spent = new Map(Object.entries(data.spent));
    this.boxes = new Map([...form.querySelectorAll(".ladder")].map((box) => [box.dataset.ladder, box]));
    this.order = [...this.boxes.keys()];
    this.history = [];
    this.questionMode = false;
    this.listen(signal);
    this.render();
  }

  listen(signal) {
    this.form.addEventListener("click", (event) => this.clicked(event), { signal });
    // Pressing the button must not move the focus yet: the ladder would open under the pointer before it is let go.
    this.form.addEventListener("mousedown", (event) => {
      if (event.target.closest(".ladder") && !event.target.closest("input, button")) event.preventDefault();
    }, { signal }); // prettier-ignore
    // Keyboards and screen readers that choose a radio button the native way: saved, and the focus stays.
    this.form.addEventListener("change", (event) => {
      const box = event.target.closest(".ladder");
      if (box && event.target.type === "radio") this.choose(box.dataset.ladder, Number(event.target.value));
    }, { signal }); // prettier-ignore
    this.form.addEventListener("focusin", (event) => {
      const id = event.target.closest(".ladder")?.dataset.ladder;
      if (id && id !== this.current && !this.isClosed(id)) this.attend(id);
    }, { signal }); // prettier-ignore
    document.addEventListener("visibilitychange", () => this.clock(), { signal });
    signal.addEventListener("abort", () => this.clock(false));
  }

  clicked(event) {
    const box = event.target.closest(".ladder");
    if (!box || event.target.closest("input")) return;
    const id = box.dataset.ladder;
    if (event.target.closest("[data-guide]")) {
      this.dispatchEvent(new Event("guide"));
      return;
    }
    if (event.target.closest("[data-accept]")) {
      this.accept(id);
      return;
    }
    const answer = event.target.closest("[data-answer]");
    const label = event.target.closest("label.level");
    if (label) event.preventDefault();
    if (!answer && this.isSecondHalf(event)) return;
    if (answer) this.answer(answer.dataset.answer === "yes");
    else if (label && !label.control.disabled) {
      this.chosenBy = event;
      if (this.choose(id, Number(label.control.value))) this.advance(id);
    } else if (!label && !this.isClosed(id)) this.focus(id);
  }

  // The second half of a double click must not hit the ladder that has moved under the pointer meanwhile.
  isSecondHalf(event) {
    const first = this.chosenBy;
    return (
      first &&
      event.timeStamp - first.timeStamp < DOUBLE_CLICK_MS &&
      Math.hypot(event.clientX - first.clientX, event.clientY - first.clientY) < DOUBLE_CLICK_PX
    );
  }

  isClosed(id) {
    return isClosed(this.rules, this.levels, id);
  }

  open() {
    return this.order.filter((id) => !this.isClosed(id));
  }

  left() {
    return this.open().filter((id) => !this.levels.has(id));
  }

  scores(id) {
    return [...this.boxes.get(id).querySelectorAll("label.level:not(.implied-only) input")].map((input) => Number(input.value));
  }

  // Choose a level (null takes the answer back). False where nothing can be chosen here.
  choose(id, level, { remember = true } = {}) {
    if (!this.editable || this.isClosed(id) || (level !== null && !this.scores(id).includes(level))) {
      this.render();
      return false;
    }
    if (this.levels.get(id) === level || (level === null && !this.levels.has(id))) return true;
    const touched = consequences(this.rules, this.levels, id, level);
    const before = Object.fromEntries(Object.keys(touched).map((name) => [name, this.levels.get(name) ?? null]));
    if (remember) this.history.push({ id, before });
    this.clock();
    this.apply(touched);
    const milliseconds = Math.round(this.spent.get(id) ?? 0);
    this.dispatchEvent(new CustomEvent("act", { detail: { ladder: id, level, milliseconds } }));
    return true;
  }

  // Show these levels, wherever they come from: an answer here, the server, another tab.
  apply(levels) {
    for (const [id, level] of Object.entries(levels)) {
      if (!this.rules.has(id)) continue;
      if (level === null) this.levels.delete(id);
      else this.levels.set(id, level);
    }
    this.render();
  }

  // What a test says to an answer, below its ladder.
  tell(id, { right, text }) {
    const box = this.boxes.get(id);
    if (!box) return;
    const line = box.querySelector(".feedback") ?? box.appendChild(Object.assign(document.createElement("p"), { className: "feedback" }));
    line.classList.toggle("wrong", !right);
    line.textContent = text;
  }

  // An answer that was given before this page was made, and waits here to be sent.
  replay(id, level) {
    if (this.rules.has(id)) this.apply(consequences(this.rules, this.levels, id, level));
  }

  // Back to what is stored: an answer the server would not take is not shown as given.
  reset(levels) {
    this.levels = new Map(levels);
    this.render();
  }

  // The level on the n-th key of the focused ladder.
  press(key) {
    const input = this.boxes.get(this.current)?.querySelector(`label.level:not(.implied-only) input[data-key="${key}"]`);
    if (input && this.choose(this.current, Number(input.value))) this.advance(this.current);
    return Boolean(input);
  }

  // The level the model suggests, where it is shown one: chosen like any other.
  accept(id = this.current) {
    const level = this.suggestions.get(id);
    if (level === undefined) return false;
    if (this.choose(id, level)) this.advance(id);
    return true;
  }

  shift(step) {
    const scores = this.scores(this.current);
    const at = scores.indexOf(this.levels.get(this.current));
    const wanted = at < 0 ? (step > 0 ? 0 : scores.length - 1) : at + step;
    if (scores[wanted] !== undefined) this.choose(this.current, scores[wanted]);
  }

  // After an answer: the next open question, or, where all are answered, whatever comes behind.
  advance(id) {
    const position = this.order.indexOf(id);
    const left = this.left();
    const next = left.find((other) => this.order.indexOf(other) > position) ?? left[0];
    if (next) this.focus(next);
    else if (this.complete) this.move(1);
    else this.dispatchEvent(new Event("complete"));
    this.complete = !left.length;
  }

  move(step) {
    const open = this.open();
    const here = this.order.indexOf(this.current);
    const next = step > 0 ? open.find((id) => this.order.indexOf(id) > here) : open.findLast((id) => this.order.indexOf(id) < here);
    if (next ?? this.current) this.focus(next ?? this.current);
  }

  first() {
    this.complete = !this.left().length;
    return this.left()[0] ?? this.open()[0];
  }

  focus(id, { scroll = true } = {}) {
    this.attend(id);
    const box = this.boxes.get(id);
    box.focus({ preventScroll: true });
    if (scroll) box.scrollIntoView({ block: "nearest" });
  }

  // This is the ladder that keys go to; its guidance opens and its clock runs.
  attend(id) {
    this.clock();
    this.boxes.get(this.current)?.classList.remove("current");
    this.current = id;
    this.boxes.get(id).classList.add("current");
    this.asked = 0;
    this.showQuestion();
    this.dispatchEvent(new Event("attend"));
  }

  undo() {
    const last = this.history.pop();
    if (!last) return null;
    this.choose(last.id, last.before[last.id], { remember: false });
    for (const [id, level] of Object.entries(last.before)) {
      // What had followed from the answer gets back what it had been before, where that does not follow by itself.
      if (id !== last.id && (this.levels.get(id) ?? null) !== level) this.choose(id, level, { remember: false });
    }
    this.complete = false;
    this.focus(last.id);
    return last.id;
  }

  // Single questions: yes goes up one step, no ends at the level below.
  ask(on) {
    this.questionMode = on;
    this.form.classList.toggle("question-mode", on);
    this.asked = 0;
    this.showQuestion();
  }

  showQuestion() {
    const box = this.boxes.get(this.current);
    const block = box?.querySelector(".ask");
    for (const other of this.form.querySelectorAll(".ask")) other.hidden = other !== block || !this.questionMode;
    if (!block || !this.questionMode) return;
    [...block.querySelectorAll(".question")].forEach((question, index) => {
      question.hidden = index !== this.asked;
    });
  }

  answer(yes) {
    const { questions } = this.rules.get(this.current) ?? { questions: [] };
    if (!questions.length || this.isClosed(this.current)) return false;
    if (yes && this.asked < questions.length - 1) {
      this.asked += 1;
      this.showQuestion();
      return true;
    }
    const scores = this.scores(this.current);
    const level = yes ? questions.at(-1) : scores[scores.indexOf(questions[this.asked]) - 1] ?? this.rules.get(this.current).lowest;
    if (this.choose(this.current, level)) this.advance(this.current);
    return true;
  }

  // Adds the time since the last look to the focused ladder; hidden pages and closed ones take none.
  clock(run = document.visibilityState === "visible") {
    const now = performance.now();
    if (this.since !== undefined && this.current) {
      this.spent.set(this.current, (this.spent.get(this.current) ?? 0) + now - this.since);
    }
    this.since = run ? now : undefined;
  }

  render() {
    for (const [id, box] of this.boxes) {
      const level = this.levels.get(id);
      const closed = this.isClosed(id);
      let chosen = "";
      for (const input of box.querySelectorAll("input[type=radio]")) {
        input.checked = Number(input.value) === level;
        input.disabled = closed || !this.editable || input.closest(".implied-only") !== null;
        if (input.checked) chosen = input.dataset.name;
      }
      box.querySelector("[data-choice]").textContent = chosen;
      box.classList.toggle("answered", level !== undefined);
      box.classList.toggle("closed", closed);
      box.hidden = closed && box.dataset.kind === "category";
    }
    if (this.current && this.isClosed(this.current)) this.boxes.get(this.current).classList.remove("current");
    this.dispatchEvent(new Event("change"));
  }
}
