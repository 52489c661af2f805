// Acts the server has not confirmed yet, kept in the browser. One entry an act: tabs never overwrite each other's.

const ACTS = "visionreward:act:";

function durable() {
  try {
    localStorage.setItem("visionreward:probe", "1");
    localStorage.removeItem("visionreward:probe");
    return true;
  } catch {
    return false; // private windows of some browsers, or storage turned off
  }
}

export class Store {
  constructor(person) {
    this.prefix = `${ACTS}${person}:`;
    this.durable = durable();
    this.memory = new Map();
  }

  // Sixteen digits hold milliseconds until the year 300,000: names sort as the acts were made.
  name(act) {
    return `${this.prefix}${String(act.sequence).padStart(16, "0")}:${act.key}`;
  }

  put(act) {
    try {
      if (!this.durable) throw new Error("nothing is kept here");
      localStorage.setItem(this.name(act), JSON.stringify(act));
      this.memory.delete(this.name(act));
    } catch {
      this.durable = false; // full, most likely: what cannot be written is at least kept while the page is open
      this.memory.set(this.name(act), act);
    }
  }

  remove(act) {
    this.memory.delete(this.name(act));
    try {
      localStorage.removeItem(this.name(act));
    } catch {
      // there is nothing of it there
    }
  }

  has(act) {
    return this.memory.has(this.name(act)) || this.read(this.name(act)) !== null;
  }

  read(name) {
    try {
      return JSON.parse(localStorage.getItem(name));
    } catch {
      return null;
    }
  }

  // All acts of this person, in the order they were made.
  list() {
    const names = [...this.memory.keys()];
    try {
      for (let index = 0; index < localStorage.length; index += 1) {
        const name = localStorage.key(index);
        if (name.startsWith(this.prefix)) names.push(name);
      }
    } catch {
      // memory is all there is
    }
    return [...new Set(names)]
      .sort()
      .map((name) => this.memory.get(name) ?? this.read(name))
      .filter(Boolean);
  }
}

// Small choices of this person in this browser.
export function option(name, value) {
  const key = `visionreward:option:${name}`;
  try {
    if (value === undefined) return localStorage.getItem(key) === "1";
    localStorage.setItem(key, value ? "1" : "0");
  } catch {
    // then it holds for this page only
  }
  return Boolean(value);
}
