// One row of the thread list, and what may be done with its thread.

import { el, icon } from "../lib/dom";
import { openMenu } from "../lib/menu";
import type { ThreadHit, ThreadSummary } from "../lib/protocol";
import { strings } from "../lib/strings";

export interface ThreadActs {
  rename(row: HTMLElement, thread: ThreadSummary): void;
  pin(thread: ThreadSummary): void;
  archive(thread: ThreadSummary): void;
  delete(thread: ThreadSummary): void;
}

export function threadRow(thread: ThreadSummary | ThreadHit, isCurrent: boolean): HTMLElement {
  const title = thread.title || strings.newThread;
  const snippet = "snippet" in thread ? thread.snippet : [];
  const words = snippet.length > 0 && el("small", { class: "threads__snippet" }, ...snippet.map(([text, isHit]) => (isHit ? el("mark", {}, text) : text)));
  const place = "snippet" in thread && thread.archived && el("small", { class: "threads__place" }, strings.archive);
  return el(
    "li",
    { class: "threads__row", "data-thread": thread.id, "data-current": isCurrent },
    el("a", { class: "threads__link", href: `/threads/${thread.id}/`, "aria-current": isCurrent ? "page" : null }, title, place, words),
    el("button", { type: "button", class: "threads__more", "aria-haspopup": "menu", "aria-label": strings.threadActions(title) }, icon("more")),
  );
}

export function openThreadMenu(button: HTMLElement, row: HTMLElement, thread: ThreadSummary, acts: ThreadActs): void {
  const menu = el("div", { class: "menu", popover: "auto", role: "menu" });
  const item = (name: string, label: string, run: () => void, modifier = ""): HTMLElement => {
    const click = (): void => {
      menu.hidePopover();
      run();
    };
    return el("button", { type: "button", role: "menuitem", class: `menu__item ${modifier}`.trim(), click }, icon(name), label);
  };
  const file = (label: string, name: string): HTMLElement =>
    el("a", { role: "menuitem", class: "menu__item", href: `/threads/${thread.id}/${name}`, download: true, click: () => menu.hidePopover() }, icon("download"), label);
  menu.append(
    item("pin", thread.pinned ? strings.unpin : strings.pin, () => acts.pin(thread)),
    item("pencil", strings.rename, () => acts.rename(row, thread)),
    item("archive", thread.archived ? strings.unarchive : strings.archiveDo, () => acts.archive(thread)),
    el("div", { class: "menu__line", role: "separator" }),
    file(strings.asMarkdown, "thread.md"),
    file(strings.asJson, "thread.json"),
    el("div", { class: "menu__line", role: "separator" }),
    item("trash", strings.delete, () => acts.delete(thread), "menu__item--danger"),
  );
  menu.addEventListener("toggle", (event) => {
    if ((event as ToggleEvent).newState === "closed") menu.remove();
  });
  (button.closest("[popover]") ?? document.body).append(menu);
  openMenu(menu, button);
}
