// Making nodes. Everything on the page is made by these functions: no HTML is ever parsed from text.

export type Child = Node | string | null | undefined | false;
export type Attributes = Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>;

/** An element with attributes (true: empty, false or null: absent, function: listener) and children. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag: string, attributes: Record<string, string | number> = {}, ...children: Node[]): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** A picture from the sprite in templates/_icons.html. */
export function icon(name: string, modifier = ""): SVGElement {
  return svg("svg", { class: `icon ${modifier}`.trim(), "aria-hidden": "true" }, svg("use", { href: `#icon-${name}` }));
}

export function iconButton(name: string, label: string, onClick: (event: Event) => void, modifier = ""): HTMLButtonElement {
  return el(
    "button",
    { type: "button", class: `icon-button ${modifier}`.trim(), "aria-label": label, title: label, click: onClick },
    icon(name),
  );
}

/** A picture to press, whose data-action the page knows. */
export function actButton(name: string, label: string, action: string, modifier = ""): HTMLButtonElement {
  const shape = { type: "button", class: `icon-button ${modifier}`.trim(), "data-action": action };
  return el("button", { ...shape, "aria-label": label, title: label }, icon(name));
}

export function find<T extends Element>(root: ParentNode, selector: string): T {
  const found = root.querySelector<T>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

/** The element with the data-action that the event came through, if any. */
export function actionOf(event: Event): HTMLElement | null {
  return event.target instanceof Element ? event.target.closest<HTMLElement>("[data-action]") : null;
}

export function defineElement(name: string, type: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, type);
}
