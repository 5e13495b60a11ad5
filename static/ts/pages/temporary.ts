// A temporary thread ends with its page: whatever closes the tab, the thread is deleted for ever.

import { csrfToken } from "../lib/api";

export function endWithPage(thread: () => string | null): void {
  addEventListener("pagehide", () => {
    const id = thread();
    if (!id) return;
    const headers = { "X-CSRFToken": csrfToken(), Accept: "application/json" };
    // keepalive: the request outlives the page.
    void fetch(`/threads/${id}/`, { method: "DELETE", headers, keepalive: true, credentials: "same-origin" });
  });
  // Back from the browser's memory, the page would show what is gone.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}
