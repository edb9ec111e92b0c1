// Elements in one line each.

const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export const html = (tag, attributes = {}, ...children) =>
  filled(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), attributes, children);

export const byId = (id) => document.getElementById(id);

// A choice of few: radio buttons that look like words, the chosen one underlined.
export function choice(name, legend, options, chosen, pick) {
  const set = html("fieldset", { class: "choice", "data-name": name }, html("legend", { text: legend }));
  for (const [value, label] of options) {
    const input = html("input", { type: "radio", name, value, checked: value === chosen });
    input.addEventListener("change", () => pick(value));
    set.append(html("label", {}, input, html("span", { text: label })));
  }
  return set;
}
