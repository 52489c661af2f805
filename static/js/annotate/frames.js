// Which frame of a clip is shown when. Frames are counted by the times at which they begin, which the page tells where
// they are not evenly spaced.

export class Frames {
  // ``video``: with the clip's frame rate in its data, and the seconds at which frames begin; none where they are even.
  constructor(video) {
    this.video = video;
    this.times = JSON.parse(video.dataset.frameTimes || "[]");
    this.length = 1 / (Number(video.dataset.frameRate) || 24);
  }

  get duration() {
    return Number.isFinite(this.video.duration) ? this.video.duration : 0;
  }

  get count() {
    return this.times.length || Math.max(Math.round(this.duration / this.length), 1);
  }

  // When a frame begins; the one behind the last begins at the end.
  begins(frame) {
    if (frame >= this.count) return this.duration;
    return this.times.length ? this.times[frame] : frame * this.length;
  }

  // Which frame is shown at a time, counted from 0.
  at(seconds) {
    const last = this.count - 1;
    if (!this.times.length) return Math.min(Math.floor(seconds / this.length + 0.001), last);
    let [low, high] = [0, last];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.times[middle] <= seconds + 0.0005) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // The edges of a frame belong to either neighbor, depending on the browser; its middle is its own.
  middle(frame) {
    return (this.begins(frame) + this.begins(frame + 1)) / 2;
  }

  seek(seconds) {
    this.video.currentTime = Math.min(Math.max(seconds, 0), Math.max(this.duration - 0.001, 0));
  }

  step(count) {
    this.video.pause();
    const frame = this.at(this.video.currentTime) + count;
    this.seek(this.middle(Math.min(Math.max(frame, 0), this.count - 1)));
  }

  // Calls ``draw`` whenever another frame may be shown: at once, and with every refresh while the clip plays. One refresh
  // is waited for at a time, also where a loop begins anew (which is "seeked") while the clip plays.
  watch(draw, signal) {
    let refresh = 0;
    const show = () => {
      cancelAnimationFrame(refresh);
      draw();
      if (!this.video.paused && !signal?.aborted) refresh = requestAnimationFrame(show);
    };
    for (const name of ["play", "pause", "seeked", "loadedmetadata", "durationchange"]) {
      this.video.addEventListener(name, show, { signal });
    }
    show();
  }

  // "12/48"
  get counter() {
    return `${this.at(this.video.currentTime) + 1}/${this.count}`;
  }
}
