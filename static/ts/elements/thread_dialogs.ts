// Questions about one thread: its tags, who may read it. Loaded when the first of them is asked.

import { api } from "../lib/api";
import { ask } from "../lib/dialog";
import { el, iconButton } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { date } from "../lib/numbers";
import type { Share, ThreadSummary } from "../lib/protocol";
import { strings } from "../lib/strings";
import { tagsIn } from "../models/thread_shelves";
import { copyFeedback } from "./copy_feedback";

/** The tags that were chosen; null when they stay as they are. */
export async function askTags(tags: string[], known: string[]): Promise<string[] | null> {
  const field = el("input", { type: "text", name: "tags", value: tags.join(", "), autofocus: true, autocomplete: "off" });
  const draw = (): void => {
    const chosen = tagsIn(field.value);
    for (const button of box.querySelectorAll<HTMLElement>("[data-tag]")) button.setAttribute("aria-pressed", String(chosen.includes(button.dataset["tag"] ?? "")));
  };
  const toggle = (tag: string): void => {
    const chosen = tagsIn(field.value);
    field.value = (chosen.includes(tag) ? chosen.filter((each) => each !== tag) : [...chosen, tag]).join(", ");
    draw();
  };
  const chips = known.map((tag) => el("button", { type: "button", class: "chip", "data-tag": tag, "aria-pressed": "false", click: () => toggle(tag) }, `#${tag}`));
  const box = el("form", { class: "field", method: "dialog" }, el("label", {}, strings.tagsLabel, field), el("div", { class: "chips" }, ...chips), el("p", { class: "field__help" }, strings.tagsHelp));
  field.addEventListener("input", draw);
  box.addEventListener("submit", (event) => {
    event.preventDefault();
    box.closest("dialog")?.close("yes");
  });
  draw();
  const answer = await ask(strings.tags, [box], [{ label: strings.cancel, value: "" }, { label: strings.save, value: "yes", modifier: "button--primary" }]);
  return answer === "yes" ? tagsIn(field.value) : null;
}

/** Make, copy and revoke the links under which colleagues read the thread. */
export async function shareThread(thread: ThreadSummary): Promise<void> {
  try {
    const { shares } = await api<{ shares: Share[] }>("GET", `/threads/${thread.id}/shares/`);
    const list = el("ul", { class: "shares" });
    const empty = el("p", {}, strings.notShared);
    const refresh = (): void => {
      empty.hidden = list.childElementCount > 0;
    };
    const add = (share: Share): void => list.prepend(shareRow(share, refresh));
    for (const share of [...shares].reverse()) add(share);
    refresh();
    const make = el("button", { type: "button", class: "button button--primary", autofocus: true }, strings.makeLink);
    make.addEventListener("click", () => void newShare(thread, make).then((share) => {
      if (!share) return;
      add(share);
      refresh();
      list.querySelector<HTMLElement>("button")?.focus();
    }));
    await ask(strings.shareTitle(thread.title || strings.newThread), [el("p", {}, strings.shareText), list, empty, make], [{ label: strings.close, value: "" }]);
  } catch (error) {
    showFailure(error);
  }
}

async function newShare(thread: ThreadSummary, button: HTMLButtonElement): Promise<Share | null> {
  button.disabled = true;
  try {
    return (await api<{ share: Share }>("POST", `/threads/${thread.id}/shares/`)).share;
  } catch (error) {
    showFailure(error);
    return null;
  } finally {
    button.disabled = false;
  }
}

function shareRow(share: Share, changed: () => void): HTMLElement {
  const address = `${location.origin}/shared/${share.id}/`;
  const copy = iconButton("copy", strings.copyLink, () => void copyFeedback(copy, address));
  const revoke = el("button", { type: "button", class: "button button--danger button--small" }, strings.revoke);
  const row = el("li", { class: "shares__row" }, el("a", { href: address, class: "shares__link" }, strings.sharedOn(date(share.created_at), share.num_messages)), copy, revoke);
  revoke.addEventListener("click", () => {
    api("DELETE", `/shared/${share.id}/`).then(
      () => {
        row.remove();
        changed();
      },
      showFailure,
    );
  });
  return row;
}
