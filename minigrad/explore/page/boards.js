// Boards of cells: laid out to fit, lit up, and walked through by pointer, finger and arrow keys.

import { byId, html } from "./shapes.js";

const GAP = 44, LARGE = 44, LETTER = 7;      // pixels: between boards, of a cell, of a letter of a name
const HIGH = 540;                                // of a board, if its cells can be so small
const LEAST = 24, NARROW = 420, SMALL = 15;     // of a cell beside others; where there is room, it may be smaller

export class Boards {
  // look(board, cell, held): a cell is pointed at (null: none any more), or held by a click.
  constructor(look) {
    this.look = look;
    this.place = byId("boards");
    this.lit = [];
    new ResizeObserver(() => this.fit()).observe(this.place);
    this.place.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch") this.seen(event.target, false);
    });
    this.place.addEventListener("pointerleave", () => this.look(null, null, false));
    this.place.addEventListener("click", (event) => this.seen(event.target, true));
    this.place.addEventListener("focusin", (event) => {
      if (event.target.matches(":focus-visible")) this.seen(event.target, false);
    });
    this.place.addEventListener("focusout", () => this.look(null, null, false));
    this.place.addEventListener("keydown", (event) => this.walk(event));
  }

  seen(target, held) {
    const cell = target.closest(".cell");
    if (cell) this.look(Number(cell.dataset.board), Number(cell.dataset.cell), held);
    else if (!held) this.look(null, null, false);
  }

  // `boards` are [source, kernel or null, target].
  build(boards, oneAxis) {
    this.boards = boards;
    this.stacked = oneAxis;
    this.cells = boards.map(() => []);
    this.lit = [];
    // A kernel that only looks (that of a pool's input) is no factor.
    const signs = !boards[1] ? ["", "", "→"] : boards[1].entries.length ? ["", "∗", "="] : ["", " ", "→"];
    const parts = [];
    boards.forEach((board, number) => {
      if (!board) return;
      if (signs[number]) parts.push(html("span", { class: "sign", "aria-hidden": "true", text: signs[number] }));
      parts.push(this.board(board, number));
    });
    this.place.replaceChildren(...parts);
    this.fit();
  }

  board(board, number) {
    const [maps, rows, columns] = board.shape;
    const images = html("div", { class: "maps" });
    images.style.gridTemplateColumns = `repeat(${board.across}, max-content)`;
    for (let map = 0; map < maps; map += 1) {
      const grid = html("div", { class: `grid ${board.fill}`, role: "grid", "aria-label": board.name
        + (maps > 1 ? `, image ${map}` : "") });
      for (let row = 0; row < rows; row += 1) {
        const line = html("div", { role: "row" });
        for (let column = 0; column < columns; column += 1) {
          const index = (map * rows + row) * columns + column;
          const cell = html("div", { class: `cell ${board.kinds[index]}`, role: "gridcell", tabindex: index ? -1 : 0,
            "data-board": number, "data-cell": index, "aria-label": `${board.names[index]}: ${board.words[index]}` },
          html("span", { class: "word", text: board.words[index] }), html("span", { class: "mark" }));
          this.cells[number][index] = cell;
          line.append(cell);
        }
        grid.append(line);
      }
      grid.style.setProperty("--columns", columns);
      images.append(grid);
    }
    return html("figure", { "data-board": number }, html("figcaption", { text: board.name.replace(", ", ",\n") }), images);
  }

  // One size of cells for all boards: beside each other where there is room, else below each other.
  fit() {
    if (!this.boards) return;
    const width = this.place.clientWidth;
    const shown = this.boards.filter(Boolean);
    const across = shown.map((board) => board.shape[2] * board.across);
    // (A board is at least as wide as its name.)
    const taken = (size) => shown.reduce((sum, board, j) => sum + Math.max(across[j] * size + 10 * board.across,
      LETTER * Math.max(...board.name.split(", ").map((part) => part.length))), GAP * (shown.length - 1));
    const least = width < NARROW ? LEAST : SMALL;
    const down = Math.max(...shown.map((board) => (board.shape[0] / board.across) * board.shape[1]));
    let size = Math.min(LARGE, Math.max(LEAST, Math.floor(HIGH / down)));
    while (size > least && taken(size) > width) size -= 1;
    const stacked = this.stacked || taken(size) > width;
    if (stacked) {
      const below = shown.map((board, j) => (width - 10 * board.across) / across[j]);
      size = Math.max(9, Math.floor(Math.min(LARGE, ...below)));
    }
    const letters = Math.max(...shown.flatMap((board) => board.words.map((word) => word.length)));
    this.place.classList.toggle("stacked", stacked);
    this.place.classList.toggle("small", size < 30);
    this.place.classList.toggle("tiny", size < 13);
    this.place.style.setProperty("--cell", `${size}px`);
    this.place.style.setProperty("--font", `${Math.min(size < 30 ? size * 0.55 : size * 0.42, 15,
      (size - 3) / (letters * 0.62)).toFixed(1)}px`);
  }

  // marks: [board, cell, class, text in the corner]; words: [board, cell, text] that stand there at this moment.
  light(marks, words) {
    for (const cell of this.lit) {
      cell.className = cell.className.replace(/ is-\w+/g, "");
      cell.lastChild.textContent = "";
    }
    this.lit = [];
    for (const [board, index, kind, text] of marks) {
      const cell = this.cells[board]?.[index];
      if (!cell) continue;
      cell.classList.add(`is-${kind}`);
      if (text) cell.lastChild.textContent = text;
      this.lit.push(cell);
    }
    for (const [board, index, text] of words) {
      const cell = this.cells[board][index];
      if (cell.firstChild.textContent !== text) cell.firstChild.textContent = text;
    }
  }

  walk(event) {
    const cell = event.target.closest?.(".cell");
    if (!cell) return;
    const number = Number(cell.dataset.board), index = Number(cell.dataset.cell);
    const [maps, rows, columns] = this.boards[number].shape;
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    if (event.key === "Enter") {
      this.look(number, index, true);
    } else if (event.key in moves) {
      const next = index + moves[event.key];
      const sideways = Math.abs(moves[event.key]) === 1 && columns > 1;
      if (next < 0 || next >= maps * rows * columns) return this.stop(event);
      if (sideways && Math.floor(next / columns) !== Math.floor(index / columns)) return this.stop(event);
      cell.tabIndex = -1;
      this.cells[number][next].tabIndex = 0;
      this.cells[number][next].focus();
    } else {
      return;
    }
    this.stop(event);
  }

  stop(event) {
    event.preventDefault();
    event.stopPropagation();
  }
}
