// Frame by frame, for every clip of a page that has the browser's own player: buttons and a counter below each, and the
// keys , and . for all of them.

import { Frames } from "./frames.js";
import { listen } from "./keys.js";
import { option } from "./store.js";

const steppers = [...document.querySelectorAll(".frame-steps")].map((box) => {
  const frames = new Frames(document.getElementById(box.dataset.video));
  const counter = box.querySelector("output");
  frames.watch(() => {
    counter.textContent = frames.counter;
  });
  box.addEventListener("click", (event) => {
    const step = event.target.closest("[data-step]")?.dataset.step;
    if (step) frames.step(Number(step));
  });
  box.hidden = false;
  return frames;
});

if (steppers.length) {
  const all = (count) => () => steppers.forEach((frames) => frames.step(count));
  listen({ ",": all(-1), ".": all(1) }, { enabled: () => !option("noKeys") });
}
