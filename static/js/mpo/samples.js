// The filmstrip of sample grids: a slider through the steps, playing them, and the start beside any of them.
// Without this script all grids stand in one row.

function begin(box) {
  const control = box.querySelector(".grids-control");
  if (!control || box.dataset.ready) return;
  box.dataset.ready = "yes";
  const figures = [...box.querySelectorAll("figure[data-step]")];
  const range = control.querySelector("input[type=range]");
  const play = control.querySelector("[data-play]");
  const against = control.querySelector("[data-against]");
  let timer = null;

  function show() {
    const current = Number(range.value);
    const beside = against.getAttribute("aria-pressed") === "true";
    figures.forEach((figure, index) => {
      figure.hidden = index !== current && !(beside && index === 0);
    });
    range.setAttribute("aria-valuetext", figures[current].querySelector("figcaption").textContent.trim());
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.setAttribute("aria-pressed", "false");
  }

  play.addEventListener("click", () => {
    if (timer) return stop();
    play.setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      if (!box.isConnected) return clearInterval(timer);
      range.value = String((Number(range.value) + 1) % figures.length);
      show();
    }, 700);
  });
  against.addEventListener("click", () => {
    against.setAttribute("aria-pressed", String(against.getAttribute("aria-pressed") !== "true"));
    show();
  });
  range.addEventListener("input", () => {
    stop();
    show();
  });
  control.hidden = false;
  show();
}

function all() {
  for (const box of document.querySelectorAll("[data-grids]")) begin(box);
}
all();
document.addEventListener("htmx:afterSwap", all);
