// What the annotator reports about the item while going on with it: the window for it, and the list of what is reported.

import { fill, gettext } from "../texts.js";
import { digit } from "./keys.js";

export class Flags {
  // ``send``: (fields) → puts them on their way. ``waiting``: reports that were made here and have not arrived yet.
  constructor(root, ladders, send, waiting, signal) {
    this.list = root.querySelector("#flags");
    this.row = root.querySelector("#flag-row").content;
    this.dialog = root.querySelector("#flag-dialog");
    this.form = this.dialog.querySelector("form");
    this.ladders = ladders;
    this.send = send;
    const on = (target, name, action) => target.addEventListener(name, action, { signal });
    on(root.querySelector("#open-flag"), "click", () => this.open());
    on(this.form, "submit", (event) => {
      event.preventDefault();
      this.report(new FormData(this.form));
    });
    on(this.dialog, "keydown", (event) => {
      const reason = [...this.form.querySelectorAll("[name=reason]")][Number(digit(event)) - 1];
      if (!reason || event.target.matches("textarea, select")) return;
      reason.click();
      reason.focus();
    });
    on(this.list, "submit", (event) => {
      event.preventDefault();
      this.withdraw(event.target);
    });
    for (const fields of waiting) this.apply(new URLSearchParams(fields));
  }

  open() {
    this.form.reset();
    if (this.ladders.current) this.form.elements.sub_dimension.value = this.ladders.current;
    this.dialog.showModal();
    this.form.querySelector("[name=reason]").focus();
  }

  name(fields) {
    const ladder = fields.get("reason") === "unclear" && document.getElementById(`name-${fields.get("sub_dimension")}`);
    return ladder ? ladder.textContent : this.form.querySelector(`[value="${fields.get("reason")}"]`).dataset.name;
  }

  report(form) {
    const fields = new URLSearchParams();
    for (const name of ["reason", "sub_dimension", "note"]) fields.set(name, form.get(name) ?? "");
    if (fields.get("reason") !== "unclear") fields.set("sub_dimension", "");
    this.dialog.close();
    this.apply(fields);
    this.send(fields, this.name(fields), gettext("Reported. You can keep answering."));
    if (this.ladders.current) this.ladders.focus(this.ladders.current);
  }

  withdraw(form) {
    const fields = new URLSearchParams({ withdraw: "1" });
    for (const name of ["reason", "sub_dimension"]) fields.set(name, form.elements[name].value);
    this.apply(fields);
    const name = this.name(fields);
    this.send(fields, name, fill(gettext("Withdrawn: %(name)s"), { name }));
    if (this.ladders.current) this.ladders.focus(this.ladders.current);
  }

  // Shown as it will be, as soon as it is on its way.
  apply(fields) {
    const there = [...this.list.children].find((row) => {
      const { elements } = row.querySelector("form");
      return ["reason", "sub_dimension"].every((name) => elements[name].value === (fields.get(name) ?? ""));
    });
    if (fields.get("withdraw")) there?.remove();
    else if (!there) {
      const row = this.row.cloneNode(true).querySelector("li");
      const { elements } = row.querySelector("form");
      for (const name of ["reason", "sub_dimension"]) elements[name].value = fields.get(name) ?? "";
      row.querySelector(".words").textContent = fill(gettext("Reported: %(name)s"), { name: this.name(fields) });
      row.querySelector(".which").textContent = `: ${this.name(fields)}`;
      this.list.append(row);
    }
    this.list.hidden = !this.list.children.length;
  }

  keys() {
    return { r: () => this.open() };
  }
}
