// The annotator's workspace. One session a tab: a queue that saves, the next item made ready, the page on the screen.

import { fill, gettext, ngettext } from "../texts.js";
import { Ahead } from "./ahead.js";
import { finished } from "./pace.js";
import { Page, stateText } from "./page.js";
import { SaveQueue } from "./queue.js";
import { Store } from "./store.js";
import { announce, toast, untoast } from "./toasts.js";

class Session {
  constructor(data) {
    this.store = new Store(data.person);
    this.queue = new SaveQueue(this.store, data.person);
    this.ahead = new Ahead(this.queue);
    this.listen();
    this.show(data);
    this.queue.flush();
  }

  listen() {
    this.queue.addEventListener("refused", () => this.tellRefused());
    // A pause, or a test that was not passed: the campaign's page says so kindly. What is ready here is not begun.
    this.queue.addEventListener("saved", ({ detail: { answer } }) => answer.stop && this.stop());
    this.queue.addEventListener("change", () => this.tellSignedOut());
    addEventListener("popstate", () => {
      if (location.pathname !== this.page.data.urls.page) location.reload();
    });
    addEventListener("storage", (event) => this.otherTab(event));
    addEventListener("beforeunload", (event) => {
      if (!this.store.durable && this.queue.waiting().length) event.preventDefault();
    });
  }

  async stop() {
    await this.queue.settled();
    location.assign(this.page.data.urls.work);
  }

  show(data) {
    this.page = new Page(data, this);
    this.ahead.start(data);
    this.tellRefused();
    this.seeSubmitted(data.assignment);
  }

  // Opened while its end is still on its way: shown as it will be, as soon as it is.
  async seeSubmitted(assignment) {
    if (!this.queue.waiting(assignment).some((act) => ["submit", "skip"].includes(act.kind))) return;
    this.page.leaving = true;
    await this.queue.settled();
    if (!this.queue.refused().some((act) => act.assignment === assignment)) location.reload();
    else this.page.leaving = false;
  }

  // On to the next item: at once where it is ready, otherwise as soon as it can be had.
  async next(page, kind) {
    if (kind === "submit") this.count();
    let ready = this.ahead.take();
    if (!ready) {
      toast("waiting", gettext("Loading the next item."), [], "info");
      await this.queue.settled("submit", "skip");
      await this.ahead.fetching;
      untoast("waiting");
      if (this.queue.refused().some((act) => act.assignment === page.data.assignment)) return;
      ready = this.ahead.take();
    }
    if (ready) this.swap(ready);
    else location.assign(page.data.urls.work);
  }

  count() {
    const minutes = finished();
    this.today = Number(document.getElementById("today").textContent) + 1;
    if (minutes) {
      const text = ngettext(
        "You have worked for %(n)s minute without a break. Look into the distance for a moment.",
        "You have worked for %(n)s minutes without a break. Look into the distance for a moment.",
        minutes,
      );
      toast("break", fill(text, { n: minutes }), [{ label: gettext("Close") }], "info");
    }
  }

  swap({ workspace, data, url, blob }) {
    this.page.destroy();
    if (this.blob) URL.revokeObjectURL(this.blob);
    this.blob = blob;
    const today = workspace.querySelector("#today");
    today.textContent = String(Math.max(this.today ?? 0, Number(today.textContent)));
    document.getElementById("workspace").replaceWith(workspace);
    history.pushState(null, "", url);
    scrollTo(0, 0);
    this.show(data);
    announce(fill(gettext("Next item: %(name)s"), { name: document.getElementById("prompt-text").textContent }));
  }

  // What the server would not take, in one message per item: nothing of it is dropped before somebody says so.
  tellRefused() {
    const groups = new Map();
    for (const act of this.queue.refused()) groups.set(act.assignment, [...(groups.get(act.assignment) ?? []), act]);
    for (const [assignment, acts] of groups) {
      const names = [...new Set(acts.map((act) => act.label).filter(Boolean))];
      const reasons = [...new Set(acts.map((act) => act.refused.message).filter(Boolean))];
      const what = names.length
        ? fill(gettext("An answer could not be saved: %(name)s."), { name: names.join(", ") })
        : gettext("An item could not be submitted.");
      const buttons = [
        { label: gettext("Try again"), action: () => this.tryAgain(acts) },
        { label: gettext("Discard"), action: () => this.queue.letGo(acts) },
      ];
      if (assignment !== this.page.data.assignment) buttons.unshift({ label: gettext("Open item"), href: acts[0].page });
      toast(`refused-${assignment}`, [what, ...reasons].join(" "), buttons, "bad");
    }
  }

  tryAgain(acts) {
    this.queue.retry(acts);
    this.page.showStored();
  }

  tellSignedOut() {
    if (this.queue.state().name !== "signedOut") untoast("signed-out");
    else {
      const href = `/accounts/login/?next=${encodeURIComponent(this.page.data.urls.page)}`;
      toast("signed-out", stateText("signedOut", this.queue.state().n), [{ label: gettext("Sign in again"), href }], "bad");
    }
  }

  // The same item in two windows: answers of the other one show here too, and its end is said.
  otherTab(event) {
    if (!event.key?.startsWith(this.store.prefix) || !event.newValue || event.oldValue) return;
    const act = JSON.parse(event.newValue);
    if (act.assignment !== this.page.data.assignment) return;
    if (act.kind === "judge") this.page.ladders.replay(act.ladder, act.level);
    else if (act.kind === "flag") this.page.flags.apply(new URLSearchParams(act.body));
    else {
      const { page } = this;
      const text = gettext("You have finished this item in another window.");
      toast("elsewhere", text, [{ label: gettext("Continue"), action: () => page.leave() }], "info");
    }
  }
}

new Session(JSON.parse(document.getElementById("workspace-data").textContent));
