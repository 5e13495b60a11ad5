// One row of the list of documents: what it is, how far its reading is, what may be done with it.

import { el, icon, iconButton, type Child } from "../lib/dom";
import { openOnce } from "../lib/menu";
import { date, size } from "../lib/numbers";
import type { DocumentState } from "../lib/protocol";
import { strings } from "../lib/strings";
import type { Upload } from "../lib/upload";
import { documentWords } from "../models/document_words";

export interface Incoming {
  name: string;
  upload: Upload;
  problem: string;
  /** Others go first. */
  isWaiting: boolean;
  shelf: string;
  /** The document that has the same bytes. */
  twin?: DocumentState;
}

type Act = (document: DocumentState, from: HTMLElement) => void;
export interface Acts { open: Act; retry: Act; cancel: Act; replace: Act; move: Act; exceptions: Act; remove: Act }
interface Facts { mayMove: boolean; isInCollection: boolean; isOnItsWay: boolean }

export function documentRow(document: DocumentState, acts: Acts, facts: Facts): HTMLElement {
  const { line, percent, tone } = wordsOf(document);
  const about = [
    document.num_pages ? strings.pages(document.num_pages) : "",
    size(document.size_bytes),
    date(document.created_at),
    document.version > 1 ? strings.version(document.version) : "",
  ];
  const open = (event: Event): void => acts.open(document, event.currentTarget as HTMLElement);
  const name = document.is_searchable
    ? el("button", { type: "button", class: "documents__name", "data-act": "open", title: document.title, click: open }, document.title)
    : el("div", { class: "documents__name", title: document.title }, document.title);
  return el(
    "li",
    { class: "documents__row", "data-document": document.id },
    el("div", {}, name, el("div", { class: "documents__facts" }, about.filter(Boolean).join(" · "))),
    stateCell(line, percent, tone),
    el("div", { class: "documents__acts" }, ...mainActs(document, acts, facts), moreButton(document, acts, facts)),
  );
}

export function incomingRow(key: string, incoming: Incoming, remove: () => void, point: (id: string) => void): HTMLElement {
  const { name, upload, problem, isWaiting, twin } = incoming;
  const progress = isWaiting ? strings.uploadWaiting : upload.isPaused ? strings.uploadPaused : strings.uploading(upload.percent);
  const line = problem || (twin ? strings.alreadyHere(twin.title) : progress);
  const isOver = Boolean(problem || twin);
  return el(
    "li",
    { class: "documents__row", "data-incoming": key },
    el("div", {}, el("div", { class: "documents__name", title: name }, name), el("div", { class: "documents__facts" }, size(upload.file.size))),
    stateCell(line, isOver ? null : upload.percent, problem ? "bad" : twin ? "good" : "busy"),
    el(
      "div",
      { class: "documents__acts" },
      twin && textButton("chat", strings.showIt, "show", () => point(twin.id)),
      named(iconButton("close", isOver ? strings.remove : strings.cancel, remove), "remove"),
    ),
  );
}

/** Of a new version that is on its way or failed, with what searches see meanwhile. */
function wordsOf(document: DocumentState): ReturnType<typeof documentWords> {
  const words = documentWords(document);
  if (!document.is_replacing) return words.tone === "good" ? { ...words, line: strings.statusReadyShort } : words;
  return { ...words, line: `${strings.newVersion}: ${words.line} ${words.tone === "bad" ? strings.earlierStays : ""}`.trim() };
}

function mainActs(document: DocumentState, acts: Acts, { isOnItsWay }: Facts): Child[] {
  const hasFailed = document.status === "failed" || document.status === "cancelled";
  return [
    hasFailed && document.may_manage && textButton("retry", strings.retry, "retry", (event) => acts.retry(document, event.currentTarget as HTMLElement)),
    isOnItsWay && document.may_manage && (!document.is_searchable || document.is_replacing || document.status === "extracting") && named(iconButton("stop", strings.stopReading, (event) => acts.cancel(document, event.currentTarget as HTMLElement)), "cancel"),
    document.is_searchable && el("a", { class: "button button--small", "data-act": "ask", href: `/?document=${document.id}` }, icon("chat"), strings.ask),
  ];
}

function moreButton(document: DocumentState, acts: Acts, { mayMove, isInCollection }: Facts): HTMLElement {
  const hasFailed = document.status === "failed" || document.status === "cancelled";
  return named(
    iconButton("more", strings.documentActions(document.title), (event) => {
      const button = event.currentTarget as HTMLElement;
      const item = (name: string, label: string, act: Act, isDanger = false): HTMLElement =>
        menuItem(name, label, () => act(document, button), isDanger);
      showMenu(button, [
        el("a", { class: "menu__item", role: "menuitem", href: `/documents/${document.id}/file/`, download: true }, icon("download"), strings.download),
        ...(document.may_manage
          ? [
              item("upload", strings.replaceDocument, acts.replace),
              document.is_replacing && hasFailed && item("close", strings.dropVersion, acts.cancel),
              (mayMove || isInCollection) && item("archive", strings.moveDocument, acts.move),
              isInCollection && item("people", strings.exceptions, acts.exceptions),
              el("div", { class: "menu__line", role: "separator" }),
              item("trash", strings.delete, acts.remove, true),
            ]
          : []),
      ]);
    }),
    "more",
  );
}

function showMenu(button: HTMLElement, items: Child[]): void {
  const menu = el("div", { class: "menu", popover: "auto", role: "menu", "aria-label": button.getAttribute("aria-label") }, ...items);
  openOnce(menu, button);
}

function menuItem(name: string, label: string, run: () => void, isDanger: boolean): HTMLElement {
  const click = (event: Event): void => {
    (event.currentTarget as HTMLElement).closest<HTMLElement>(".menu")?.hidePopover();
    run();
  };
  return el("button", { type: "button", class: `menu__item ${isDanger ? "menu__item--danger" : ""}`.trim(), role: "menuitem", click }, icon(name), label);
}

function textButton(name: string, label: string, act: string, click: (event: Event) => void): HTMLElement {
  return el("button", { type: "button", class: "button button--small", "data-act": act, click }, icon(name), label);
}

function named(button: HTMLElement, act: string): HTMLElement {
  button.dataset["act"] = act;
  return button;
}

function stateCell(line: string, percent: number | null, tone: string): HTMLElement {
  return el(
    "div",
    { class: "documents__state" },
    el("span", { class: "state", "data-tone": tone }, line),
    percent !== null && el("progress", { max: 100, value: percent, "aria-label": line }),
  );
}
