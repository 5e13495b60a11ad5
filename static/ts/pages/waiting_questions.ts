// Questions that were sent while an answer is being written. The server has them and answers them one after the other;
// until it begins with one, it can be taken back or be put differently.

import type { ChatComposer } from "../elements/chat_composer";
import { api } from "../lib/api";
import { el } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { strings } from "../lib/strings";
import type { Answers } from "./answers";

export class WaitingQuestions {
  /** `changed`: the branch on the page is to be looked at again. */
  constructor(readonly answers: Answers, readonly composer: ChatComposer, readonly changed: () => void) {}

  /** Say of each question whether it waits; after anything that was asked, or ended, or came from elsewhere. */
  refresh(): void {
    const waiting = new Map(this.answers.waiting.map(({ turn, question }) => [question, turn]));
    for (const note of document.querySelectorAll<HTMLElement>(".question__waiting")) {
      const question = note.closest<HTMLElement>(".question");
      if (!question || waiting.get(question) !== note.dataset["turn"]) note.remove();
    }
    for (const [question, turn] of waiting) {
      if (!question.querySelector(".question__waiting")) question.append(this.#note(question, turn));
    }
  }

  #note(question: HTMLElement, turn: string): HTMLElement {
    const act = (label: string, isEdit: boolean): HTMLElement =>
      el("button", { type: "button", class: "question__way", click: () => void this.#withdraw(question, turn, isEdit) }, label);
    return el("div", { class: "question__waiting", "data-turn": turn, role: "status" }, strings.waitsForAnswer, act(strings.editShort, true), act(strings.takeBack, false));
  }

  async #withdraw(question: HTMLElement, turn: string, isEdit: boolean): Promise<void> {
    try {
      const { text } = await api<{ text: string }>("DELETE", `/turns/${turn}/`);
      question.nextElementSibling?.remove();
      question.remove();
      this.answers.leaveAbsent();
      if (isEdit) this.composer.takeBack(text);
      else this.composer.focus();
    } catch (error) {
      showFailure(error);
    }
    this.changed();
  }
}
