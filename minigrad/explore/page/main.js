// The page: it asks the server what a state is, and shows the answer. Numbers come from there, never from here.

import { ask, parameters, remember, written } from "./address.js";
import { Boards } from "./boards.js";
import { Controls } from "./controls.js";
import { Loop } from "./loop.js";
import { Matrix } from "./matrix.js";
import { Player } from "./player.js";
import { byId, html } from "./shapes.js";
import { Stack } from "./stack.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const ALWAYS = ["op", "entries", "n", "layers", "step", "line", "hold", "unit"];     // whatever the operation
const MOST = 6;                     // of the cells that are named in a sentence
const page = {};                    // its parts, by name
let answer = null;                  // what the server says of the operation
let pointed = null, held = null;    // what the reader looks at
let moving = false;                 // a slider is being moved: one entry of the history for all of it
let moments = new Map();            // of each step asked for, the lines of its loop

// ---- states

async function load(query) {
  const [found, stack] = await Promise.all([ask("window", query), ask("stack", query)]);
  if (found) show(found);
  if (stack) showStack(stack);
  if (answer?.step !== null || held) page.player.playing = false;
  look();
}

function refused(message) {
  byId("problem").hidden = !message;
  byId("problem").textContent = message ?? "";
  byId("shown").hidden = Boolean(message);
}

function show(found) {
  if (found.error) {
    refused(found.error);
    byId("problem").append(" ", html("a", { href: "/", text: "Begin again." }));
    if (!page.controls.shape) page.controls.show(defaults("conv"));
    return;
  }
  answer = found;
  moments = new Map();
  pointed = null;
  page.controls.show(found.values);
  refused(found.problem);
  document.title = found.title ? `${found.title.split(": ")[0]} · minigrad explore` : "minigrad explore";
  sizes(found.sizes);
  if (found.problem) {
    page.player.playing = false;
    return;
  }
  const [title, view] = found.title.split(": ");
  byId("title").textContent = title;
  byId("view").textContent = view ? `${view[0].toUpperCase()}${view.slice(1)}.` : "";
  page.boards.build(found.boards, found.values.axes === "1");
  page.loop.build(found.loop, found.given);
  page.matrix.show(found.matrix, found.entries);
  page.player.load(found.steps.length, found.step, found.line);
  held = place(found.hold);
  look();
}

function showStack(found) {
  if (found.error) return;
  page.stack.show(found);
}

function defaults(op) {
  return { op, ...Object.fromEntries(page.controls.takes(op).map((each) => [each.name, String(each.default)])) };
}

// The state that is shown, as explicit parameters; another operation keeps what it has in common with this one.
// What does not touch the operation leaves the animation where it is held.
function stated(changes, held = false) {
  const now = answer ? new Map(new URLSearchParams(answer.query)) : parameters();
  const op = changes.op ?? now.get("op") ?? "conv";
  const takes = page.controls.takes(op).map((each) => each.name);
  for (const name of ["step", "line", "hold"]) {
    now.delete(name);
    if (held && parameters().has(name)) now.set(name, parameters().get(name));
  }
  for (const [name, value] of Object.entries(changes)) now.set(name, value);
  const axes = Number(now.get("axes") ?? 2);
  for (const name of [...now.keys()]) {
    const each = page.controls.takes(op).find((one) => one.name === name);
    if (!takes.includes(name) && !ALWAYS.includes(name)) now.delete(name);
    else if (each?.most && Number(now.get(name)) > each.most[axes - 1]) now.set(name, each.most[axes - 1]);
  }
  return now;
}

async function change(changes, settled) {
  const found = await ask("window", written(stated(changes)));
  if (!found) return;
  if (!found.error) remember(found.query, !moving);
  moving = !settled;
  const playing = page.player.playing;
  show(found);
  if (!found.error && !found.problem) page.player.play(playing || !calm.matches, false);
}

async function changeStack(changes) {
  const now = stated({}, true);
  now.delete("unit");
  if (changes.layers) now.set("layers", changes.layers.map((layer) => layer.join(",")).join("_"));
  if (changes.n) now.set("n", changes.n);
  const found = await ask("stack", written(now));
  if (!found) return;
  if (!found.error) {
    remember(found.query, true);
    if (answer) answer.query = found.query;
  }
  showStack(found);
}

// The address of what is seen: where the animation is halted, with its step.
function keep() {
  if (!answer || answer.problem) return;
  const now = stated({});
  if (!page.player.playing) {
    now.set("step", page.player.step);
    if (page.player.unit === "lines") now.set("line", page.player.line);
  }
  if (held) now.set("hold", held.board === "matrix" ? `3,${held.row},${held.column}` : `${held.board},${held.cell}`);
  if (page.stack.chosen) now.set("unit", page.stack.chosen.join());
  remember(written(now), false);
}

