// One row of the thread list, and what may be done with its thread.

import { el, icon } from "../lib/dom";
import { type MenuEntry, openMenuOf } from "../lib/menu";
import type { ThreadHit, ThreadSummary } from "../lib/protocol";
import { strings } from "../lib/strings";
import type { ThreadActs } from "./thread_acts";

export function threadRow(thread: ThreadSummary | ThreadHit, isCurrent: boolean): HTMLElement {
  const title = thread.title || strings.newThread;
  const snippet = "snippet" in thread ? thread.snippet : [];
  const words = snippet.length > 0 && el("small", { class: "threads__snippet" }, ...snippet.map(([text, isHit]) => (isHit ? el("mark", {}, text) : text)));
  const place = "snippet" in thread && thread.archived && el("small", { class: "threads__place" }, strings.archive);
  const tags = thread.tags.length > 0 && el("small", { class: "threads__place" }, thread.tags.map((tag) => `#${tag}`).join(" "));
  const dot = thread.unread && !isCurrent && el("span", { class: "threads__dot", role: "img", "aria-label": strings.unread });
  // What lies in the trash has no page to open.
  const link = thread.deleted
    ? el("span", { class: "threads__link" }, title)
    : el("a", { class: "threads__link", href: `/threads/${thread.id}/`, "aria-current": isCurrent ? "page" : null }, dot, title, place, tags, words);
  return el(
    "li",
    { class: "threads__row", "data-thread": thread.id, "data-current": isCurrent },
    link,
    el("button", { type: "button", class: "threads__more", "aria-haspopup": "menu", "aria-label": strings.threadActions(title) }, icon("more")),
  );
}

export function openThreadMenu(button: HTMLElement, thread: ThreadSummary, acts: ThreadActs, rename: () => void): void {
  const file = (label: string, name: string): MenuEntry => ({ icon: "download", label, href: `/threads/${thread.id}/${name}` });
  openMenuOf(button, [
    { icon: "pin", label: thread.pinned ? strings.unpin : strings.pin, run: () => void acts.pin(thread) },
    { icon: "pencil", label: strings.rename, run: rename },
    { icon: "folder", label: strings.moveToFolder, run: () => void acts.move(thread) },
    { icon: "tag", label: strings.tags, run: () => void acts.tag(thread) },
    { icon: "archive", label: thread.archived ? strings.unarchive : strings.archiveDo, run: () => void acts.archive(thread) },
    "line",
    { icon: "share", label: strings.share, run: () => void acts.share(thread) },
    file(strings.asWord, "thread.docx"),
    { icon: "print", label: strings.print, href: `/threads/${thread.id}/print/` },
    file(strings.asMarkdown, "thread.md"),
    file(strings.asJson, "thread.json"),
    "line",
    { icon: "trash", label: strings.delete, run: () => void acts.delete(thread), isDanger: true },
  ]);
}

export function openTrashMenu(button: HTMLElement, thread: ThreadSummary, acts: ThreadActs): void {
  openMenuOf(button, [
    { icon: "retry", label: strings.restore, run: () => void acts.restore(thread) },
    { icon: "trash", label: strings.deleteForever, run: () => void acts.deleteForever(thread), isDanger: true },
  ]);
}
