// Sends acts in the background, one after the other, until the server has each of them. Made for bad lines: what has not
// arrived is kept (store.js), sent again with the same key (so that it has its effect once), and said in words. Answers
// that gather while a request is under way travel together, and with the end of their item where that is next.

const MOST_AT_ONCE = 64; // the body of a request that outlives its page may have 64 kB
const RETRY_MS = [1000, 2000, 4000, 8000, 15000];
const GIVE_UP_MS = 15000;

function cookie(name) {
  return document.cookie.match(`(?:^|; )${name}=([^;]*)`)?.[1] ?? "";
}

// The server understood and said no: the same act will not do better by being repeated.
class Refusal extends Error {
  constructor(body, status) {
    super(body.message ?? `HTTP ${status}`);
    this.code = body.code ?? "refused";
  }
}

async function post({ url, type, body }) {
  const response = await fetch(url, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": type, "X-CSRFToken": cookie("csrftoken") },
    body,
    credentials: "same-origin",
    redirect: "manual", // to the log-in page: then we are signed out
    keepalive: true,
    signal: AbortSignal.timeout(GIVE_UP_MS),
  });
  if (response.ok) return response.json();
  if (response.type === "opaqueredirect" || response.status === 401 || response.status === 403) {
    throw Object.assign(new Error("signed out"), { trouble: "signedOut" });
  }
  if ([400, 404, 409, 413, 422].includes(response.status)) {
    throw new Refusal(await response.json().catch(() => ({})), response.status);
  }
  throw Object.assign(new Error(`HTTP ${response.status}`), { trouble: "trouble" });
}

export class SaveQueue extends EventTarget {
  constructor(store, person) {
    super();
    this.store = store;
    this.lock = `visionreward-send-${person}`;
    this.trouble = ""; // "offline", "signedOut", "trouble": why the last attempt failed
    this.failures = 0;
    this.alone = new Set(); // keys of acts that were refused together
    this.last = 0;
    addEventListener("online", () => this.flush());
    addEventListener("offline", () => this.fail("offline"));
    addEventListener("focus", () => this.flush());
    addEventListener("storage", (event) => {
      if (event.key?.startsWith(this.store.prefix)) this.changed();
    });
  }

  // Counts on from the clock, from this page, and from what the server and other tabs have seen.
  sequence(atLeast = 0) {
    this.last = Math.max(Date.now(), this.last + 1, atLeast + 1, ...this.store.list().map((act) => act.sequence + 1));
    return this.last;
  }

  push(act, atLeast) {
    const sequence = this.sequence(atLeast);
    const key = crypto.randomUUID?.() ?? `${sequence}-${Math.random().toString(36).slice(2)}`;
    const made = act({ sequence, key });
    this.store.put({ ...made, sequence, key });
    this.changed();
    this.flush();
    return sequence;
  }

  waiting(assignment) {
    return this.store.list().filter((act) => !act.refused && (!assignment || act.assignment === assignment));
  }

  refused() {
    return this.store.list().filter((act) => act.refused);
  }

  retry(acts) {
    for (const act of acts) this.store.put({ ...act, refused: undefined });
    this.changed();
    this.flush();
  }

  letGo(acts) {
    for (const act of acts) this.store.remove(act);
    this.changed();
  }

  // "saved", "saving", "offline", "signedOut", "trouble" or "refused"; and how many answers wait here.
  state() {
    const waiting = this.waiting();
    const ladders = new Set(waiting.map((act) => `${act.assignment} ${act.ladder ?? ""}`));
    if (!waiting.length) return { name: this.refused().length ? "refused" : "saved", n: 0 };
    return { name: this.trouble || "saving", n: ladders.size };
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }

  fail(trouble) {
    this.trouble = trouble;
    this.changed();
  }

  // Fulfilled when nothing of these kinds waits any more; of all kinds where none is named.
  settled(...kinds) {
    const still = () => this.waiting().some((act) => !kinds.length || kinds.includes(act.kind));
    return new Promise((resolve) => {
      const look = () => {
        if (still()) return;
        this.removeEventListener("change", look);
        resolve();
      };
      this.addEventListener("change", look);
      look();
    });
  }

  flush() {
    clearTimeout(this.timer);
    if (this.sending) {
      this.again = true;
      return;
    }
    this.sending = true;
    const send = () => this.sendAll();
    // Where tabs can agree on who sends, one does. Where they cannot, both may: the key makes twice once.
    const done = navigator.locks ? navigator.locks.request(this.lock, send) : send();
    done
      .catch(() => this.fail("trouble"))
      .finally(() => {
        this.sending = false;
        if (this.again) {
          this.again = false;
          this.flush();
        }
      });
  }

  // The acts that travel with the first one: answers of one item, and its submission behind them.
  group() {
    const waiting = this.waiting();
    const [first] = waiting;
    if (first?.kind !== "judge" || this.alone.has(first.key)) return waiting.slice(0, 1);
    let n = 1;
    while (n < MOST_AT_ONCE && waiting[n]?.kind === "judge" && waiting[n].assignment === first.assignment) n += 1;
    const next = waiting[n];
    return waiting.slice(0, next?.kind === "submit" && next.assignment === first.assignment ? n + 1 : n);
  }

  async sendAll() {
    for (let acts = this.group(); acts.length; acts = this.group()) {
      try {
        const pairs = await this.send(acts);
        this.trouble = "";
        this.failures = 0;
        for (const [act, answer] of pairs) this.settle(act, answer);
      } catch (error) {
        if (!(error instanceof Refusal)) {
          this.wait(error.trouble ?? "offline");
          return;
        }
        // One of many may be to blame for all: then each goes by itself, and the others arrive.
        if (acts.length > 1) this.alone = new Set(acts.map((act) => act.key));
        else this.settle(acts[0], { code: error.code, message: error.message });
      }
      this.changed();
    }
  }

  // One request; pairs of act and what the server says of it.
  async send(acts) {
    const last = acts.at(-1);
    const answers = acts.filter((act) => act.kind === "judge");
    const ending = last.kind === "judge" ? undefined : last;
    if (["submit", "skip"].includes(ending?.kind) && this.refused().some((act) => act.assignment === ending.assignment)) {
      // What was refused of this item comes first: somebody has to see it before the item is left.
      if (!answers.length) throw new Refusal({ code: "held_back" });
      return this.send(answers);
    }
    if (last.kind !== "judge" && last.kind !== "submit") return [[last, await post(last)]];
    const judgments = answers.map((act) => JSON.parse(act.body));
    const { results, ...end } = await post({ url: last.url, type: "application/json", body: JSON.stringify({ judgments }) });
    const pairs = answers.map((act, index) => [act, results[index]]);
    return ending ? [...pairs, [ending, end.problem ?? end]] : pairs;
  }

  // The server has taken the act, or has said why it does not.
  settle(act, answer) {
    if (answer.code === undefined) {
      this.store.remove(act);
      this.dispatchEvent(new CustomEvent("saved", { detail: { act, answer } }));
      return;
    }
    // Let go in another tab while it was under way: then nobody wants it any more.
    if (this.store.has(act)) this.store.put({ ...act, refused: { message: answer.message, code: answer.code } });
    this.dispatchEvent(new CustomEvent("refused", { detail: { act } }));
  }

  wait(trouble) {
    this.fail(trouble);
    const delay = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
    this.failures += 1;
    this.timer = setTimeout(() => this.flush(), delay);
  }
}
