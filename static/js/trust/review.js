// The review page by keyboard: the annotator's keys decide, Enter saves.
import { meaning } from "../annotate/keys.js";
import { option } from "../annotate/store.js";

const form = document.getElementById("review-form");
const header = document.querySelector(".site-header");
const actions = form.querySelector(".review-actions");
const ladders = [...form.querySelectorAll(".review-ladder")];
let current = ladders.find((ladder) => ladder.matches(".disputed:not(.decided)")) ?? ladders[0];

// Those that are not folded away: keys reach no others.
const reachable = () => ladders.filter((ladder) => !ladder.closest("details:not([open])"));

function show(ladder, { scroll = true } = {}) {
  if (!ladder) return;
  current?.classList.remove("current");
  current = ladder;
  current.classList.add("current");
  if (scroll) current.scrollIntoView({ block: "center" });
}

function move(steps) {
  const all = reachable();
  const from = all.indexOf(current);
  show(from < 0 ? all[0] : all[Math.min(Math.max(from + steps, 0), all.length - 1)]);
}

function isInView(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return top >= header.getBoundingClientRect().bottom - 1 && bottom <= actions.getBoundingClientRect().top + 1;
}

// A key decides only what the reviewer sees: the question's name and the answer itself.
function isSeen(input) {
  return reachable().includes(current) && isInView(current.querySelector("legend")) && isInView(input.closest("label"));
}

function mark(ladder) {
  const chosen = ladder.querySelector("input:checked");
  ladder.classList.toggle("decided", Boolean(chosen) && chosen.value !== "");
}

function choose(input, { goOn = true } = {}) {
  if (!input) return;
  if (!isSeen(input)) {
    if (reachable().includes(current)) current.scrollIntoView({ block: "center" });
    else move(0);
    return;
  }
  input.checked = true;
  mark(current);
  if (goOn) move(1);
}

form.addEventListener("change", (event) => {
  const ladder = event.target.closest(".review-ladder");
  if (!ladder) return;
  mark(ladder);
  show(ladder, { scroll: false });
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, select, video")) return;
  const key = meaning(event);
  if (key >= "1" && key <= "9") choose(current?.querySelector(`input[data-key="${key}"]`));
  else if (["j", "ArrowDown"].includes(key)) move(1);
  else if (["k", "ArrowUp"].includes(key)) move(-1);
  else if (key === "Backspace") choose(current?.querySelector('input[value=""]'), { goOn: false });
  else if (key === "Enter" && !event.target.matches("button, a, summary")) form.requestSubmit();
  else return;
  event.preventDefault();
});

// The model's answer shows only once the reviewer has decided, and only to those who want it.
const box = document.getElementById("show-model");
if (box) {
  const apply = () => form.classList.toggle("with-model", box.checked);
  box.closest("label").hidden = false;
  box.checked = option("reviewModel");
  box.addEventListener("change", () => {
    option("reviewModel", box.checked);
    apply();
  });
  apply();
}

show(current, { scroll: false });
