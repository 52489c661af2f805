// The image viewer: fit, one pixel a pixel, zoom at the pointer, pan, a loupe.

const STEP = 1.25;
const LARGEST = 16; // CSS pixels for a pixel of the image
const LOUPE_PX = 220;
const LOUPE_TIMES = 3;

export class ImageViewer {
  // ``tools`` and ``zoom``: the buttons and the readout, where they stand outside the viewer.
  constructor(viewer, signal, { tools = viewer.querySelector(".tools"), zoom = viewer.querySelector("#zoom") } = {}) {
    this.canvas = viewer.querySelector(".canvas");
    this.image = viewer.querySelector("img");
    [this.tools, this.zoom] = [tools, zoom];
    this.loupe = viewer.querySelector(".loupe");
    this.width = Number(this.image.getAttribute("width"));
    this.height = Number(this.image.getAttribute("height"));
    this.pointers = new Map();
    this.fitted = true;
    [this.scale, this.x, this.y] = [1, 0, 0];
    this.canvas.classList.add("scripted");
    this.listen(signal);
    // Fitted by the observer's first call, between layout and paint: asking for sizes here would lay the page out twice.
  }

  listen(signal) {
    const on = (target, name, action, options) => target.addEventListener(name, action, { signal, ...options });
    const observer = new ResizeObserver(() => this.resized());
    observer.observe(this.canvas);
    signal.addEventListener("abort", () => observer.disconnect());
    on(this.canvas, "wheel", (event) => this.wheel(event), { passive: false });
    on(this.canvas, "pointerdown", (event) => this.down(event));
    on(this.canvas, "pointermove", (event) => this.moved(event));
    for (const name of ["pointerup", "pointercancel"]) on(this.canvas, name, (event) => this.up(event));
    on(this.canvas, "pointerleave", () => this.hideLoupe());
    on(this.canvas, "dblclick", (event) => (this.fitted ? this.actual(this.at(event)) : this.fit()));
    on(this.canvas, "keydown", (event) => this.arrow(event));
    on(this.tools, "click", (event) => this.tool(event.target.closest("[data-tool]")?.dataset.tool));
  }

  tool(name) {
    if (name === "fit") this.fit();
    else if (name === "actual") this.actual();
    else if (name === "in") this.scaleTo(this.scale * STEP);
    else if (name === "out") this.scaleTo(this.scale / STEP);
    else if (name === "loupe") this.toggleLoupe();
  }

  get box() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  get center() {
    return { x: this.box.width / 2, y: this.box.height / 2 };
  }

  at(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  get fitting() {
    return Math.min(this.box.width / this.width, this.box.height / this.height, 2);
  }

  fit() {
    this.fitted = true;
    this.scale = this.fitting;
    this.x = (this.box.width - this.width * this.scale) / 2;
    this.y = (this.box.height - this.height * this.scale) / 2;
    this.draw();
  }

  // One pixel of the image on one pixel of the screen.
  actual(point = this.center) {
    this.scaleTo(1 / devicePixelRatio, point);
  }

  // The point of the image under ``point`` stays where it is.
  scaleTo(scale, point = this.center) {
    const wanted = Math.min(Math.max(scale, Math.min(this.fitting, 1 / devicePixelRatio)), LARGEST);
    this.x = point.x - (point.x - this.x) * (wanted / this.scale);
    this.y = point.y - (point.y - this.y) * (wanted / this.scale);
    this.scale = wanted;
    this.fitted = Math.abs(wanted - this.fitting) < 0.001;
    this.draw();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.draw();
  }

  // The image never leaves its frame: a large one covers it, a small one stays in the middle.
  keepIn(start, size, room) {
    return size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, start));
  }

  draw() {
    this.x = this.keepIn(this.x, this.width * this.scale, this.box.width);
    this.y = this.keepIn(this.y, this.height * this.scale, this.box.height);
    this.image.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    const percent = Math.round(this.scale * devicePixelRatio * 100);
    this.image.classList.toggle("pixels", percent >= 400);
    this.canvas.classList.toggle("zoomed", !this.fitted);
    this.tell(percent);
  }

  tell(percent) {
    this.zoom.textContent = `${percent}%`;
    this.press("fit", this.fitted);
    this.press("actual", percent === 100);
  }

  press(name, on) {
    this.tools.querySelector(`[data-tool="${name}"]`).setAttribute("aria-pressed", String(on));
  }

  resized() {
    if (this.fitted) this.fit();
    else this.draw();
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    this.scaleTo(this.scale * Math.exp(-event.deltaY * lines * 0.002), this.at(event));
  }

  down(event) {
    if (event.button !== 0 || event.target.closest("button")) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.at(event));
    if (this.loupeOn) this.showLoupe(this.at(event));
  }

  moved(event) {
    const here = this.at(event);
    if (this.loupeOn) this.showLoupe(here);
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const span = (point) => Math.hypot(point.x - other.x, point.y - other.y);
      this.scaleTo((this.scale * span(here)) / Math.max(span(before), 1), other);
    } else if (!this.loupeOn) this.pan(here.x - before.x, here.y - before.y);
    this.pointers.set(event.pointerId, here);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (event.pointerType === "touch") this.hideLoupe();
  }

  arrow(event) {
    const step = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key];
    if (!step || event.target !== this.canvas || (this.fitted && !this.loupeOn)) return;
    event.preventDefault();
    if (this.loupeOn) this.showLoupe({ x: this.loupeAt.x - step[0] / 2, y: this.loupeAt.y - step[1] / 2 });
    else this.pan(...step);
  }

  toggleLoupe() {
    this.loupeOn = !this.loupeOn;
    this.press("loupe", this.loupeOn);
    this.canvas.classList.toggle("magnified", this.loupeOn);
    if (this.loupeOn) this.showLoupe(this.loupeAt ?? this.center);
    else this.hideLoupe();
  }

  hideLoupe() {
    this.loupe.hidden = true;
  }

  showLoupe(point) {
    this.loupeAt = point;
    const side = LOUPE_PX * devicePixelRatio;
    this.loupe.hidden = false;
    if (this.loupe.width !== side) this.loupe.width = this.loupe.height = side;
    this.loupe.style.transform = `translate(${point.x - LOUPE_PX / 2}px, ${point.y - LOUPE_PX / 2}px)`;
    const brush = this.loupe.getContext("2d");
    // So many pixels of the image fill the loupe: three times what one sees outside, and never smaller than life.
    const pixels = LOUPE_PX / Math.max(this.scale * LOUPE_TIMES, 2 / devicePixelRatio);
    const x = (point.x - this.x) / this.scale - pixels / 2;
    const y = (point.y - this.y) / this.scale - pixels / 2;
    brush.clearRect(0, 0, side, side);
    brush.imageSmoothingEnabled = pixels > LOUPE_PX / 4;
    brush.drawImage(this.image, x, y, pixels, pixels, 0, 0, side, side);
  }

  veiled() {
    this.hideLoupe();
  }

  keys() {
    return {
      f: () => this.fit(),
      o: () => this.actual(),
      "+": () => this.tool("in"),
      "=": () => this.tool("in"),
      "-": () => this.tool("out"),
      l: () => this.toggleLoupe(),
    };
  }
}
