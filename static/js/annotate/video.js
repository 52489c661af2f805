// The player: muted loop, frame by frame, slow and fast, first and last frame side by side. It remembers nothing.
// Frames are counted by the times at which they are shown, which the page tells where they are not evenly spaced.

const SPEEDS = [0.25, 0.5, 1, 1.5, 2];

export class VideoPlayer {
  constructor(viewer, signal) {
    this.viewer = viewer;
    this.video = viewer.querySelector("#media");
    this.scrub = viewer.querySelector("#scrub");
    this.time = viewer.querySelector("#time");
    this.speed = viewer.querySelector("#speed");
    this.ends = viewer.querySelector("#ends");
    this.frame = 1 / (Number(this.video.dataset.frameRate) || 24);
    this.times = JSON.parse(viewer.querySelector("#frame-times")?.textContent ?? "[]");
    this.video.controls = false;
    this.video.muted = true;
    this.listen(signal);
    this.draw();
    // Who asked their system for less motion starts it by hand.
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.play();
  }

  listen(signal) {
    const on = (target, name, action) => target.addEventListener(name, action, { signal });
    on(this.viewer.querySelector(".tools"), "click", (event) => this.tool(event.target.closest("[data-tool]")?.dataset.tool));
    on(this.video, "click", () => this.toggle());
    for (const name of ["play", "pause", "seeked", "loadedmetadata", "durationchange"]) on(this.video, name, () => this.draw());
    on(this.scrub, "input", () => {
      this.resume ??= !this.video.paused;
      this.video.pause();
      this.seek((Number(this.scrub.value) / 1000) * this.duration);
    });
    on(this.scrub, "change", () => {
      if (this.resume) this.play();
      this.resume = undefined;
    });
    on(this.speed, "change", () => this.setSpeed(Number(this.speed.value)));
    signal.addEventListener("abort", () => {
      this.over = true;
      this.video.pause();
    });
  }

  get duration() {
    return Number.isFinite(this.video.duration) ? this.video.duration : 0;
  }

  tool(name) {
    if (name === "play") this.toggle();
    else if (name === "back") this.step(-1);
    else if (name === "forward") this.step(1);
    else if (name === "ends") this.toggleEnds();
  }

  play() {
    this.showEnds(false);
    // A browser may forbid it, and a new source interrupts it; the button is there for both.
    this.video.play().catch(() => this.draw());
  }

  toggle() {
    if (this.video.paused) this.play();
    else this.video.pause();
  }

  seek(seconds) {
    this.video.currentTime = Math.min(Math.max(seconds, 0), Math.max(this.duration - 0.001, 0));
  }

  get frames() {
    return this.times.length || Math.max(Math.round(this.duration / this.frame), 1);
  }

  // When a frame begins; the one behind the last begins at the end.
  begins(frame) {
    if (frame >= this.frames) return this.duration;
    return this.times.length ? this.times[frame] : frame * this.frame;
  }

  // Which frame is shown at a time, counted from 0.
  frameAt(seconds) {
    const last = this.frames - 1;
    if (!this.times.length) return Math.min(Math.floor(seconds / this.frame + 0.001), last);
    let [low, high] = [0, last];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.times[middle] <= seconds + 0.0005) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // The edges of a frame belong to either neighbour, depending on the browser; its middle is its own.
  middle(frame) {
    return (this.begins(frame) + this.begins(frame + 1)) / 2;
  }

  step(count) {
    this.showEnds(false);
    this.video.pause();
    const frame = this.frameAt(this.video.currentTime) + count;
    this.seek(this.middle(Math.min(Math.max(frame, 0), this.frames - 1)));
  }

  setSpeed(value) {
    this.video.playbackRate = value;
    this.speed.value = String(value);
  }

  faster(step) {
    const at = SPEEDS.indexOf(Number(this.speed.value));
    this.setSpeed(SPEEDS[Math.min(Math.max(at + step, 0), SPEEDS.length - 1)]);
  }

  toggleEnds() {
    this.showEnds(this.ends.hidden);
  }

  showEnds(on) {
    if (on === !this.ends.hidden) return;
    this.ends.hidden = !on;
    this.viewer.querySelector('[data-tool="ends"]').setAttribute("aria-pressed", String(on));
    this.viewer.classList.toggle("both-ends", on);
    if (!on) return;
    this.video.pause();
    for (const end of this.ends.querySelectorAll("video")) {
      const show = () => {
        end.currentTime = this.middle(end.dataset.end === "first" ? 0 : this.frames - 1);
      };
      if (end.src !== this.video.currentSrc) {
        end.addEventListener("loadedmetadata", show, { once: true });
        end.src = this.video.currentSrc;
      } else show();
    }
  }

  draw() {
    const { currentTime, paused } = this.video;
    this.viewer.dataset.playing = String(!paused);
    if (this.resume === undefined) this.scrub.value = String(this.duration ? (currentTime / this.duration) * 1000 : 0);
    this.time.textContent = `${currentTime.toFixed(2)} s · ${this.frameAt(currentTime) + 1}/${this.frames}`;
    this.scrub.setAttribute("aria-valuetext", `${currentTime.toFixed(2)} s`);
    if (!paused && !this.over) requestAnimationFrame(() => this.draw());
  }

  veiled(on) {
    if (on) this.video.pause();
    else this.play();
  }

  keys() {
    return {
      " ": () => this.toggle(),
      ",": () => this.step(-1),
      ".": () => this.step(1),
      "[": () => this.faster(-1),
      "]": () => this.faster(1),
      e: () => this.toggleEnds(),
    };
  }
}
