import { el } from "./dom";

export interface ToastAction { label: string; run: () => void }

const SHOWN_MS = 5000;
const SHOWN_WITH_ACTION_MS = 9000;

/** Into the top layer, above a dialog that is open. */
function raise(region: HTMLElement): void {
  region.popover = "manual";
  if (region.matches(":popover-open")) region.hidePopover();
  region.showPopover();
}

/** Say something in passing. With an action it stays longer, and as long as somebody points at it. */
export function toast(text: string, action?: ToastAction): void {
  const region = document.querySelector<HTMLElement>("toast-region");
  if (!region) return;
  const box = el("div", { class: "toast" }, el("span", {}, text));
  if (action) {
    box.append(el("button", { type: "button", click: () => { box.remove(); action.run(); } }, action.label));
  }
  region.append(box);
  raise(region);
  while (region.children.length > 3) region.firstElementChild?.remove();
  const leave = (): void => {
    if (box.matches(":hover, :focus-within")) setTimeout(leave, 1000);
    else box.remove();
  };
  setTimeout(leave, action ? SHOWN_WITH_ACTION_MS : SHOWN_MS);
}
