// The operation, and a slider for each of its sizes, made of what the server says they are.

import { byId, choice, html } from "./shapes.js";

const SIDES = [["both", "both sides"], ["sides", "low, high"]];

export class Controls {
  // change(changes, settled): a value per name; settled is false while a slider is still being moved.
  constructor(known, change) {
    this.known = known;
    this.change = change;
    this.form = byId("controls");
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.shape = "";
  }

  takes(op) {
    return this.known.operations.find((each) => each.name === op).parameters;
  }

  // Shows the values; builds the controls anew only where others are needed, so that a slider keeps the focus.
  show(values) {
    const padding = values.p === undefined ? "" : /^\d+$/.test(values.p) ? "both" : /,/.test(values.p) ? "sides"
      : values.p;
    const shape = [values.op, values.axes, padding].join();
    if (shape !== this.shape) this.build(values, padding);
    this.shape = shape;
    for (const input of this.form.querySelectorAll("input[type=range]")) {
      const [name, side] = input.name.split(".");
      const value = side === undefined ? values[name] : values[name].split(",")[side];
      input.value = value;
      input.closest("label").querySelector("output").textContent = value;
    }
    for (const input of this.form.querySelectorAll("input[type=radio]")) {
      if (values[input.name] !== undefined) input.checked = values[input.name] === input.value;
    }
  }

  build(values, padding) {
    const focused = document.activeElement?.name;
    const sliders = html("div", { class: "sliders" });
    const words = html("div", { class: "words" });
    for (const each of this.takes(values.op)) {
      if (each.name === "p") {
        if (padding === "both") sliders.append(this.slider({ ...each, name: "p" }, values, "p", "padding"));
        if (padding === "sides") {
          sliders.append(this.slider(each, values, "p.0", "padding, low side"),
            this.slider(each, values, "p.1", "padding, high side"));
        }
        words.append(choice("padding", "padding p", [...SIDES, ...this.known.paddings.map((word) => [word, word])],
          padding, (kind) => this.pad(kind, values)));
      } else if (each.choices) {
        words.append(choice(each.name, each.label, each.choices.map((word) => [word, word]), values[each.name],
          (word) => this.change({ [each.name]: word }, true)));
      } else if (each.name === "axes") {
        words.prepend(choice("axes", "axes", [["1", "1"], ["2", "2"]], values.axes,
          (axes) => this.change({ axes }, true)));
      } else {
        sliders.append(this.slider(each, values, each.name, each.label));
      }
    }
    this.form.replaceChildren(choice("op", "operation", this.known.operations.map((each) => [each.name, each.label]),
      values.op, (op) => this.change({ op }, true)), sliders, words);
    const row = this.form.firstChild;       // on a narrow screen it moves sideways
    const chosen = row.querySelector("input:checked").parentElement;
    row.scrollLeft = chosen.offsetLeft - row.offsetLeft - 16;
    const again = [...this.form.elements].find((input) => input.name && input.name === focused
      && (input.type !== "radio" || input.checked));
    again?.focus();
  }

  slider(each, values, name, label) {
    const input = html("input", { type: "range", name, min: each.least, max: each.most[values.axes - 1], step: 1 });
    const moved = (settled) => {
      const [parameter, side] = name.split(".");
      let value = input.value;
      if (side !== undefined) {
        value = [...this.form.querySelectorAll(`input[name^="${parameter}."]`)].map((one) => one.value).join(",");
      }
      input.closest("label").querySelector("output").textContent = input.value;
      this.change({ [parameter]: value }, settled);
    };
    input.addEventListener("input", () => moved(false));
    input.addEventListener("change", () => moved(true));
    return html("label", {}, html("span", { class: "name" }, html("i", { text: name[0] }), ` ${label}`),
      html("output"), input);
  }

  pad(kind, values) {
    const [low] = String(values.p).split(",").map((one) => (/^\d+$/.test(one) ? one : "1"));
    this.change({ p: kind === "both" ? low : kind === "sides" ? `${low},${low}` : kind }, true);
  }
}
