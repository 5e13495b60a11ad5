// Which model answers once more: a menu where there are several, no question where there is one.

import { el, icon } from "../lib/dom";
import { openOnce } from "../lib/menu";
import type { ChatModel } from "../lib/protocol";
import { strings } from "../lib/strings";

/** own is the name of the model that gave the answer; `choose` gets null where it shall be the same again. */
export function askAgain(button: HTMLElement, models: ChatModel[], own: string, choose: (model: string | null) => void): void {
  const others = models.filter(({ name }) => name !== own);
  if (!others.length) {
    choose(null);
    return;
  }
  const menu = el("div", { class: "menu", popover: "auto", role: "menu", "aria-label": strings.again });
  const item = (picture: string, label: string, model: string | null): HTMLElement => {
    const run = (): void => {
      menu.hidePopover();
      choose(model);
    };
    return el("button", { type: "button", role: "menuitem", class: "menu__item", click: run }, icon(picture), label);
  };
  menu.append(
    item("retry", strings.again, null),
    el("div", { class: "menu__line", role: "separator" }),
    ...others.map(({ name, title }) => item("model", strings.againWith(title), name)),
  );
  openOnce(menu, button);
}
