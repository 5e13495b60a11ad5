// What the server told the page about itself, in a data block.

import type { PageState } from "./protocol";

function read(): PageState {
  const block = document.getElementById("page-state");
  return block?.textContent ? (JSON.parse(block.textContent) as PageState) : {};
}

export const pageState: PageState = read();
