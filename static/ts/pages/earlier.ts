// The messages before those that a thread's page began with: fetched when the reader comes near them.

import { api } from "../lib/api";
import { showFailure } from "../lib/failure";
import type { Branch } from "../lib/protocol";
import type { Conversation } from "./conversation";

/** So far before the first message, in heights of the view. */
const NEAR = 2;

export class Earlier {
  #isFetching = false;

  constructor(readonly conversation: Conversation, readonly thread: () => string | null) {
    conversation.scroller.addEventListener("scroll", () => void this.#look(), { passive: true });
  }

  async #look(): Promise<void> {
    const { scroller, numEarlier } = this.conversation;
    const thread = this.thread();
    if (this.#isFetching || !thread || !numEarlier || scroller.scrollTop > NEAR * scroller.clientHeight) return;
    const { firstMessage } = this.conversation;
    if (!firstMessage) return;
    this.#isFetching = true;
    try {
      const branch = await api<Branch>("GET", `/threads/${thread}/branch/?before=${firstMessage}`);
      // Another branch may have come in the meantime.
      if (this.conversation.firstMessage === firstMessage) this.conversation.prepend(branch.messages, branch.num_earlier);
    } catch (error) {
      showFailure(error);
    } finally {
      this.#isFetching = false;
    }
  }
}
