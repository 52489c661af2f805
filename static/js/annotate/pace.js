// How fast one works, and a word when it has been long enough. Kept for this tab only.

const KEY = "visionreward:pace";
const BREAK_MS = 5 * 60_000; // a pause this long is a break
const REMIND_MS = 50 * 60_000;

function load() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

// Call at each finished item; ``now`` in ms. Returns seconds an item (null at first) and minutes without a break when due.
export function finished(now = Date.now(), store = load()) {
  const gap = store.last ? now - store.last : 0;
  const state = gap < BREAK_MS && store.last ? store : { since: now, times: [] };
  state.times = [...state.times, ...(store.last && gap < BREAK_MS ? [gap] : [])].slice(-20);
  state.last = now;
  const worked = now - state.since;
  const due = worked > REMIND_MS && now - (state.reminded ?? 0) > REMIND_MS;
  if (due) state.reminded = now;
  try {
    sessionStorage.setItem(KEY, JSON.stringify(state));
  } catch {
    // then there is no pace
  }
  return { seconds: seconds(state), minutes: due ? Math.round(worked / 60_000) : null };
}

function seconds(state) {
  const times = [...(state.times ?? [])].sort((a, b) => a - b);
  return times.length >= 3 ? Math.round(times[Math.floor(times.length / 2)] / 1000) : null;
}

export function pace() {
  return seconds(load());
}
