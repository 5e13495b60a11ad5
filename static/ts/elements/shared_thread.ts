// <shared-thread>: what a reader may do with a colleague's thread: go on with a copy; its owner also revokes it.

import { api } from "../lib/api";
import { confirmDanger } from "../lib/dialog";
import { actionOf } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { strings } from "../lib/strings";

export class SharedThread extends HTMLElement {
  connectedCallback(): void {
    this.addEventListener("click", (event) => {
      const action = actionOf(event)?.dataset["action"];
      if (action === "copy-share") void this.#copy();
      if (action === "revoke-share") void this.#revoke();
    });
  }

  get #path(): string {
    return `/shared/${this.dataset["share"]}/`;
  }

  async #copy(): Promise<void> {
    try {
      const { thread } = await api<{ thread: { id: string } }>("POST", `${this.#path}copies/`);
      location.assign(`/threads/${thread.id}/`);
    } catch (error) {
      showFailure(error);
    }
  }

  async #revoke(): Promise<void> {
    if (!(await confirmDanger(strings.revokeTitle, strings.revokeText, strings.revoke))) return;
    try {
      await api("DELETE", this.#path);
      location.assign("/");
    } catch (error) {
      showFailure(error);
    }
  }
}
