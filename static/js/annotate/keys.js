// Keys of the pages. Digits by where they lie; letters and signs by what they mean, or by where they lie on layouts that
// write others there.

const TYPING = "input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable]";

// What the keys of a US keyboard mean, for layouts that write something there that means nothing here.
const PLACES = { Minus: "-", Equal: "+", Comma: ",", Period: ".", BracketLeft: "[", BracketRight: "]" };
const SYMBOLS = "?+-=.,[]";

// A key that an input method takes (Chinese, Japanese, Korean) is not for the page. Safari tells of it by 229 alone.
export function composing(event) {
  return event.isComposing || event.keyCode === 229;
}

// The digit of a key, wherever a layout needs shift for it (AZERTY, Czech), on the row or on the number pad; "" for others.
export function digit(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || composing(event) || event.key.length > 1) return "";
  if (/^[0-9]$/.test(event.key)) return event.key;
  const place = event.code.match(/^(?:Digit|Numpad)(\d)$/)?.[1];
  // With shift the row writes symbols; what is a key of its own stays one (the Swiss + is shift and 1).
  return place && !(event.shiftKey && SYMBOLS.includes(event.key)) ? place : "";
}

export function meaning(event) {
  const unknown = event.key === "Dead" || event.key === "Unidentified";
  if (event.key.length > 1 && !unknown) return event.key;
  const number = digit(event);
  if (number) return number;
  if (!unknown && (/[a-z]/i.test(event.key) || SYMBOLS.includes(event.key))) return event.key.toLowerCase();
  const letter = event.code.match(/^Key([A-Z])$/)?.[1];
  return letter?.toLowerCase() ?? PLACES[event.code] ?? event.key.toLowerCase();
}

// ``actions``: {key: function}, "shift+key" for those with shift. An action that returns false leaves the key alone.
// ``signal`` ends the listening; without one it lasts as long as the page.
export function listen(actions, { enabled, signal }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || composing(event) || event.defaultPrevented) return;
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
