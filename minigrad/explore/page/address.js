// The state of the page is its address. The server says how a state is written; nothing is decided here.

export const parameters = () => new Map(new URLSearchParams(location.search));

// Commas may stand in a query as they are.
export function written(values) {
  const parts = [...values].map(([name, value]) => `${name}=${encodeURIComponent(value).replace(/%2C/g, ",")}`);
  return parts.join("&");
}

export function remember(query, push) {
  const address = query ? `?${query}` : location.pathname;
  if (`?${query}` === (location.search || "?")) return;
  history[push ? "pushState" : "replaceState"](null, "", address);
}

// One question of each kind at a time matters: an answer that comes after a newer question is dropped.
const asked = new Map();

export async function ask(path, query) {
  const number = (asked.get(path) ?? 0) + 1;
  asked.set(path, number);
  let response;
  try {
    response = await fetch(`/api/${path}${query ? `?${query}` : ""}`);
  } catch {
    return { error: "The server does not answer. Has `minigrad explore` ended?" };
  }
  const found = await response.json();
  return asked.get(path) === number ? found : null;
}
