// Menus in popovers: placed beside their button, walked with the arrow keys, closed by the browser.

import { el, icon } from "./dom";

/** Open `menu` beside `button` and hand the focus to its first (or checked) item. */
export function openMenu(menu: HTMLElement, button: HTMLElement): void {
  menu.showPopover();
  place(menu, button.getBoundingClientRect());
  button.setAttribute("aria-expanded", "true");
  const items = itemsOf(menu);
  (items.find((item) => item.getAttribute("aria-checked") === "true") ?? items[0])?.focus();
  // Opening announces itself with the same event, later: only the closing counts.
  const closed = (event: Event): void => {
    if ((event as ToggleEvent).newState !== "closed") return;
    menu.removeEventListener("toggle", closed);
    button.setAttribute("aria-expanded", "false");
    if (menu.contains(document.activeElement) || document.activeElement === document.body) button.focus();
  };
  menu.addEventListener("toggle", closed);
}

/** Every button with data-menu="id" opens that menu; a second click closes it. */
export function watchMenuButtons(): void {
  let wasOpen: Element | null = null;
  document.addEventListener("pointerdown", (event) => {
    const button = buttonOf(event);
    wasOpen = button?.getAttribute("aria-expanded") === "true" ? button : null;
  }, true);
  document.addEventListener("click", (event) => {
    const button = buttonOf(event);
    const menu = button && document.getElementById(button.dataset["menu"] ?? "");
    if (!button || !menu) return;
    if (button !== wasOpen) openMenu(menu, button);
    wasOpen = null;
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.target instanceof Element ? event.target.closest<HTMLElement>("[role=menu]") : null;
    if (menu) walk(menu, event);
  });
}

function buttonOf(event: Event): HTMLElement | null {
  return event.target instanceof Element ? event.target.closest<HTMLElement>("[data-menu]") : null;
}

function itemsOf(menu: HTMLElement): HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>("[role^=menuitem]:not([disabled])")];
}

function place(menu: HTMLElement, button: DOMRect): void {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const gap = 6;
  const below = button.bottom + gap + height <= innerHeight;
  const left = button.left + width <= innerWidth - 8 ? button.left : button.right - width;
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  menu.style.top = `${Math.max(8, below ? button.bottom + gap : button.top - gap - height)}px`;
}

function walk(menu: HTMLElement, event: KeyboardEvent): void {
  const items = itemsOf(menu);
  const at = items.indexOf(document.activeElement as HTMLElement);
  const last = items.length - 1;
  const to: Record<string, number> = { ArrowDown: at >= last ? 0 : at + 1, ArrowUp: at <= 0 ? last : at - 1, Home: 0, End: last };
  const next = to[event.key];
  if (next !== undefined) {
    event.preventDefault();
    items[next]?.focus();
  } else if (event.key === "Tab") {
    menu.hidePopover();
  } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && event.key !== " ") {
    const letter = event.key.toLowerCase();
    const rest = [...items.slice(at + 1), ...items.slice(0, at + 1)];
    rest.find((item) => item.textContent?.trim().toLowerCase().startsWith(letter))?.focus();
  }
}

export interface MenuItem { icon: string; label: string; run?: () => void; href?: string; isDanger?: boolean }
export type MenuEntry = MenuItem | "line";

/** A menu made for this moment, beside its button; it is gone when it closes. href: a page, or a file to save. */
export function openMenuOf(button: HTMLElement, entries: MenuEntry[]): void {
  const menu = el("div", { class: "menu", popover: "auto", role: "menu", "aria-label": button.getAttribute("aria-label") });
  menu.append(...entries.map((entry) => (entry === "line" ? el("div", { class: "menu__line", role: "separator" }) : itemOf(entry, menu))));
  openOnce(menu, button);
}

/** A menu that was made for this moment, within the part of the page that its button is in. */
export function openOnce(menu: HTMLElement, button: HTMLElement): void {
  menu.addEventListener("toggle", (event) => {
    if ((event as ToggleEvent).newState === "closed") menu.remove();
  });
  (button.closest("[popover], dialog, main") ?? document.body).append(menu);
  openMenu(menu, button);
}

function itemOf({ icon: name, label, run, href, isDanger }: MenuItem, menu: HTMLElement): HTMLElement {
  const click = (): void => {
    menu.hidePopover();
    run?.();
  };
  const shape = { role: "menuitem", class: `menu__item ${isDanger ? "menu__item--danger" : ""}`.trim(), click };
  if (!href) return el("button", { type: "button", ...shape }, icon(name), label);
  return el("a", { href, download: name === "download", ...shape }, icon(name), label);
}
