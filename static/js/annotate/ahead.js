// The item behind the one on the screen: its page and its media, ready before they are asked for.

const LARGEST_VIDEO_BYTES = 100 * 1024 * 1024;

async function warm(media) {
  if (media.kind === "image") {
    const image = new Image();
    image.src = media.url;
    await image.decode();
    return { keep: image };
  }
  const response = await fetch(media.url, { credentials: "same-origin" });
  if (!response.ok || Number(response.headers.get("Content-Length")) > LARGEST_VIDEO_BYTES) {
    response.body?.cancel();
    return {};
  }
  return { blob: URL.createObjectURL(await response.blob()) };
}

export class Ahead {
  constructor(queue) {
    this.queue = queue;
  }

  // Begin for the item on the screen. What was prepared for another one is dropped.
  start(data) {
    this.stop();
    this.ready = null;
    const stopped = new AbortController();
    this.stopped = stopped;
    this.fetching = this.run(data, stopped.signal).catch(() => undefined);
  }

  stop() {
    this.stopped?.abort();
    clearTimeout(this.timer);
    if (this.ready?.blob) URL.revokeObjectURL(this.ready.blob);
  }

  async run(data, signal) {
    // Before the server knows that the item before is done, it would give that one again.
    await this.queue.settled("submit", "skip");
    if (signal.aborted) return;
    const response = await fetch(`${data.urls.next}?after=${data.assignment}`, {
      headers: { Accept: "text/html" },
      credentials: "same-origin",
      redirect: "manual",
      signal,
    });
    if (response.status !== 200) return; // 204: there is no other item
    const template = document.createElement("template");
    template.innerHTML = await response.text();
    const workspace = template.content.querySelector("#workspace");
    const next = JSON.parse(workspace.querySelector("#workspace-data").textContent);
    if (signal.aborted) return;
    this.ready = { workspace, data: next, url: response.headers.get("X-Assignment-Url") };
    // Half of the lease is a good time to ask again: the item stays ours as long as the page is open.
    this.timer = setTimeout(() => this.start(data), data.leaseSeconds * 500);
    if (!navigator.connection?.saveData) this.warm(this.ready, signal);
  }

  async warm(ready, signal) {
    const warmed = await warm(ready.data.media).catch(() => ({}));
    if (!warmed.blob) Object.assign(ready, warmed);
    else if (signal.aborted || this.ready !== ready) URL.revokeObjectURL(warmed.blob);
    else {
      // Its first frame is decoded by the time it is shown: outside of the template's own document a clip gets ready.
      const clip = ready.workspace.querySelector("#media");
      clip.removeAttribute("src");
      document.adoptNode(ready.workspace);
      clip.src = warmed.blob;
      Object.assign(ready, warmed);
    }
  }

  // The prepared page, once; null where there is none yet.
  take() {
    const { ready } = this;
    clearTimeout(this.timer);
    this.ready = null;
    this.stopped?.abort();
    return ready;
  }
}
