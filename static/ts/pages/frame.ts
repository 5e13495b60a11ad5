// What every page has around its content: sidebar, theme, menus, keyboard, links that lead out, state of the line.

import { copyCode, copyTable, saveCode, wrapCode } from "../elements/code_acts";
import { copyFeedback } from "../elements/copy_feedback";
import type { ThreadList } from "../elements/thread_list";
import { copyText } from "../lib/clipboard";
import { socket } from "../lib/connection";
import { remember } from "../lib/cookies";
import { ask } from "../lib/dialog";
import { actionOf, el } from "../lib/dom";
import { api, ApiError } from "../lib/api";
import { goSignIn } from "../lib/failure";
import { watchMenuButtons } from "../lib/menu";
import { strings } from "../lib/strings";
import { toast } from "../lib/toast";

const QUIET_ATTEMPTS = 2;
const narrow = matchMedia("(max-width: 48rem)");

export function startFrame(): void {
  watchMenuButtons();
  document.addEventListener("click", clicked);
  document.addEventListener("keydown", pressed);
  markTheme();
  document.querySelector(".tabs [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
  const filter = searchField();
  const list = document.querySelector<ThreadList>("thread-list");
  filter?.addEventListener("input", () => list?.filter(filter.value));
  filter?.addEventListener("keydown", (event) => {
    if (event.key === "Enter") list?.firstLink?.click();
    if (event.key === "Escape") {
      filter.value = "";
      list?.filter("");
    }
    if (event.key === "ArrowDown") list?.firstLink?.focus();
  });
  if (list) watchLine();
}

function clicked(event: MouseEvent): void {
  const target = event.target instanceof Element ? event.target : null;
  const link = target?.closest<HTMLElement>("[data-url]");
  if (link) void leadOut(link.dataset["url"] ?? "");
  const theme = target?.closest<HTMLElement>("[data-theme-choice]");
  if (theme) chooseTheme(theme.dataset["themeChoice"] ?? "");
  const button = actionOf(event);
  switch (button?.dataset["action"]) {
    case "hide-sidebar": toggleSidebar(); break;
    case "show-sidebar": toggleSidebar(); break;
    case "print": window.print(); break;
    case "show-shortcuts": void showShortcuts(); break;
    case "copy-code": copyCode(button); break;
    case "wrap-code": wrapCode(button); break;
    case "save-code": saveCode(button); break;
    case "copy-csv": void copyTable(button); break;
    case "copy": void copyFeedback(button, button.parentElement?.querySelector("code")?.textContent ?? ""); break;
  }
}

function pressed(event: KeyboardEvent): void {
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  const keys = `${control ? "ctrl+" : ""}${event.shiftKey ? "shift+" : ""}${key}`;
  const run: Record<string, () => void> = {
    "ctrl+shift+o": beginThread,
    "ctrl+k": findThread,
    "ctrl+shift+s": toggleSidebar,
    "ctrl+/": () => void showShortcuts(),
    "shift+escape": () => document.querySelector<HTMLElement>("chat-composer")?.focus(),
  };
  const action = run[keys];
  if (!action || !document.getElementById("sidebar")) return;
  event.preventDefault();
  // A question that is open is answered first.
  if (!document.querySelector("dialog[open]")) action();
}

/** Where an empty thread stands already, nothing is loaded again: what is typed at once would be lost. */
function beginThread(): void {
  const isEmpty = location.pathname === "/" && !location.search && !document.querySelector(".question");
  if (isEmpty) document.querySelector<HTMLElement>("chat-composer")?.focus();
  else location.assign("/");
}

function toggleSidebar(): void {
  const sidebar = document.getElementById("sidebar");
  if (narrow.matches) {
    sidebar?.togglePopover();
    return;
  }
  const isClosed = document.documentElement.dataset["sidebar"] === "closed";
  document.documentElement.dataset["sidebar"] = isClosed ? "" : "closed";
  remember("sidebar", isClosed ? "" : "closed");
}

function searchField(): HTMLInputElement | null {
  return document.querySelector<HTMLInputElement>('input[name="thread-filter"]');
}

function findThread(): void {
  const field = searchField();
  if (field && !field.checkVisibility()) toggleSidebar();
  field?.focus();
  field?.select();
}

function chooseTheme(theme: string): void {
  document.documentElement.dataset["theme"] = theme;
  remember("theme", theme);
  markTheme();
}

function markTheme(): void {
  const theme = document.documentElement.dataset["theme"] ?? "";
  for (const choice of document.querySelectorAll<HTMLElement>("[data-theme-choice]")) {
    choice.setAttribute("aria-checked", String(choice.dataset["themeChoice"] === theme));
  }
}

async function leadOut(url: string): Promise<void> {
  const answer = await ask(strings.link, [el("div", { class: "dialog__code" }, url), el("p", {}, strings.linkText)], [
    { label: strings.cancel, value: "" },
    { label: strings.copyAddress, value: "copy" },
    { label: strings.open, value: "open", modifier: "button--primary" },
  ]);
  if (answer === "open") window.open(url, "_blank", "noopener,noreferrer");
  if (answer === "copy") toast((await copyText(url)) ? strings.copied : strings.copyFailed);
}

async function showShortcuts(): Promise<void> {
  const rows: [string, string[]][] = [
    [strings.shortcutSend, ["Enter"]],
    [strings.shortcutLine, ["Shift", "Enter"]],
    [strings.shortcutNew, ["Ctrl", "Shift", "O"]],
    [strings.shortcutFind, ["Ctrl", "K"]],
    [strings.shortcutSidebar, ["Ctrl", "Shift", "S"]],
    [strings.shortcutFocus, ["Shift", "Esc"]],
    [strings.shortcutQuote, ["Alt", "Q"]],
    [strings.shortcutClose, ["Esc"]],
    [strings.shortcutWalk, ["↓"]],
    [strings.shortcutSigns, ["/", "@", "#"]],
    [strings.shortcutKeepComment, ["Ctrl", "Enter"]],
    [strings.shortcutFindInSource, ["Ctrl", "F"]],
    [strings.shortcutTurnSource, ["←", "→"]],
    [strings.shortcutZoomSource, ["−", "+", "0"]],
    [strings.shortcutPrint, ["Ctrl", "P"]],
    [strings.shortcutHelp, ["Ctrl", "/"]],
  ];
  const list = el(
    "dl",
    { class: "shortcuts" },
    ...rows.flatMap(([what, keys]) => [el("dt", {}, what), el("dd", {}, ...keys.flatMap((key) => [el("kbd", {}, key), " "]))]),
  );
  await ask(strings.shortcuts, [list], [{ label: strings.close, value: "" }]);
}

/** Say when the line is down for longer than a moment, and why when the session ended. */
function watchLine(): void {
  let notice: HTMLElement | null = null;
  socket.addEventListener("open", () => {
    notice?.remove();
    notice = null;
  });
  socket.addEventListener("signed-out", saySignedOut);
  socket.addEventListener("lost", (event) => {
    const attempt = (event as CustomEvent<number>).detail;
    if (attempt < QUIET_ATTEMPTS || notice) return;
    notice = el("div", { class: "offline", role: "status" }, strings.offline);
    document.querySelector(".page__main")?.append(notice);
    void checkSession();
  });
}

async function checkSession(): Promise<void> {
  try {
    await api("GET", "/threads/");
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) saySignedOut();
  }
}

function saySignedOut(): void {
  const way = el("button", { type: "button", class: "offline__way", click: goSignIn }, strings.signIn);
  document.querySelector(".offline")?.remove();
  document.querySelector(".page__main")?.append(el("div", { class: "offline", role: "alert" }, strings.signedOut, " ", way));
}
