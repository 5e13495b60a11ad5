// A folder in the thread list: opens and closes, and says when something in it is unread.

import { el, icon } from "../lib/dom";
import { openMenuOf } from "../lib/menu";
import type { Folder, ThreadSummary } from "../lib/protocol";
import { strings } from "../lib/strings";

export interface FolderActs { toggle(): void; rename(): void; instruct(): void; delete(): void }

export function folderRow(folder: Folder, threads: ThreadSummary[], isOpen: boolean, acts: FolderActs): HTMLElement {
  const hasNews = !isOpen && threads.some(({ unread }) => unread);
  const more = el("button", { type: "button", class: "threads__more", "aria-haspopup": "menu", "aria-label": strings.folderActions(folder.name) }, icon("more"));
  more.addEventListener("click", () =>
    openMenuOf(more, [
      { icon: "compose", label: strings.newThreadHere, href: `/?folder=${folder.id}` },
      { icon: "pencil", label: strings.rename, run: acts.rename },
      { icon: "chat", label: strings.instructions, run: acts.instruct },
      "line",
      { icon: "trash", label: strings.deleteFolder, run: acts.delete, isDanger: true },
    ]),
  );
  return el(
    "div",
    { class: "threads__row folder", "data-folder": folder.id },
    el(
      "button",
      { type: "button", class: "folder__name", "aria-expanded": String(isOpen), click: acts.toggle },
      icon(isOpen ? "down" : "right"),
      icon("folder"),
      el("span", {}, folder.name),
      hasNews && el("span", { class: "threads__dot", role: "img", "aria-label": strings.unread }),
      el("small", { class: "folder__count" }, String(threads.length)),
    ),
    more,
  );
}
