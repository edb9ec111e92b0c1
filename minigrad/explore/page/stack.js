// A few layers over a row of inputs: edited, drawn as a pyramid, and traced from any unit both ways.

import { byId, html, svg } from "./shapes.js";

const ROW = 62, BOX = 18, TOP = 12, BARS = 46, SIDE = 92;
const NAMES = { k: "kernel", s: "stride", d: "dilation", p: "padding" };

export class Stack {
  // change(changes): of n or the layers; kept(): a unit is held, or no longer.
  constructor(known, change, kept) {
    this.known = known;
    this.change = change;
    this.kept = kept;
    this.chosen = null;
    this.place = byId("pyramid");
    new ResizeObserver(() => this.draw()).observe(this.place);
  }

  show(answer) {
    this.answer = answer;
    this.width = null;
    const [level, unit] = answer.unit ?? [];
    this.chosen = level <= (answer.levels?.length ?? -1) && unit < (level ? answer.levels[level - 1].units : answer.n)
      ? answer.unit : null;
    this.edit();
    const problem = answer.problem ?? answer.error;
    byId("stack-problem").hidden = !problem;
    byId("stack-problem").textContent = problem ?? "";
    this.place.hidden = Boolean(problem);
    byId("stack-says").textContent = "";
    if (!problem) this.draw();
  }

  // ---- the layers as numbers

  edit() {
    const shape = this.answer.layers.length;
    if (shape !== this.shape) this.controls();
    this.shape = shape;
    byId("layers").querySelector("[name=n]").value = this.answer.n;
    this.answer.layers.forEach((layer, number) => {
      Object.keys(NAMES).forEach((name, at) => {
        const input = byId("layers").querySelector(`[name="${name}.${number}"]`);
        if (document.activeElement !== input) input.value = layer[at];
      });
      const level = this.answer.levels?.[number];
      byId("layers").querySelector(`[data-layer="${number}"] .field`).textContent = level
        ? `r = ${level.says},  j = ${level.jump}` : "";
    });
  }

  controls() {
    const count = this.answer.layers.length;
    const input = (name, label, [least, most], changed) => {
      const box = html("input", { type: "number", name, min: least, max: most, step: 1, inputmode: "numeric" });
      box.addEventListener("change", () => {
        if (box.checkValidity() && box.value !== "") changed(Number(box.value));
        else box.reportValidity();
      });
      return html("label", {}, html("span", { text: label }), box);
    };
    const rows = [];
    for (let number = count - 1; number >= 0; number -= 1) {
      rows.push(html("div", { class: "layer", "data-layer": number, role: "group", "aria-label": `layer ${number + 1}` },
        html("span", { class: "level", text: `layer ${number + 1}` }),
        ...Object.entries(NAMES).map(([name, label], at) => input(`${name}.${number}`, label, this.known.layer[name],
          (value) => this.put(number, at, value))),
        html("button", { type: "button", "aria-label": `remove layer ${number + 1}`, title: "remove", text: "×",
          disabled: count === 1, onclick: () => this.change({ layers: this.layers().filter((_, j) => j !== number) }) }),
        html("span", { class: "field" })));
    }
    byId("layers").replaceChildren(
      html("button", { type: "button", id: "add", text: "add a layer", disabled: count >= this.known.layers,
        onclick: () => this.change({ layers: [...this.layers(), [3, 1, 1, 0]] }) }),
      ...rows,
      html("div", { class: "layer inputs" }, html("span", { class: "level", text: "inputs" }),
        input("n", "number", this.known.n, (n) => this.change({ n }))));
  }

  layers() {
    return this.answer.layers.map((layer) => [...layer]);
  }

  put(number, at, value) {
    const layers = this.layers();
    layers[number][at] = value;
    this.change({ layers });
  }

  // ---- the pyramid

  draw() {
    if (!this.answer?.levels || this.place.clientWidth === this.width) return;
    this.width = this.place.clientWidth;
    const { levels, n } = this.answer;
    const side = this.width < 560 ? 0 : SIDE;
    const inputs = [...Array(n).keys()];
    // A unit stands over the middle of what it sees, which is its offset, its stride and half its size.
    const middles = [inputs, ...levels.map((level) => [...Array(level.units).keys()].map((o) =>
      level.offset + o * level.stride + (level.size - 1) / 2))];
    const low = Math.min(...middles.map((row) => row[0])), high = Math.max(...middles.map((row) => row.at(-1)));
    const pitch = Math.min(46, (this.width - side) / (high - low + 1));
    const box = Math.max(3, Math.min(BOX, pitch - 3));
    const bottom = TOP + ROW * levels.length;
    const x = (level, o) => (middles[level][o] - low + 0.5) * pitch;
    const y = (level) => bottom - level * ROW;
    const parts = [];
    this.lines = [];
    this.units = [];
    levels.forEach((level, number) => level.reads.forEach((cells, o) => cells.forEach((cell) => {
      const line = svg("path", { class: "link", d: `M${x(number + 1, o)} ${y(number + 1) + box}L${x(number, cell)} ${
        y(number)}` });
      this.lines.push([number, o, cell, line]);
      parts.push(line);
    })));
    middles.forEach((row, level) => {
      this.units[level] = row.map((_, o) => {
        const unit = svg("rect", { x: x(level, o) - box / 2, y: y(level), width: box, height: box,
          rx: Math.min(4, box / 4), class: "unit", tabindex: level === levels.length && !o ? 0 : -1, role: "img",
          "aria-label": level ? `unit ${o} of layer ${level}` : `input ${o}`, "data-level": level, "data-unit": o });
        parts.push(unit);
        return unit;
      });
      if (side) {
        parts.push(svg("text", { x: (high - low + 1) * pitch + 14, y: y(level) + box / 2 + 5, class: "beside",
          text: level ? `layer ${level}` : "input" }));
      }
    });
    this.bars = svg("g", { class: "bars" });
    this.geometry = { x, box, bottom, pitch };
    const tall = bottom + box + BARS + 14;
    const drawing = svg("svg", { viewBox: `0 0 ${this.width} ${tall}`, width: this.width, height: tall, role: "group",
      "aria-label": "units of the layers over the inputs" }, ...parts, this.bars);
    drawing.addEventListener("pointerover", (event) => this.pointed(event.target, false));
    drawing.addEventListener("pointerleave", () => this.light(this.held));
    drawing.addEventListener("click", (event) => this.pointed(event.target, true));
    drawing.addEventListener("focusin", (event) => this.pointed(event.target, false));
    drawing.addEventListener("keydown", (event) => this.walk(event));
    this.place.replaceChildren(drawing);
    this.held = this.chosen ?? [levels.length, Math.floor(levels.at(-1).units / 2)];
    this.light(this.held);
  }

