// How fast one works, and a word when it has been long enough. Kept for this tab only; times in ms.

const KEY = "visionreward:pace";
const BREAK_MS = 5 * 60_000; // a pause this long is a break
const REMIND_MS = 50 * 60_000;
const TIMES_KEPT = 20;

function load() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

function save(state) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(state));
  } catch {
    // then there is no pace
  }
}

// Call with every answer: work goes on from one to the next, however long an item takes, until a break.
export function active(now = Date.now()) {
  const state = load();
  const rested = !state.seen || now - state.seen >= BREAK_MS;
  save(rested ? { times: state.times, since: now, seen: now } : { ...state, seen: now });
}

// Call with every finished item. Returns the minutes without a break when a word about it is due, otherwise null.
export function finished(now = Date.now()) {
  active(now);
  const state = load();
  // The time from one finished item to the next tells the pace, unless a break lies between: then ``last`` is gone.
  if (state.last) state.times = [...(state.times ?? []), now - state.last].slice(-TIMES_KEPT);
  state.last = now;
  const due = now - state.since >= REMIND_MS && now - (state.reminded ?? state.since) >= REMIND_MS;
  if (due) state.reminded = now;
  save(state);
  return due ? Math.round((now - state.since) / 60_000) : null;
}

// Seconds per item: the median of the last ones; null at first.
export function pace() {
  const times = [...(load().times ?? [])].sort((a, b) => a - b);
  return times.length >= 3 ? Math.round(times[Math.floor(times.length / 2)] / 1000) : null;
}
