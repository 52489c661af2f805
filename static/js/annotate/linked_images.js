// Two images that are zoomed, moved and magnified as one: both show the same part of themselves.

import { ImageViewer } from "./image.js";

class LinkedImage extends ImageViewer {
  // Do to the other image what was done to this one; an image that is led leads nobody.
  lead(action) {
    if (!this.other || this.led) return;
    this.other.led = true;
    action(this.other);
    this.other.led = false;
  }

  // The tools stand there once; the first image answers for both.
  tool(name) {
    if (this.first) super.tool(name);
  }

  draw() {
    super.draw();
    this.lead((other) => other.follow(this));
  }

  tell(percent) {
    if (!this.led) super.tell(percent);
  }

  // A point of the frame as shares of the image's width and height, and back.
  share({ x, y }) {
    return { x: (x - this.x) / (this.width * this.scale), y: (y - this.y) / (this.height * this.scale) };
  }

  place({ x, y }) {
    return { x: this.x + x * this.width * this.scale, y: this.y + y * this.height * this.scale };
  }

  // As large as the leader against its fitting size, with the same part in the middle.
  follow(leader) {
    const middle = leader.share(leader.center);
    this.fitted = leader.fitted;
    this.scale = (leader.scale / leader.fitting) * this.fitting;
    this.x = this.center.x - middle.x * this.width * this.scale;
    this.y = this.center.y - middle.y * this.height * this.scale;
    this.draw();
  }

  toggleLoupe() {
    super.toggleLoupe();
    this.lead((other) => other.loupeOn === this.loupeOn || other.toggleLoupe());
  }

  showLoupe(point) {
    super.showLoupe(point);
    this.lead((other) => other.showLoupe(other.place(this.share(point))));
  }

  hideLoupe() {
    super.hideLoupe();
    this.lead((other) => other.hideLoupe());
  }
}

// The keys of both.
export function linkImages(figures, tools, signal) {
  const parts = { tools, zoom: tools.querySelector("output") };
  const [left, right] = figures.map((figure) => new LinkedImage(figure, signal, parts));
  [left.other, right.other, left.first] = [right, left, true];
  return left.keys();
}
