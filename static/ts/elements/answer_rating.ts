// Thumbs under an answer, and the sentence that one may add. A thumb counts at once; pressed again it is taken back.

import { api } from "../lib/api";
import { el, find, iconButton } from "../lib/dom";
import { showFailure } from "../lib/failure";
import type { Rating } from "../lib/protocol";
import { strings } from "../lib/strings";
import { toast } from "../lib/toast";

const MAX_COMMENT_CHARS = 2000;
let numForms = 0;

/** What the page knows of the rating; it lives on the element, so that a redraw forgets nothing. */
function ratingOf(answer: HTMLElement): Rating | null {
  return answer.dataset["rating"] ? (JSON.parse(answer.dataset["rating"]) as Rating) : null;
}

export function keepRating(answer: HTMLElement, rating: Rating | null): void {
  answer.dataset["rating"] = rating ? JSON.stringify(rating) : "";
}

/** The two thumbs, and once one is pressed the way to a comment. `redraw` draws what stands under the answer again. */
export function ratingButtons(answer: HTMLElement, redraw: () => void): HTMLElement[] {
  const rating = ratingOf(answer);
  const thumb = (good: boolean): HTMLElement => {
    const isPressed = rating?.good === good;
    const press = (): void => void rate(answer, isPressed ? null : { good, comment: rating?.comment ?? "", for_admins: rating?.for_admins ?? false }, redraw);
    const button = iconButton(good ? "good" : "bad", good ? strings.good : strings.bad, press, "rate");
    button.setAttribute("aria-pressed", String(isPressed));
    button.dataset["rate"] = good ? "good" : "bad";
    return button;
  };
  const comment = rating && iconButton("pencil", rating.comment ? strings.changeComment : strings.addComment, () => openForm(answer, rating, redraw), "rate rate--comment");
  return [thumb(true), thumb(false), ...(comment ? [comment] : [])];
}

async function rate(answer: HTMLElement, rating: Rating | null, redraw: () => void): Promise<boolean> {
  const path = `/messages/${answer.closest<HTMLElement>(".answer")?.dataset["message"]}/rating/`;
  const pressed = (document.activeElement as HTMLElement | null)?.dataset["rate"];
  try {
    if (rating) keepRating(answer, (await api<{ rating: Rating }>("PUT", path, rating)).rating);
    else {
      await api("DELETE", path);
      keepRating(answer, null);
    }
  } catch (error) {
    showFailure(error);
    return false;
  }
  redraw();
  // The button that was pressed is a new one now; the keyboard stays where it was.
  answer.querySelector<HTMLElement>(pressed ? `[data-rate="${pressed}"]` : ".rate--comment")?.focus();
  return true;
}

function openForm(answer: HTMLElement, rating: Rating, redraw: () => void): void {
  const end = find(answer, ".answer__end");
  const open = end.querySelector("textarea");
  if (open) {
    open.focus();
    return;
  }
  const id = `comment-${++numForms}`;
  const text = el("textarea", { id, rows: 3, maxlength: MAX_COMMENT_CHARS });
  text.value = rating.comment;
  const tick = el("input", { type: "checkbox" });
  tick.checked = rating.for_admins;
  const close = (): void => {
    form.remove();
    answer.querySelector<HTMLElement>(".rate--comment")?.focus();
  };
  const form = el(
    "form",
    { class: "rate__form" },
    el("div", { class: "field" }, el("label", { for: id }, rating.good ? strings.whatWasGood : strings.whatWasBad), text),
    el("label", { class: "field__check" }, tick, strings.adminsMayRead),
    el(
      "div",
      { class: "rate__acts" },
      el("button", { type: "submit", class: "button button--small button--primary" }, strings.save),
      el("button", { type: "button", class: "button button--small", click: close }, strings.cancel),
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void rate(answer, { good: rating.good, comment: text.value, for_admins: tick.checked }, redraw).then((isKept) => isKept && toast(strings.commentKept));
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  end.append(form);
  text.focus();
}
