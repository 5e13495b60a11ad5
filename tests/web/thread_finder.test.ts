import assert from "node:assert/strict";
import { test } from "node:test";
import type { ThreadHit } from "../../static/ts/lib/protocol";
import { ThreadFinder } from "../../static/ts/models/thread_finder";

const hit = (id: string): ThreadHit => ({ id, title: id, updated_at: "", pinned: false, archived: false, deleted: false, folder: null, tags: [], unread: false, temporary: false, snippet: [] });
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("asks a moment after the last key, and not for one letter", async () => {
  const asked: string[] = [];
  const finder = new ThreadFinder(async (words) => (asked.push(words), [hit(words)]), () => {});
  for (const words of ["t", "tr", "tra", "trav"]) finder.find(words);
  assert.equal(finder.isDone, false);
  await pause(250);
  assert.deepEqual(asked, ["trav"]);
  assert.deepEqual([finder.isDone, finder.hits[0]?.id], [true, "trav"]);
  finder.find("t");
  assert.deepEqual([finder.isDone, finder.hits], [true, []]);
});

test("an answer that comes too late is forgotten", async () => {
  const finder = new ThreadFinder((words) => pause(words === "slow" ? 500 : 0).then(() => [hit(words)]), () => {});
  finder.find("slow");
  await pause(220);
  finder.find("quick");
  await pause(600);
  assert.equal(finder.hits[0]?.id, "quick");
});

test("a server that does not answer leaves nothing pending", async () => {
  let changes = 0;
  const finder = new ThreadFinder(() => Promise.reject(new Error("away")), () => (changes += 1));
  finder.find("words");
  await pause(250);
  assert.deepEqual([finder.isDone, finder.hits, changes], [true, [], 1]);
});
