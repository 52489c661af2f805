// What must be said about something that is no longer on the screen. Stays until it is answered.

export function toast(id, text, buttons = [], kind = "warn") {
  const list = document.getElementById("toasts");
  const box = list.querySelector(`[data-toast="${id}"]`) ?? document.createElement("div");
  box.className = `notice toast ${kind}`;
  box.dataset.toast = id;
  const words = document.createElement("p");
  words.textContent = text;
  const row = document.createElement("div");
  row.className = "cluster";
  for (const { label, href, action } of buttons) {
    const button = document.createElement(href ? "a" : "button");
    button.className = "button small";
    button.textContent = label;
    if (href) button.href = href;
    else {
      button.type = "button";
      button.addEventListener("click", () => {
        box.remove();
        action?.();
      });
    }
    row.append(button);
  }
  box.replaceChildren(words, row);
  if (!box.isConnected) list.append(box);
}

export function untoast(id) {
  document.querySelector(`#toasts [data-toast="${id}"]`)?.remove();
}

export function announce(text) {
  document.getElementById("announce").textContent = text;
}
