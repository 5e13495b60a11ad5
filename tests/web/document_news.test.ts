import assert from "node:assert/strict";
import { test } from "node:test";
import { DocumentNews } from "../../static/ts/models/document_news";

const state = (id: string, status: string): { id: string; status: string } => ({ id, status });

test("what was told while an answer was on its way is newer than the answer", () => {
  const news = new DocumentNews<{ id: string; status: string }>();
  news.tell(state("a", "extracting"));
  const mark = news.mark();
  assert.equal(news.newest(state("a", "embedding"), mark).status, "embedding");
  news.tell(state("a", "ready"));
  assert.equal(news.newest(state("a", "embedding"), mark).status, "ready");
  assert.equal(news.newest(state("b", "queued"), mark).status, "queued");
  assert.deepEqual(news.since(mark), [state("a", "ready")]);
});

test("an answer that was asked for after the last word is the newest", () => {
  const news = new DocumentNews<{ id: string; status: string }>();
  news.tell(state("a", "ready"));
  const mark = news.mark();
  assert.equal(news.newest(state("a", "cancelled"), mark).status, "cancelled");
  assert.deepEqual(news.since(mark), []);
});
