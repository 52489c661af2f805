// Two clips in step, under one player: the longer one leads, and the other does what it does.

import { VideoPlayer } from "./video.js";

const DRIFT_S = 0.06; // more than a frame of most clips, less than one sees

// A clip that can be shown, or never will be.
function ready(video) {
  if (video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA || video.error) return Promise.resolve();
  return new Promise((resolve) => {
    for (const name of ["canplay", "error"]) video.addEventListener(name, resolve, { once: true });
  });
}

export class PairPlayer extends VideoPlayer {
  constructor(viewer, signal) {
    const [leader] = viewer.querySelectorAll("video[data-leads]");
    super(viewer, signal, leader);
    this.other = viewer.querySelector("video:not([data-leads])");
    Object.assign(this.other, { controls: false, muted: true, loop: false });
    const on = (target, name, action) => target.addEventListener(name, action, { signal });
    on(leader, "play", () => this.follow());
    on(leader, "pause", () => this.follow());
    on(leader, "seeking", () => this.follow());
    on(leader, "timeupdate", () => this.follow(DRIFT_S));
    on(leader, "ratechange", () => {
      this.other.playbackRate = leader.playbackRate;
    });
    on(this.other, "click", () => this.toggle());
    signal.addEventListener("abort", () => this.other.pause());
    this.follow();
  }

  // Neither runs ahead while the other still loads.
  async play() {
    await Promise.all([...this.viewer.querySelectorAll("video")].map(ready));
    super.play();
  }

  // Stand where the leader stands, once that is more than ``drift`` seconds away. A shorter clip waits at its end.
  follow(drift = 0) {
    const { video, other } = this;
    if (!other.duration) return;
    const at = Math.min(video.currentTime, other.duration - 0.001);
    if (!other.seeking && Math.abs(other.currentTime - at) > drift) other.currentTime = at;
    if (video.paused || at < video.currentTime) other.pause();
    else if (other.paused) other.play().catch(() => undefined);
  }

  keys() {
    const { e, ...keys } = super.keys();
    return keys;
  }
}
