// The matrix of the operation: names or numbers where there is room, else its bands.

import { byId, choice, svg } from "./shapes.js";

const LETTER = 6.4, TALL = 22, WRITTEN = 1600, WIDEST = 1500, EDGE = 1.5;

export class Matrix {
  // look(row, column, held): an entry is pointed at; null: none any more.
  constructor(look, entries) {
    this.look = look;
    this.entries = entries;
    this.place = byId("table");
    new ResizeObserver(() => this.build()).observe(this.place);
  }

  show(matrix, kind) {
    this.matrix = matrix;
    this.kind = kind;
    this.cursor = [0, 0];
    byId("entries").replaceChildren(choice("entries", "entries", [["names", "names"], ["numbers", "numbers"]], kind,
      this.entries));
    byId("structure").textContent = matrix.structure;
    this.width = null;
    this.build();
  }

  build() {
    const width = this.place.clientWidth;
    if (!this.matrix || width === this.width) return;
    this.width = width;
    const [rows, columns] = this.matrix.shape;
    const which = this.kind === "names" ? 1 : 2;
    const longest = Math.max(1, ...this.matrix.rows.flat().map((entry) => entry[which].length));
    this.across = Math.max(longest * LETTER + 6, TALL);
    const written = rows * columns <= WRITTEN && columns * this.across <= WIDEST;
    this.down = TALL;
    if (!written) this.across = this.down = Math.max(2, Math.min(14, (width - 4) / columns, 700 / rows));
    const wide = columns * this.across, tall = rows * this.down;
    const parts = [];
    this.boxes = new Map();
    this.matrix.rows.forEach((row, r) => row.forEach(([c, name, number, band]) => {
      const box = svg("rect", { x: c * this.across, y: r * this.down, width: this.across, height: this.down,
        class: `band${band}${written ? "" : " strong"}` });
      this.boxes.set(`${r},${c}`, box);
      parts.push(box);
      if (written) {
        parts.push(svg("text", { x: (c + 0.5) * this.across, y: (r + 0.5) * this.down + 4,
          text: which === 1 ? name : number }));
      }
    }));
    const [high, broad] = this.matrix.blocks;
    const lines = (count, step, block, draw) => {
      for (let j = 0; j <= count; j += 1) {
        const heavy = j % block === 0;
        if (heavy || written) parts.push(svg("path", { d: draw(j * step), class: heavy ? "heavy" : "light" }));
      }
    };
    lines(columns, this.across, broad, (x) => `M${x} 0V${tall}`);
    lines(rows, this.down, high, (y) => `M0 ${y}H${wide}`);
    this.rowLight = svg("g", { class: "lit" });
    this.drawing = svg("svg", { viewBox: `${-EDGE} ${-EDGE} ${wide + 2 * EDGE} ${tall + 2 * EDGE}`,
      width: wide + 2 * EDGE, height: tall + 2 * EDGE, tabindex: 0, role: "img",
      "aria-label": `a matrix of ${rows} rows and ${columns} columns; the arrows walk through it` }, ...parts,
    this.rowLight);
    this.drawing.addEventListener("pointermove", (event) => this.pointed(event, false));
    this.drawing.addEventListener("click", (event) => this.pointed(event, true));
    this.drawing.addEventListener("pointerleave", () => this.look(null, null, false));
    this.drawing.addEventListener("blur", () => this.look(null, null, false));
    this.drawing.addEventListener("keydown", (event) => this.walk(event));
    this.place.replaceChildren(this.drawing);
    if (this.last) this.light(...this.last);
  }

  pointed(event, held) {
    const box = this.drawing.getBoundingClientRect();
    const [rows, columns] = this.matrix.shape;
    const column = Math.floor((event.clientX - box.left - EDGE) / this.across);
    const row = Math.floor((event.clientY - box.top - EDGE) / this.down);
    if (row < 0 || column < 0 || row >= rows || column >= columns) return;
    this.cursor = [row, column];
    this.look(row, column, held);
  }

  walk(event) {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Enter: [0, 0] };
    const move = moves[event.key];
    if (!move) return;
    const next = this.cursor.map((at, axis) => Math.max(0, Math.min(this.matrix.shape[axis] - 1, at + move[axis])));
    this.cursor = next;
    this.look(...next, event.key === "Enter");
    event.preventDefault();
    event.stopPropagation();
  }

  // A row, a column, and the entries (by name) that hold one weight; each may be null.
  light(row, column, name) {
    this.last = [row, column, name];
    if (!this.rowLight) return;
    const [rows, columns] = this.matrix.shape;
    const parts = [];
    const frame = (x, y, wide, tall, kind) => parts.push(svg("rect", { x: x * this.across, y: y * this.down,
      width: wide * this.across, height: tall * this.down, class: kind }));
    if (row !== null && row >= 0) frame(0, row, columns, 1, "line");
    if (column !== null && column >= 0) frame(column, 0, 1, rows, "line");
    if (name !== null) {
      this.matrix.rows.forEach((entries, r) => entries.forEach((entry) => {
        if (entry[1] === name) frame(entry[0], r, 1, 1, "same");
      }));
    }
    this.rowLight.replaceChildren(...parts);
  }
}
