// Elements of the page. Data from the server is inserted as text, never as markup.

/** The element with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** A new element with attributes, and children that are elements or texts. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Set an element's text where it is another one. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Whether the display is frozen: what was asked for before is not shown then. */
export function isPaused() {
  return byId("pause").ariaPressed === "true";
}

/** Give an element other children where they say something else; where they do not, what has the focus there keeps it. */
export function fill(element, ...children) {
  const others = make("div", {}, ...children);
  if (element.textContent !== others.textContent || element.childElementCount !== children.length) element.replaceChildren(...others.childNodes);
}
