// Two items side by side: one viewer for both, the same keys as on the workspace, and how long the choice took.

import { digit, listen } from "./keys.js";
import { linkImages } from "./linked_images.js";
import { PairPlayer } from "./pair_player.js";
import { option } from "./store.js";

const form = document.getElementById("compare");

// The keys of the images or clips; none where they are gone.
function view(pair) {
  const { signal } = new AbortController();
  const tools = pair.querySelector(".tools");
  tools.hidden = false;
  if (pair.dataset.kind === "video") return new PairPlayer(pair, signal).keys();
  return linkImages([...pair.querySelectorAll("figure")], tools, signal);
}

function choices() {
  const actions = {};
  for (const button of form.querySelectorAll("[data-keys]")) {
    for (const key of button.dataset.keys.split(" ")) actions[key] = () => button.click();
  }
  return actions;
}

// Focused at once: "toggle" comes later than the next key of a quick hand.
function openSkip(skip) {
  skip.open = true;
  skip.querySelector("[name=reason]").focus();
}

function answersOfSkip(skip) {
  skip.addEventListener("toggle", () => skip.open && skip.querySelector("[name=reason]").focus());
  skip.addEventListener("keydown", (event) => {
    const reason = [...skip.querySelectorAll("[name=reason]")][Number(digit(event)) - 1];
    if (!reason || event.target.matches("textarea")) return;
    reason.click();
    reason.focus();
  });
}

if (form) {
  const began = performance.now();
  const skip = document.getElementById("skip-pair");
  const help = document.getElementById("keys-dialog");
  const box = help.querySelector("[data-option]");
  form.addEventListener("submit", () => {
    form.elements.milliseconds.value = String(Math.round(performance.now() - began));
  });
  if (skip) answersOfSkip(skip);
  document.getElementById("open-keys").hidden = false;
  document.getElementById("open-keys").addEventListener("click", () => help.showModal());
  help.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]") || event.target === help) help.close();
  });
  box.checked = option("noKeys");
  box.addEventListener("change", () => option("noKeys", box.checked));
  const actions = {
    ...choices(),
    ...view(document.getElementById("viewer")),
    Backspace: () => document.getElementById("previous")?.click(),
    Enter: () => document.getElementById("keep")?.click(),
    s: () => skip && openSkip(skip),
    "?": () => help.showModal(),
  };
  // While a reason for skipping is chosen, no key answers.
  const guarded = Object.entries(actions).map(([key, act]) => [key, () => (skip?.open ? false : act())]);
  listen(Object.fromEntries(guarded), { enabled: () => !option("noKeys") });
} else {
  listen({ Backspace: () => document.getElementById("previous")?.click() }, { enabled: () => true });
}
