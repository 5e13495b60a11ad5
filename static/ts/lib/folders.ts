// The folders that the server told the page about, in a data block of the sidebar.

import type { Folder } from "./protocol";

export function foldersOfPage(): Folder[] {
  const block = document.getElementById("folders");
  return block?.textContent ? (JSON.parse(block.textContent) as Folder[]) : [];
}
