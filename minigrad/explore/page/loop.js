// The naive loop: its lines, the one that has just run, and the variables at this moment.

import { byId, html } from "./shapes.js";

export class Loop {
  // `given` are the sizes that the loop is called with.
  build(text, given) {
    byId("given").textContent = Object.entries(given).map(([name, value]) => `${name} = ${value}`).join(", ");
    this.lines = text.split("\n").map((line) => html("li", {}, html("code", { text: line }),
      html("span", { class: "note" })));
    byId("code").replaceChildren(...this.lines);
    byId("variables").replaceChildren();
    this.marked = null;
  }

  // A moment of the loop, or null where it is not stepped through.
  show(moment) {
    if (this.marked) {
      this.marked.classList.remove("ran");
      this.marked.removeAttribute("aria-current");
      this.marked.lastChild.textContent = "";
    }
    this.marked = moment && this.lines[moment.line];
    const variables = [];
    if (moment) {
      this.marked.classList.add("ran");
      this.marked.setAttribute("aria-current", "step");
      this.marked.lastChild.textContent = moment.note;
      for (const [name, value] of Object.entries(moment.values)) {
        const changed = moment.changed.includes(name);
        variables.push(html("div", { class: changed ? "changed" : "" }, html("dt", { text: name }),
          html("dd", { text: value })));
      }
    }
    byId("variables").replaceChildren(...variables);
  }
}
