// The review page by keyboard: the annotator's keys decide, Enter saves.
import { meaning } from "../annotate/keys.js";

const form = document.getElementById("review-form");
const ladders = [...form.querySelectorAll(".review-ladder")];
let current = Math.max(ladders.findIndex((ladder) => ladder.classList.contains("disputed")), 0);

function show(index, { scroll = true } = {}) {
  ladders[current]?.classList.remove("current");
  current = Math.min(Math.max(index, 0), ladders.length - 1);
  ladders[current].classList.add("current");
  if (scroll) ladders[current].scrollIntoView({ block: "center" });
}

function mark(ladder) {
  ladder.classList.toggle("decided", ladder.querySelector("input:checked")?.value !== "");
}

function choose(key) {
  const input = ladders[current].querySelector(`input[data-key="${key}"]`);
  if (!input) return;
  input.checked = true;
  mark(ladders[current]);
  show(current + 1);
}

form.addEventListener("change", (event) => {
  const ladder = event.target.closest(".review-ladder");
  if (!ladder) return;
  mark(ladder);
  show(ladders.indexOf(ladder), { scroll: false });
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, select, summary, video")) return;
  const key = meaning(event);
  if (key >= "1" && key <= "9") choose(key);
  else if (["j", "ArrowDown"].includes(key)) show(current + 1);
  else if (["k", "ArrowUp"].includes(key)) show(current - 1);
  else if (key === "Backspace") {
    ladders[current].querySelector('input[value=""]').checked = true;
    mark(ladders[current]);
  } else if (key === "Enter" && !event.target.matches("button, a")) form.requestSubmit();
  else return;
  event.preventDefault();
});

if (ladders.length) show(current, { scroll: false });
