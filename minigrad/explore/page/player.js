// Where the animation stands, and its buttons: window by window, or line by line of the loop.

import { byId, choice, html } from "./shapes.js";

const SPEEDS = [["0.5", "½×"], ["1", "1×"], ["2", "2×"], ["4", "4×"]];
const PACE = { windows: 1000, lines: 450 };         // milliseconds at 1×

export class Player {
  // shown(): something else is to be seen; kept(): the animation was halted, or stepped by hand.
  constructor(shown, kept) {
    this.shown = shown;
    this.kept = kept;
    Object.assign(this, { step: 0, line: 0, count: 1, lines: 1, playing: false, watched: false, waits: false,
      unit: "windows", speed: 1, at: 0 });
    const button = (label, text, act) => html("button", { type: "button", "aria-label": label, title: label, text,
      onclick: act });
    this.toggle = button("play", "▶", () => this.play(!this.playing));
    this.range = html("input", { type: "range", min: 0, step: 1, "aria-label": "step" });
    this.range.addEventListener("input", () => { this.play(false, false); this.go(Number(this.range.value), 0); });
    this.where = html("output");
    this.units = choice("unit", "by", [["windows", "windows"], ["lines", "lines"]], "windows", (unit) => {
      this.by(unit);
    });
    byId("player").append(
      html("div", { class: "buttons" }, button("to the first step", "«", () => this.end(-1)),
        button("one step back", "‹", () => this.move(-1)), this.toggle,
        button("one step on", "›", () => this.move(1)), button("to the last step", "»", () => this.end(1))),
      html("label", { class: "scrub" }, this.range, this.where),
      this.units, choice("speed", "speed", SPEEDS, "1", (speed) => { this.speed = Number(speed); this.at = 0; }));
    const tick = (now) => { this.tick(now); requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
  }

  // Another operation: from its beginning, or where the address says.
  load(count, step, line) {
    this.count = count;
    this.step = Math.min(step ?? 0, count - 1);
    this.line = line ?? 0;
    this.unit = line === null ? this.unit : "lines";
    this.at = 0;
  }

  by(unit) {
    this.unit = unit;
    this.line = 0;
    this.at = 0;
    this.shown();
    if (!this.playing) this.kept();
  }

  play(playing, keep = true) {
    if (playing && this.unit === "windows" && this.step === this.count - 1) this.step = 0;
    this.playing = playing;
    this.at = 0;
    this.shown();
    if (keep) this.kept();
  }

  // By hand: the animation halts.
  move(by) {
    this.playing = false;
    this.advance(by);
    this.kept();
  }

  end(side) {
    this.playing = false;
    this.go(side < 0 ? 0 : this.count - 1, 0);
  }

  go(step, line) {
    this.step = step;
    this.line = line;
    this.shown();
    this.kept();
  }

  advance(by) {
    const line = this.line + by;
    if (this.unit === "lines" && line >= 0 && line < this.lines) {
      this.line = line;
    } else {
      this.step = (this.step + by + this.count) % this.count;
      this.line = this.unit === "lines" && by < 0 ? -1 : 0;        // the last line of the step before
    }
    this.shown();
  }

  tick(now) {
    if (!this.playing || this.waits || this.watched) return;        // while a cell is pointed at, it waits
    if (!this.at) this.at = now;
    if (now - this.at < PACE[this.unit] / this.speed) return;
    this.at = now;
    this.advance(1);
  }

  show() {
    this.toggle.textContent = this.playing ? "❚❚" : "▶";
    this.toggle.setAttribute("aria-label", this.playing ? "pause" : "play");
    this.toggle.title = this.playing ? "pause" : "play";
    this.range.max = this.count - 1;
    this.range.value = this.step;
    this.where.textContent = `${this.step + 1} of ${this.count}`;
    for (const input of this.units.querySelectorAll("input")) input.checked = input.value === this.unit;
  }
}
