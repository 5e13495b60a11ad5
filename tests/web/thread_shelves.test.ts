import assert from "node:assert/strict";
import { test } from "node:test";
import type { ThreadSummary } from "../../static/ts/lib/protocol";
import { DraftKeeper } from "../../static/ts/models/draft_keeper";
import { tagsIn, ThreadShelves } from "../../static/ts/models/thread_shelves";

const thread = (id: string, more: Partial<ThreadSummary> = {}): ThreadSummary => ({
  id, title: id, updated_at: "2026-11-24T08:00:00Z", pinned: false, archived: false, deleted: false, folder: null, tags: [], unread: false, temporary: false, ...more,
});
const ids = (threads: ThreadSummary[]): string[] => threads.map(({ id }) => id);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("a thread lies in one place, and moves when it changes", () => {
  const shelves = new ThreadShelves();
  shelves.folders.set("f", { id: "f", name: "Plans", instructions: "" });
  shelves.put(thread("a"));
  shelves.put(thread("b", { updated_at: "2026-11-24T09:00:00Z" }));
  assert.deepEqual(ids(shelves.loose), ["b", "a"]);
  shelves.put(thread("a", { folder: "f" }));
  assert.deepEqual([ids(shelves.loose), ids(shelves.inFolder("f"))], [["b"], ["a"]]);
  shelves.look("trash");
  shelves.put(thread("b", { deleted: true }));
  assert.deepEqual([ids(shelves.loose), ids(shelves.aside)], [[], ["b"]]);
  shelves.put(thread("b"));
  assert.deepEqual([ids(shelves.loose), ids(shelves.aside)], [["b"], []]);
});

test("a folder that is gone hides nothing", () => {
  const shelves = new ThreadShelves();
  shelves.put(thread("a", { folder: "deleted elsewhere" }));
  assert.deepEqual(ids(shelves.loose), ["a"]);
});

test("a temporary thread lies nowhere", () => {
  const shelves = new ThreadShelves();
  shelves.put(thread("a", { temporary: true }));
  shelves.look("archive");
  shelves.put(thread("a", { temporary: true, archived: true }));
  assert.deepEqual([shelves.loose, shelves.aside], [[], []]);
});

test("tags as they are typed", () => {
  assert.deepEqual(tagsIn(" Q3, #for  Bob,, Q3 , #"), ["Q3", "for Bob"]);
});

test("a draft is saved once after the last key, and at once when it is left", async () => {
  const saved: string[] = [];
  const keeper = new DraftKeeper("old", async (text) => saved.push(text), 20);
  for (const text of ["D", "De", "Dear"]) keeper.edit(text);
  await pause(60);
  assert.deepEqual(saved, ["Dear"]);
  keeper.edit("Dear all");
  keeper.flush();
  keeper.flush();
  keeper.edit("Dear all");
  await pause(60);
  assert.deepEqual(saved, ["Dear", "Dear all"]);
});

test("a draft that could not be saved is saved with the next key", async () => {
  let num = 0;
  const keeper = new DraftKeeper("", async () => { num += 1; throw new Error("offline"); }, 5);
  keeper.edit("Dear");
  await pause(30);
  keeper.edit("Dear");
  await pause(30);
  assert.equal(num, 2);
});
