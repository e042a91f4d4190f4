"use strict";
const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
const turned = (number, count) => ((number % count) + count) % count;
const GESTURE_MS = 250;
let scrolled = -GESTURE_MS;
window.addEventListener("scroll", () => { scrolled = performance.now(); }, { passive: true });

const start = (figure) => {
  const data = JSON.parse(figure.dataset.viewer);
  const find = (name) => figure.querySelector(name);
  const stage = find(".stage"), output = find("output"), button = find("button");
  const sliders = { frame: find(".frame"), slice: find(".slice") };
  const choice = find("select"), overlay = find("input[type=checkbox]");
  const canvases = [...figure.querySelectorAll("canvas")].map((canvas) => canvas.getContext("2d"));
  const images = {};
  for (const image of figure.querySelectorAll(".sheet")) images[image.dataset.file] = image;
  const counts = { frame: data.frames.length, slice: data.slices.length };
  const at = { frame: data.frame, slice: data.slice };
  let playing = false, seen = true, last = 0;

  const draw = () => {
    const number = at.frame * counts.slice + at.slice;
    const x = (number % data.across) * data.width, y = Math.floor(number / data.across) * data.height;
    data.panes.forEach((pane, place) => {
      const sheet = pane.sheets[choice ? Math.min(choice.selectedIndex, pane.sheets.length - 1) : 0];
      const layers = pane.overlay && overlay.checked ? [sheet, pane.overlay] : [sheet];
      canvases[place].clearRect(0, 0, data.width, data.height);
      for (const file of layers) {
        canvases[place].drawImage(images[file], x, y, data.width, data.height, 0, 0, data.width, data.height);
      }
    });
    const words = ["slice", "frame"].filter((axis) => counts[axis] > 1).map((axis) => {
      const numbers = data[axis + "s"];
      const ends = [numbers[0], numbers[numbers.length - 1]].sort((a, b) => a - b);
      return `${axis} ${numbers[at[axis]]} (${ends[0]} to ${ends[1]})`;
    });
    if (data.words.length) words.push(data.words[at.slice]);
    output.textContent = words.join(", ");
    for (const axis in at) {
      if (sliders[axis]) sliders[axis].value = at[axis];
      figure.dataset[axis] = at[axis];
    }
    figure.dataset.overlay = overlay ? overlay.checked : "";
    figure.dataset.choice = choice ? choice.selectedIndex : "";
  };
  const go = (axis, number) => {
    at[axis] = number;
    draw();
  };
  const move = (axis, by) => {
    if (axis === "frame") play(false);
    go(axis, axis === "frame" ? turned(at.frame + by, counts.frame)
      : Math.min(Math.max(at.slice + by, 0), counts.slice - 1));
  };
  const step = (now) => {
    if (!playing || !seen) return;
    const passed = Math.floor((now - last) / data.frame_ms);
    if (passed > 0) {
      last = passed > counts.frame ? now : last + passed * data.frame_ms;
      go("frame", turned(at.frame + passed, counts.frame));
    }
    requestAnimationFrame(step);
  };
  const run = () => {
    last = performance.now();
    requestAnimationFrame(step);
  };
  const play = (wanted) => {
    if (!button || wanted === playing) return;
    playing = wanted;
    figure.dataset.playing = playing;
    button.textContent = playing ? "Pause" : "Play";
    if (playing) run();
  };

  if (button) button.addEventListener("click", () => play(!playing));
  for (const axis in sliders) {
    if (sliders[axis]) sliders[axis].addEventListener("input", () => {
      if (axis === "frame") play(false);
      go(axis, Number(sliders[axis].value));
    });
  }
  if (choice) choice.addEventListener("change", draw);
  if (overlay) overlay.addEventListener("change", draw);
  const through = counts.slice > 1 ? "slice" : "frame";
  find(".panes").addEventListener("wheel", (event) => {
    if (counts[through] < 2 || event.ctrlKey || performance.now() - scrolled < GESTURE_MS) return;
    event.preventDefault();
    move(through, Math.sign(event.deltaY));
  }, { passive: false });
  stage.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const tag = event.target.tagName, range = event.target.type === "range";
    const across = counts.frame > 1 ? "frame" : "slice";
    const keys = { ArrowLeft: [across, -1], ArrowRight: [across, 1], ArrowUp: [through, -1], ArrowDown: [through, 1] };
    if (event.key in keys && !range && tag !== "SELECT") move(...keys[event.key]);
    else if (event.key === " " && tag !== "BUTTON" && tag !== "SELECT" && event.target !== overlay) play(!playing);
    else if (event.key === "o" && overlay && tag !== "SELECT") { overlay.checked = !overlay.checked; draw(); }
    else return;
    event.preventDefault();
  });
  Promise.all(Object.values(images).map((image) => image.decode())).then(() => {
    find(".still").classList.add("unused");
    stage.hidden = false;
    figure.dataset.playing = false;
    draw();
    new IntersectionObserver(([entry]) => {
      const before = seen;
      seen = entry.isIntersecting;
      if (seen && !before && playing) run();
    }).observe(figure);
    play(!calm);
  }, () => {});
};

const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    near.unobserve(entry.target);
    start(entry.target);
  }
}, { rootMargin: "100%" });
document.querySelectorAll(".viewer").forEach((figure) => near.observe(figure));
