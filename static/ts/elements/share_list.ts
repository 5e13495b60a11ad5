// <share-list>: the threads that one shares, and the end of each link.

import { api } from "../lib/api";
import { confirmDanger } from "../lib/dialog";
import { actionOf } from "../lib/dom";
import { showFailure } from "../lib/failure";
import { strings } from "../lib/strings";
import { toast } from "../lib/toast";

export class ShareList extends HTMLElement {
  connectedCallback(): void {
    this.addEventListener("click", (event) => {
      const row = actionOf(event)?.closest<HTMLElement>("[data-share]");
      if (row) void this.#revoke(row);
    });
  }

  async #revoke(row: HTMLElement): Promise<void> {
    if (!(await confirmDanger(strings.revokeTitle, strings.revokeText, strings.revoke))) return;
    try {
      await api("DELETE", `/shared/${row.dataset["share"]}/`);
      row.remove();
      toast(strings.revoked);
    } catch (error) {
      showFailure(error);
    }
  }
}