  pointed(target, held) {
    if (!target.classList.contains("unit")) return;
    const unit = [Number(target.dataset.level), Number(target.dataset.unit)];
    if (held) {
      this.held = this.chosen = unit;
      this.kept();
    }
    this.light(unit);
  }

  walk(event) {
    if (!event.target.classList.contains("unit")) return;
    const level = Number(event.target.dataset.level), o = Number(event.target.dataset.unit);
    const nearest = (other) => Math.round(o * (this.units[other].length - 1) / Math.max(1, this.units[level].length - 1));
    const to = { ArrowLeft: [level, o - 1], ArrowRight: [level, o + 1],
      ArrowUp: level + 1 < this.units.length ? [level + 1, nearest(level + 1)] : null,
      ArrowDown: level > 0 ? [level - 1, nearest(level - 1)] : null }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const next = to && this.units[to[0]][to[1]];
    if (!next) return;
    event.target.setAttribute("tabindex", -1);
    next.setAttribute("tabindex", 0);
    next.focus();
  }

  // Everything below a unit that it sees, and everything above that sees it.
  light([level, unit]) {
    const { levels } = this.answer;
    const sees = this.units.map(() => new Set());
    const seenBy = this.units.map(() => new Set());
    sees[level].add(unit);
    seenBy[level].add(unit);
    for (let l = level; l > 0; l -= 1) for (const o of sees[l]) levels[l - 1].reads[o].forEach((i) => sees[l - 1].add(i));
    for (let l = level; l < levels.length; l += 1) {
      levels[l].reads.forEach((cells, o) => { if (cells.some((i) => seenBy[l].has(i))) seenBy[l + 1].add(o); });
    }
    this.units.forEach((row, l) => row.forEach((box, o) => {
      box.setAttribute("class", `unit${l === level && o === unit ? " here" : l <= level && sees[l].has(o) ? " sees"
        : l > level && seenBy[l].has(o) ? " seen" : ""}`);
    }));
    for (const [l, o, cell, line] of this.lines) {
      const below = l < level && sees[l + 1].has(o) && sees[l].has(cell);
      const above = l >= level && seenBy[l].has(cell) && seenBy[l + 1].has(o);
      line.setAttribute("class", `link${below ? " sees" : above ? " seen" : ""}`);
    }
    this.count(level, unit, sees, seenBy);
  }

  count(level, unit, sees, seenBy) {
    const { levels } = this.answer;
    const ways = level ? levels[level - 1].ways[unit] : [];
    const most = Math.max(1, ...ways.map(([, number]) => Number(number)));
    const { x, box, bottom, pitch } = this.geometry;
    const parts = ways.map(([i, number]) => {
      const tall = Math.max(1, (Number(number) / most) * (BARS - 14));
      return svg("rect", { x: x(0, i) - box / 2, y: bottom + box + 6, width: box, height: tall });
    });
    if (pitch >= 22) {
      parts.push(...ways.map(([i, number]) => svg("text", { x: x(0, i), y: bottom + box + 8 + BARS, text: number })));
    }
    this.bars.replaceChildren(...parts);
    const seen = [...sees[0]].sort((a, b) => a - b);
    const field = level ? levels[level - 1] : null;
    const above = levels.length > level ? seenBy.slice(level + 1).map((row, l) => `${row.size} of layer ${level + l + 1}`)
      : [];
    const reach = field && seen.length
      ? `Unit ${unit} of layer ${level} sees the ${field.size} positions from ${field.offset + unit * field.stride} on`
        + `, of which ${seen.length} are inputs that it reads. The bars count the ways.` : level ? "" :
        `Input ${unit}`;
    byId("stack-says").textContent = level ? reach + (above.length ? ` It is seen by ${above.join(", ")}.` : "")
      : `Input ${unit} is seen by ${above.join(", ")}.`;
  }
}
