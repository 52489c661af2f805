// The player: muted loop, frame by frame, slow and fast, first and last frame side by side. It remembers nothing.

import { Frames } from "./frames.js";

const SPEEDS = [0.25, 0.5, 1, 1.5, 2];

export class VideoPlayer {
  constructor(viewer, signal, video = viewer.querySelector("#media")) {
    this.viewer = viewer;
    this.video = video;
    this.scrub = viewer.querySelector("#scrub");
    this.time = viewer.querySelector("#time");
    this.speed = viewer.querySelector("#speed");
    this.ends = viewer.querySelector("#ends");
    this.frames = new Frames(this.video);
    this.video.controls = false;
    this.video.muted = true;
    this.listen(signal);
    this.frames.watch(() => this.draw(), signal);
    // Who asked their system for less motion starts it by hand.
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.play();
  }

  listen(signal) {
    const on = (target, name, action) => target.addEventListener(name, action, { signal });
    on(this.viewer.querySelector(".tools"), "click", (event) => this.tool(event.target.closest("[data-tool]")?.dataset.tool));
    on(this.video, "click", () => this.toggle());
    on(this.scrub, "input", () => {
      this.resume ??= !this.video.paused;
      this.video.pause();
      this.frames.seek((Number(this.scrub.value) / 1000) * this.frames.duration);
    });
    on(this.scrub, "change", () => {
      if (this.resume) this.play();
      this.resume = undefined;
    });
    on(this.speed, "change", () => this.setSpeed(Number(this.speed.value)));
    signal.addEventListener("abort", () => this.video.pause());
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

  step(count) {
    this.showEnds(false);
    this.frames.step(count);
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
    if (!this.ends || on === !this.ends.hidden) return;
    this.ends.hidden = !on;
    this.viewer.querySelector('[data-tool="ends"]').setAttribute("aria-pressed", String(on));
    this.viewer.classList.toggle("both-ends", on);
    if (!on) return;
    this.video.pause();
    for (const end of this.ends.querySelectorAll("video")) {
      const show = () => {
        end.currentTime = this.frames.middle(end.dataset.end === "first" ? 0 : this.frames.count - 1);
      };
      if (end.src !== this.video.currentSrc) {
        end.addEventListener("loadedmetadata", show, { once: true });
        end.src = this.video.currentSrc;
      } else show();
    }
  }

  draw() {
    const { currentTime, paused } = this.video;
    const { counter, duration } = this.frames;
    this.viewer.dataset.playing = String(!paused);
    if (this.resume === undefined) this.scrub.value = String(duration ? (currentTime / duration) * 1000 : 0);
    this.time.textContent = `${currentTime.toFixed(2)} s · ${counter}`;
    this.scrub.setAttribute("aria-valuetext", `${currentTime.toFixed(2)} s`);
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