// ---- what is seen

// What is held, as the address says it: board and cell, or 3, row and column of the matrix; null where there is none.
function place(hold) {
  if (!hold) return null;
  const [board, cell, column] = hold;
  const [rows, columns] = answer.matrix.shape;
  if (board === 3) return cell < rows && column < columns ? { board: "matrix", row: cell, column } : null;
  return answer.boards[board] && cell < answer.boards[board].words.length ? { board, cell } : null;
}

function sizes(found) {
  byId("derivation").replaceChildren();
  byId("relationship").textContent = "";
  if (!found) return;
  byId("derivation").append(...found.lines.map(([name, words]) => html("div", {
    class: name === "output" ? "result" : "" }, html("dt", { text: name }), html("dd", { text: words }))));
  byId("relationship").textContent = found.relationship;
}

// The moment of the loop at which the animation stands; asked for where it is not known yet.
function moment() {
  const { player } = page;
  if (player.unit !== "lines") return null;
  const found = moments.get(player.step);
  if (!found) {
    fetchMoments(player.step);
    return null;
  }
  player.lines = found.length;
  if (player.line < 0 || player.line >= found.length) player.line = found.length - 1;
  if (player.line > found.length / 2) fetchMoments((player.step + 1) % player.count);
  return found[player.line];
}

async function fetchMoments(step) {
  if (moments.has(step)) return;
  const mine = moments;
  page.player.waits = true;
  const now = stated({});
  now.set("step", step);
  const found = await ask("loop", written(now));
  page.player.waits = false;
  if (mine !== moments || !found?.moments) return;
  moments.set(step, found.moments);
  if (page.player.step === step) look();
}

// Everything that is lit up follows from the step, or from what is pointed at.
function look() {
  if (!answer || answer.problem) return;
  const { player } = page;
  const now = moment();
  const at = pointed ?? held;
  const [near, far] = answer.scatters ? [2, 0] : [0, 2];
  const step = answer.steps[player.step];
  const marks = [];
  let says = step.says, row = null, column = null, name = null;
  const window_ = (one, kind = "window") => {
    for (const [cell, tap, label] of one.window) {
      marks.push([near, cell, kind, label]);
      if (tap !== null && answer.boards[1].shape[0] > 1) marks.push([1, tap, kind, ""]);     // which of several kernels
    }
    for (const [board, cell] of one.picked) marks.push([board, cell, "picked", ""]);
    marks.push([far, one.at, "at", ""]);
  };
  const line = (one) => {
    if (answer.scatters) column = answer.matrix.columns_of.indexOf(one.at);
    else row = answer.matrix.rows_of.indexOf(one.at);
  };
  if (!at) {
    window_(step);
    line(step);
    if (now) {
      ["source", "kernel", "target"].forEach((board, number) => {
        if (now[board] !== undefined) marks.push([number, now[board], "now", ""]);
      });
    }
  } else if (at.board === far && at.cell < answer.steps.length) {
    const one = answer.steps[at.cell];
    window_(one);
    line(one);
    says = one.says;
  } else if (at.board === near) {
    marks.push([near, at.cell, "at", ""]);
    const meets = [];
    for (const one of answer.steps) {
      for (const [cell, tap, label] of one.window) {
        if (cell !== at.cell) continue;
        marks.push([far, one.at, "window", label]);
        if (tap !== null) marks.push([1, tap, "window", ""]);
        meets.push([answer.boards[far].names[one.at], tap, label]);
      }
    }
    if (answer.scatters) row = answer.matrix.rows_of.indexOf(at.cell);
    else column = answer.matrix.columns_of.indexOf(at.cell);
    says = meeting(answer.boards[near], at.cell, meets);
  } else if (at.board === 1) {
    name = answer.boards[1].entries[at.cell] ?? null;
    marks.push([1, at.cell, "at", ""]);
    for (const [cell, tap, label] of step.window) if (tap === at.cell) marks.push([near, cell, "window", label]);
    const places = answer.matrix.rows.flat().filter((entry) => entry[1] === name).length;
    says = `${answer.boards[1].names[at.cell]} = ${answer.boards[1].words[at.cell]}` + (name
      ? `: ${name === answer.boards[1].names[at.cell] ? "it" : name} stands in ${places} place${
        places === 1 ? "" : "s"} of the matrix` : "");
  } else if (at.board === "matrix") {
    [row, column] = [at.row, at.column];
    const entry = answer.matrix.rows[row].find((one) => one[0] === column);
    const source = answer.matrix.columns_of[column], target = answer.matrix.rows_of[row];
    const [to, from] = [answer.boards[2].names[target], source === null || source === undefined
      ? `input ${column}` : answer.boards[0].names[source]];
    marks.push([2, target, "at", ""]);
    if (source !== null) marks.push([0, source, entry ? "window" : "at", entry ? entry[2] : ""]);
    if (entry) {
      name = /^[a-z]/.test(entry[1]) ? entry[1] : null;
      const tap = name === null ? -1 : (answer.boards[1]?.entries ?? []).indexOf(name);
      if (tap >= 0) marks.push([1, tap, "window", ""]);
    }
    says = entry ? `${to} takes ${entry[1] === entry[2] ? "" : `${entry[1]} = `}${entry[2]} times ${from}`
      : `0: ${to} does not depend on ${from}`;
  }
  byId("boards").classList.toggle("looking", Boolean(at));
  page.boards.light(marks, words(player.step, at));
  page.loop.show(now);
  page.matrix.light(row, column, name);
  byId("says").textContent = says;
  byId("says").setAttribute("aria-live", player.playing && !at ? "off" : "polite");
  player.show();
}

