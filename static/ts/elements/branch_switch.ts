// ‹ 2/3 ›: the other messages that stand in the place of this one.

import { actButton, el } from "../lib/dom";
import { strings } from "../lib/strings";

/** For an article with data-siblings, or null where it has none. Its buttons have data-branch, the message to go to. */
export function branchSwitch(article: HTMLElement | null): HTMLElement | null {
  const siblings = article?.dataset["siblings"]?.split(" ").filter(Boolean) ?? [];
  const at = siblings.indexOf(article?.dataset["message"] ?? "");
  if (siblings.length < 2 || at < 0) return null;
  const way = (name: string, label: string, to: string | undefined): HTMLElement => {
    const button = actButton(name, label, "branch", "icon-button--small");
    button.disabled = to === undefined;
    button.dataset["branch"] = to ?? "";
    return button;
  };
  return el(
    "div",
    { class: "branches", role: "group", "aria-label": strings.branches },
    way("left", strings.previousBranch, siblings[at - 1]),
    el("span", { "aria-live": "polite" }, `${at + 1}/${siblings.length}`),
    way("right", strings.nextBranch, siblings[at + 1]),
  );
}
