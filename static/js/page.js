// What every page needs beyond HTML: menus that close, and messages for failed requests.

import { gettext } from "./texts.js";

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A form that has been sent is not sent twice by a double click.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || form.hasAttribute("data-repeatable")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});

window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// What was chosen before htmx was there, or filled in by the browser itself, has changed unheard: it is told again,
// once for everything that listens.
function tellAgain() {
  for (const listener of document.querySelectorAll("[hx-trigger*='change']")) {
    const changed = [...listener.querySelectorAll("input, select, textarea")].find(isChanged);
    changed?.dispatchEvent(new Event("change", { bubbles: true }));
  }
}
function isChanged(control) {
  if (control.type === "hidden") return false;
  if (control.options) {
    const options = [...control.options];
    if (control.multiple) return options.some((option) => option.selected !== option.defaultSelected);
    return control.selectedIndex !== Math.max(0, options.findLastIndex((option) => option.defaultSelected));
  }
  if (["checkbox", "radio"].includes(control.type)) return control.checked !== control.defaultChecked;
  return control.value !== control.defaultValue;
}
document.addEventListener("htmx:load", tellAgain, { once: true });

function say(text) {
  let box = document.querySelector("main .messages");
  if (!box) {
    box = document.createElement("div");
    box.className = "messages";
    box.setAttribute("role", "status");
    document.querySelector("main").prepend(box);
  }
  const notice = document.createElement("p");
  notice.className = "notice bad";
  notice.dataset.trouble = "yes";
  notice.textContent = text;
  box.replaceChildren(notice);
}

document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  if (status === 403) say(gettext("You do not have permission, or you have been signed out. Reload the page and try again."));
  else if (status >= 500) say(gettext("The server could not complete the request. Nothing was changed. Try again in a moment."));
});
document.addEventListener("htmx:sendError", () => say(gettext("The server cannot be reached. Retrying.")));
// What is true no longer is not said any longer: of a server that answers again, and of a beginning once it has ended.
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.xhr.status < 400) document.querySelector(".messages > [data-trouble]")?.remove();
});
document.addEventListener("job-finished", () => {
  for (const notice of document.querySelectorAll(".messages > .notice.good, .messages > .notice.info")) notice.remove();
});

// With JavaScript a search inside a form is answered at once: it is no part of what the form sends, and Enter sends nothing.
function detachSearches() {
  for (const search of document.querySelectorAll("input[data-finds]")) search.setAttribute("form", "");
}
detachSearches();
document.addEventListener("htmx:afterSwap", detachSearches);

// Times are kept in UTC and shown as the reader's clock says.
export function localTimes(root = document) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    time.title = date.toLocaleString();
    time.textContent = date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    time.dataset.local = "yes";
  }
}
localTimes();
document.addEventListener("htmx:afterSwap", () => localTimes());

// “Today” is the reader's day: the server is told the time zone of this browser.
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
if (timeZone) document.cookie = `zone=${encodeURIComponent(timeZone)}; path=/; max-age=31536000; samesite=lax`;

// What scrolls sideways can be reached, and so scrolled, with the keyboard.
function reachable() {
  for (const box of document.querySelectorAll(".table-wrap, .tabs")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
reachable();
window.addEventListener("resize", reachable);
document.addEventListener("htmx:afterSwap", reachable);
