// What may be done with threads and folders from the sidebar. Each act shows at once and is taken back when refused.

import { api } from "../lib/api";
import { confirmDanger } from "../lib/dialog";
import { showFailure } from "../lib/failure";
import type { Folder, ThreadSummary } from "../lib/protocol";
import { strings } from "../lib/strings";
import { toast } from "../lib/toast";
import type { ThreadList } from "./thread_list";

const UNDO_KEY = "deleted-thread";

export class ThreadActs {
  constructor(readonly list: ThreadList) {}

  /** Whether the server agreed. */
  async change(thread: ThreadSummary, change: Partial<ThreadSummary>): Promise<boolean> {
    this.list.put({ ...thread, ...change });
    try {
      await api("PATCH", `/threads/${thread.id}/`, change);
      return true;
    } catch (error) {
      this.list.put(thread);
      showFailure(error);
      return false;
    }
  }

  async pin(thread: ThreadSummary): Promise<void> {
    await this.change(thread, { pinned: !thread.pinned });
  }

  async archive(thread: ThreadSummary): Promise<void> {
    const archived = !thread.archived;
    if (!(await this.change(thread, { archived }))) return;
    const undo = (): void => void this.change({ ...thread, archived }, { archived: !archived });
    toast(archived ? strings.threadArchived : strings.threadUnarchived, { label: strings.undo, run: undo });
  }

  async delete(thread: ThreadSummary): Promise<void> {
    this.list.put({ ...thread, deleted: true });
    try {
      await api("DELETE", `/threads/${thread.id}/`);
      if (thread.id === this.list.current) {
        // The page of a deleted thread is no place to stay; the way back comes along.
        sessionStorage.setItem(UNDO_KEY, JSON.stringify(thread));
        location.assign("/");
      } else {
        this.#offerUndo(thread);
      }
    } catch (error) {
      this.list.put(thread);
      showFailure(error);
    }
  }

  offerUndoAfterReload(): void {
    const deleted = sessionStorage.getItem(UNDO_KEY);
    sessionStorage.removeItem(UNDO_KEY);
    if (deleted) this.#offerUndo(JSON.parse(deleted) as ThreadSummary);
  }

  async restore(thread: ThreadSummary): Promise<void> {
    try {
      await api("POST", `/threads/${thread.id}/restoration/`);
      this.list.put({ ...thread, deleted: false });
    } catch (error) {
      showFailure(error);
    }
  }

  async deleteForever(thread: ThreadSummary): Promise<void> {
    if (!(await confirmDanger(strings.deleteForever, strings.deleteForeverText(thread.title || strings.newThread), strings.deleteForever))) return;
    try {
      await api("DELETE", `/threads/trash/${thread.id}/`);
      this.list.shelves.drop(thread.id);
      this.list.draw();
    } catch (error) {
      showFailure(error);
    }
  }

  async emptyTrash(): Promise<void> {
    if (!(await confirmDanger(strings.emptyTrash, strings.emptyTrashText, strings.emptyTrash))) return;
    try {
      await api("DELETE", "/threads/trash/");
      for (const thread of this.list.shelves.aside) this.list.shelves.drop(thread.id);
      this.list.draw();
    } catch (error) {
      showFailure(error);
    }
  }

  async move(thread: ThreadSummary): Promise<void> {
    const { chooseFolder } = await import("./folder_dialogs");
    const choice = await chooseFolder(this.list.shelves.foldersByName, thread.folder);
    if (choice === undefined) return;
    const folder = choice === "new" ? ((await this.makeFolder())?.id ?? null) : choice;
    if (choice !== "new" || folder) await this.change(thread, { folder });
  }

  async tag(thread: ThreadSummary): Promise<void> {
    const { askTags } = await import("./thread_dialogs");
    const tags = await askTags(thread.tags, this.list.shelves.tags);
    if (tags) await this.change(thread, { tags });
  }

  async share(thread: ThreadSummary): Promise<void> {
    const { shareThread } = await import("./thread_dialogs");
    await shareThread(thread);
  }

  async makeFolder(): Promise<Folder | null> {
    const { askFolderName } = await import("./folder_dialogs");
    const name = await askFolderName(strings.newFolder, "");
    return name ? this.#saveFolder("POST", "/folders/", { name }) : null;
  }

  async renameFolder(folder: Folder): Promise<void> {
    const { askFolderName } = await import("./folder_dialogs");
    const name = await askFolderName(strings.rename, folder.name);
    if (name && name !== folder.name) await this.#saveFolder("PATCH", `/folders/${folder.id}/`, { name });
  }

  async instructFolder(folder: Folder): Promise<void> {
    const { askInstructions } = await import("./folder_dialogs");
    const instructions = await askInstructions(folder);
    if (instructions !== null) await this.#saveFolder("PATCH", `/folders/${folder.id}/`, { instructions });
  }

  async deleteFolder(folder: Folder): Promise<void> {
    if (!(await confirmDanger(strings.deleteFolder, strings.deleteFolderText(folder.name), strings.delete))) return;
    try {
      await api("DELETE", `/folders/${folder.id}/`);
      this.list.shelves.folders.delete(folder.id);
      this.list.draw();
    } catch (error) {
      showFailure(error);
    }
  }

  async #saveFolder(method: "POST" | "PATCH", path: string, body: object): Promise<Folder | null> {
    try {
      const { folder } = await api<{ folder: Folder }>(method, path, body);
      this.list.putFolder(folder);
      return folder;
    } catch (error) {
      showFailure(error);
      return null;
    }
  }

  #offerUndo(thread: ThreadSummary): void {
    toast(strings.threadDeleted, { label: strings.undo, run: () => void this.restore(thread) });
  }
}
