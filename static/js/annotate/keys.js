// Keys of the workspace. Letters and digits by what they mean, or by where they lie on layouts that write others there.

const TYPING = "input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable]";

function meaning(event) {
  if (event.key.length > 1) return event.key;
  const digit = event.code.match(/^(?:Digit|Numpad)(\d)$/)?.[1];
  if (digit && !/[?+\-.,[\]]/.test(event.key)) return digit;
  if (/[a-z]/i.test(event.key) || !/^Key/.test(event.code)) return event.key.toLowerCase();
  return event.code.slice(3).toLowerCase();
}

// ``actions``: {key: function}, "shift+key" for those with shift. An action that returns false leaves the key alone.
export function listen(actions, { enabled, signal }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (target.closest(TYPING)) return;
    const key = meaning(event);
    const single = key.length === 1;
    if (single && !enabled()) return;
    // What has keys of its own keeps them: buttons and links their Enter and space, sliders and radio buttons their arrows.
    if ((key === "Enter" || key === " ") && target.closest("button, a, summary")) return;
    if (key === " " && target.matches("input[type=radio], input[type=checkbox]")) return;
    if (key.startsWith("Arrow") && target.closest("input[type=range], input[type=radio]")) return;
    const action = (event.shiftKey && actions[`shift+${key}`]) || actions[key];
    if (!action || (event.repeat && !key.startsWith("Arrow") && key !== "," && key !== ".")) return;
    if (action(event) !== false) event.preventDefault();
  }, { signal }); // prettier-ignore
}