function meeting(board, cell, meets) {
  const verb = answer.scatters ? "gets a part from" : "is read by";
  const others = meets.slice(0, MOST).map(([name, tap, label]) => {
    const weight = tap === null ? label : answer.boards[1].names[tap];
    return weight ? `${name} with ${weight}` : name;
  });
  const more = meets.length - others.length;
  return `${board.names[cell]} = ${board.words[cell]} ${verb} ${meets.length || "none"}${
    others.length ? `: ${others.join(", ")}` : ""}${more > 0 ? ` and ${more} more` : ""}`;
}

// What stands on the target of an operation that scatters: at each step what has arrived so far.
function words(step, at) {
  if (!answer.scatters) return [];
  const target = answer.boards[2];
  if (at) return target.words.map((word, cell) => [2, cell, word]);
  const now = new Map(target.words.map((_, cell) => [cell, "0"]));
  for (let j = 0; j <= step; j += 1) {
    answer.steps[j].window.forEach(([cell], number) => now.set(cell, answer.steps[j].after[number]));
  }
  return [...now].map(([cell, word]) => [2, cell, word]);
}

function looked(what, hold) {
  pointed = what;
  if (hold) held = held && JSON.stringify(held) === JSON.stringify(what) ? null : what;
  if (hold) page.player.playing = false;
  page.player.watched = Boolean(what);
  look();
  if (hold) keep();
}

// ---- keys and fingers

function keys(event) {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (key === "Escape") {
    pointed = held = null;
    look();
    keep();
    return;
  }
  const typing = target.matches("input:not([type=radio]), select, textarea");
  if (typing || (target.matches("input[type=radio]") && key.startsWith("Arrow"))) return;
  if (target.closest("button") && key === " ") return;
  const acts = { " ": () => page.player.play(!page.player.playing), ArrowRight: () => page.player.move(1),
    ArrowLeft: () => page.player.move(-1), Home: () => page.player.end(-1), End: () => page.player.end(1),
    l: () => page.player.by(page.player.unit === "lines" ? "windows" : "lines") };
  const act = acts[key] ?? acts[key.toLowerCase()];
  if (!act || !answer || answer.problem) return;
  event.preventDefault();
  pointed = held = null;
  act();
}

function swipes(place) {
  let from = null;
  place.addEventListener("touchstart", (event) => {
    from = event.touches.length === 1 ? [event.touches[0].clientX, event.touches[0].clientY] : null;
  }, { passive: true });
  place.addEventListener("touchend", (event) => {
    if (!from) return;
    const [dx, dy] = [event.changedTouches[0].clientX - from[0], event.changedTouches[0].clientY - from[1]];
    if (Math.abs(dx) > 40 && Math.abs(dx) > 2 * Math.abs(dy)) {
      pointed = held = null;
      page.player.move(dx < 0 ? 1 : -1);
    }
    from = null;
  }, { passive: true });
}

async function copy() {
  try {
    await navigator.clipboard.writeText(location.href);
    byId("status").textContent = "copied";
  } catch {
    byId("status").textContent = location.href;
  }
}

// ---- the beginning

const known = await ask("operations", "");
if (known.error) {
  refused(known.error);
} else {
  page.controls = new Controls(known, change);
  page.boards = new Boards((board, cell, hold) => looked(board === null ? null : { board, cell }, hold));
  page.matrix = new Matrix((row, column, hold) => looked(row === null ? null : { board: "matrix", row, column }, hold),
    (entries) => change({ entries }, true));
  page.loop = new Loop();
  page.player = new Player(look, keep);
  page.stack = new Stack(known.stack, changeStack, keep);
  swipes(byId("boards"));
  byId("copy").addEventListener("click", copy);
  document.addEventListener("keydown", keys);
  window.addEventListener("popstate", () => load(location.search.slice(1)));
  await load(location.search.slice(1));
  if (answer && !answer.problem && answer.step === null && !held && !calm.matches) page.player.play(true, false);
}
document.documentElement.dataset.ready = "true";
