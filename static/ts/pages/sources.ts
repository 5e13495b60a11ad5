// From a mark [n] to its card and to the page that it names. The viewer is loaded when somebody first points at a mark.

import type { AnswerStreamElement } from "../elements/answer_stream";
import type { Source, Use } from "../lib/protocol";
import { showFailure } from "../lib/failure";

/** Where static/build.mjs put the viewer. */
declare const VIEWER_URL: string;

type Viewer = typeof import("../viewer/index");
type Pane = InstanceType<Viewer["SourcePane"]>;
type Card = InstanceType<Viewer["SourceCard"]>;

const HOVER_MS = 120;
const LEAVE_MS = 200;

let viewer: Promise<Viewer> | null = null;
let card: Card | null = null;
let wanted: ReturnType<typeof setTimeout> | undefined;
let isPointedByKeyboard = false;

/** Listen for marks being pointed at, with a mouse, the keyboard or a finger. */
export function watchSources(): void {
  document.addEventListener("pointerover", (event) => event.pointerType === "mouse" && pointed(event.target));
  // Focus that comes back when the pane closes points at nothing.
  document.addEventListener("keydown", (event) => (isPointedByKeyboard = event.key === "Tab"));
  document.addEventListener("pointerdown", () => (isPointedByKeyboard = false));
  document.addEventListener("focusin", (event) => (isPointedByKeyboard ? pointed(event.target, 0) : undefined));
  document.addEventListener("focusout", () => card?.hide());
  document.addEventListener("scroll", () => card?.hide(), { capture: true, passive: true });
  document.addEventListener("source-gone", (event) => markGone((event as CustomEvent<string>).detail));
}

/** A click on a mark: the page it names, or on a touch screen first the card. */
export function openSource(mark: HTMLElement, event: MouseEvent): void {
  const found = sourceOf(mark);
  if (!found) return;
  const isTouched = event instanceof PointerEvent && event.pointerType === "touch";
  if (isTouched && card?.mark !== mark) void showCard(mark, true);
  else void open(mark);
}

/** A document from its first page, as the list of documents opens it. */
export async function openDocument(id: string, title: string, from: HTMLElement): Promise<void> {
  try {
    const { SourcePane } = await load();
    await pane(SourcePane).open({ document: id, use: null, title }, from);
  } catch (error) {
    showFailure(error);
  }
}

/** Whether there was something to close: the card first, then the pane. */
export function closeSource(): boolean {
  clearTimeout(wanted);
  if (card?.mark) {
    card.hide();
    return true;
  }
  const pane = document.querySelector<Pane>("source-pane:not([hidden])");
  pane?.close();
  return Boolean(pane);
}

async function open(mark: HTMLElement): Promise<void> {
  clearTimeout(wanted);
  card?.hide();
  const found = sourceOf(mark);
  if (!found) return;
  const { answer, source, use } = found;
  const wasPressed = mark.getAttribute("aria-pressed") === "true";
  release();
  if (wasPressed) {
    closeSource();
    return;
  }
  for (const other of answer.querySelectorAll(`[data-source="${source.n}"]`)) other.setAttribute("aria-pressed", String(other === mark || !mark.matches(".cite")));
  mark.setAttribute("aria-pressed", "true");
  try {
    const { SourcePane } = await load();
    await pane(SourcePane).open({ citation: source.citation ?? "", use, title: source.title }, mark);
  } catch (error) {
    release();
    showFailure(error);
  }
}

function pane(type: Viewer["SourcePane"]): Pane {
  const present = document.querySelector<Pane>("source-pane");
  if (present) return present;
  const made = new type();
  made.addEventListener("source-closed", release);
  document.body.append(made);
  return made;
}

function pointed(target: EventTarget | null, afterMs = HOVER_MS): void {
  const mark = target instanceof Element ? target.closest<HTMLElement>("[data-source]") : null;
  clearTimeout(wanted);
  if (mark) wanted = setTimeout(() => void showCard(mark), afterMs);
  else if (card?.mark && !card.holds(target)) wanted = setTimeout(() => card?.hide(), LEAVE_MS);
  if (mark) void load().catch(() => {});
}

async function showCard(mark: HTMLElement, isTouched = false): Promise<void> {
  const found = sourceOf(mark);
  if (!found?.source.citation) return;
  try {
    const { SourceCard } = await load();
    card ??= new SourceCard((shown) => void open(shown));
    await card.show(mark, found.source, found.use, isTouched);
  } catch (error) {
    showFailure(error);
  }
}

/** There is something to look at: fetch the viewer when the browser has time, so that the first click need not wait. */
export function prepareViewer(): void {
  if (viewer) return;
  const idle = window.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 500));
  idle(() => void load().catch(() => {}));
}

async function load(): Promise<Viewer> {
  viewer ??= import(VIEWER_URL) as Promise<Viewer>;
  viewer.catch(() => (viewer = null));
  const loaded = await viewer;
  loaded.prepare();
  return loaded;
}

function sourceOf(mark: HTMLElement): { answer: AnswerStreamElement; source: Source; use: Use | null } | null {
  const answer = mark.closest<AnswerStreamElement>("answer-stream");
  const source = answer?.source(Number(mark.dataset["source"]));
  if (!answer || !source) return null;
  return { answer, source, use: answer.useOf(mark) };
}

function markGone(citation: string): void {
  for (const answer of document.querySelectorAll<AnswerStreamElement>("answer-stream")) answer.forget(citation);
}

function release(): void {
  for (const pressed of document.querySelectorAll("[data-source][aria-pressed=true]")) pressed.setAttribute("aria-pressed", "false");
}
