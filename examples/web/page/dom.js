// Elements, and nothing that takes a text for markup: what others wrote goes in as text alone.

/**
 * @typedef {Node | string | undefined | false} Child
 */

/**
 * Makes an element. Fields that begin with `on` are what is done at an event; `undefined` and `false` are left out.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | undefined | ((event: any) => void)>} [fields]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, fields = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  fill(element, ...children);
  return element;
}

/**
 * Puts these children in place of all others. Those that are there already stay, and with them the focus.
 *
 * @param {Element} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  const nodes = children.filter((child) => child !== undefined && child !== false)
    .map((child) => (typeof child === "string" ? document.createTextNode(child) : child));
  const kept = new Set(nodes);
  for (const node of [...element.childNodes]) if (!kept.has(node)) node.remove();
  arrange(element, nodes);
}

/**
 * Has these children, beside which there are no others, stand in this order. That which has the focus stays where it is, and the others go
 * round it: what is moved loses the focus.
 *
 * @param {Element} parent
 * @param {readonly Node[]} nodes
 */
function arrange(parent, nodes) {
  const place = Math.max(nodes.findIndex((node) => node.parentNode === parent && node.contains(document.activeElement)), 0);
  const fixed = nodes[place];
  if (fixed === undefined) return;
  if (fixed.parentNode !== parent) parent.insertBefore(fixed, parent.firstChild);
  let first = fixed;
  for (const node of nodes.slice(0, place).reverse()) {
    if (node.nextSibling !== first) parent.insertBefore(node, first);
    first = node;
  }
  let last = fixed;
  for (const node of nodes.slice(place + 1)) {
    if (last.nextSibling !== node) parent.insertBefore(node, last.nextSibling);
    last = node;
  }
}

/**
 * A name, which never turns the direction of what stands around it.
 *
 * @param {string} name
 */
export const named = (name) => make("bdi", {}, name);

/**
 * The element of the page that has this id.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

const FOCUSABLE = "a[href], button:not(:disabled), textarea, input";

/** What asks before it does anything. */
const ASKS = ".more";

/**
 * Takes an element away. Had it the focus, that goes to the nearest thing beside it that can have it, those behind it first, or to what
 * is around it, or somewhere. Who presses a key just then means what is gone, so the first choice is what asks before it does anything.
 *
 * @param {Element} element
 */
export function takeAway(element) {
  const hadFocus = element.contains(document.activeElement);
  const around = element.closest("[tabindex]");
  const siblings = [...(element.parentElement?.children ?? [])];
  const place = siblings.indexOf(element);
  const beside = [...siblings.slice(place + 1), ...siblings.slice(0, place).reverse()];
  element.remove();
  if (!hadFocus) return;
  const next = beside.map((it) => it.querySelector(ASKS) ?? it.querySelector(FOCUSABLE)).find((it) => it !== null);
  /** @type {HTMLElement | null} */ (next ?? around)?.focus();
  focusSomewhere();
}

/**
 * What stands under a key, in order: elements stay where they are, those of keys that are gone go, and with them the focus
 * moves to what stands next to them, as `takeAway` has it.
 *
 * @template Item
 * @param {Element} parent
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item, before: HTMLElement | undefined) => HTMLElement} draw Gives the element that is there, or another one
 */
export function keyed(parent, items, keyOf, draw) {
  const before = new Map([...parent.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.key, /** @type {HTMLElement} */ (child)]));
  const after = items.map((item) => {
    const key = keyOf(item);
    const element = draw(item, before.get(key));
    element.dataset.key = key;
    return element;
  });
  const kept = new Set(after);
  for (const child of [...parent.children]) {
    if (!kept.has(/** @type {HTMLElement} */ (child))) takeAway(child);
  }
  arrange(parent, after);
}

/** Where the focus goes when what had it is gone and nothing is beside it: it is never nowhere. On a phone one of the two panes is not there. */
export function focusSomewhere() {
  for (const id of ["conversation", "new-conversation"]) {
    if (document.activeElement !== document.body) return;
    document.getElementById(id)?.focus();
  }
}
