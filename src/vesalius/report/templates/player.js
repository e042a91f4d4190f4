"use strict";
const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
for (const player of document.querySelectorAll(".player")) {
  const controls = player.querySelector(".controls");
  if (!controls) continue;
  const [sheet, button, slider, output] = ["img", "button", "input", "output"].map((name) => player.querySelector(name));
  const frames = Number(player.dataset.frames), frameMs = Number(player.dataset.frameMs);
  let frame = Number(player.dataset.start), playing = false, seen = true, last = 0;

  const show = (number) => {
    frame = number;
    sheet.style.transform = `translateY(${(-100 * frame) / frames}%)`;
    slider.value = frame;
    output.textContent = `frame ${frame} (0 to ${frames - 1})`;
  };
  const step = (now) => {
    if (!playing || !seen) return;
    const passed = Math.floor((now - last) / frameMs);
    if (passed > 0) {
      last = passed > frames ? now : last + passed * frameMs;
      show((frame + passed) % frames);
    }
    requestAnimationFrame(step);
  };
  const go = () => {
    last = performance.now();
    requestAnimationFrame(step);
  };
  const play = (wanted) => {
    playing = wanted;
    button.textContent = playing ? "Pause" : "Play";
    if (playing) go();
  };

  button.addEventListener("click", () => play(!playing));
  slider.addEventListener("input", () => {
    play(false);
    show(Number(slider.value));
  });
  controls.hidden = false;
  show(frame);
  play(!still);
  new IntersectionObserver(([entry]) => {
    const wasSeen = seen;
    seen = entry.isIntersecting;
    if (seen && !wasSeen && playing) go();
  }).observe(player);
}
