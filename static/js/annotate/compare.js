// Two items side by side: the same keys as on the workspace, and how long the choice took.

import { listen } from "./keys.js";
import { option } from "./store.js";

const form = document.getElementById("compare");
if (form) {
  const began = performance.now();
  const choose = (value) => form.querySelector(`[name=preference][value="${value}"]`)?.click();
  form.addEventListener("submit", () => {
    form.elements.milliseconds.value = String(Math.round(performance.now() - began));
  });
  const actions = { 1: "left", ArrowLeft: "left", 2: "tie", ArrowDown: "tie", 3: "right", ArrowRight: "right" };
  listen(
    {
      ...Object.fromEntries(Object.entries(actions).map(([key, value]) => [key, () => choose(value)])),
      Backspace: () => document.getElementById("previous")?.click(),
    },
    { enabled: () => !option("noKeys") },
  );
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
    for (const video of form.querySelectorAll("video")) video.play().catch(() => undefined);
  }
}
