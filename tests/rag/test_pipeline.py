"""From upload to ready, whatever is killed, doubled or lost on the way."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.utils import translation

from inference.client import Client
from inference.errors import Unreachable
from rag import embedding, extract, golden, indexing, ingest, maintenance, search, shards, spaces, vectors
from rag.errors import ChildKilled, UnreadableFile, UnsuitableModel
from rag.models import Batch, Chunk, Document, Embedding, LexemeFrequency, Page, Shard, Space, Version
from rag.signals import document_changed
from rag.split import excerpts
from tests.rag.workbench import HANDBOOK, expire_leases, library, pdf, read, scanned_pdf, upload

LONG = [[f"{n + 1} Section", *[f"Paragraph {n} {m} says something of its own." for m in range(9)]] for n in range(90)]


def num_excerpts(space: Space) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {space.excerpts}")
        return int(cursor.fetchone()[0])


def test_a_document_becomes_ready(alice: Any, space: Space) -> None:
    """Pages, chunks and vectors are there, counted, and anchored in the text they came from."""
    document = library(alice)
    state = document.state()
    assert (state.status, state.is_searchable, state.is_ready, state.error) == ("ready", True, True, "")
    assert state.num_pages == state.num_pages_done == 3
    assert state.num_chunks == state.num_chunks_embedded == Embedding.objects.count() > 0
    assert num_excerpts(space) == sum(len(excerpts(chunk.body)) for chunk in Chunk.objects.all()) > 0
    for chunk in Chunk.objects.all():
        cut = " ".join(document.page(page_no).text[start:end] for page_no, start, end in chunk.spans)
        assert cut.split() == chunk.body.split()
    assert document.page(2).shown_label == "3"


def test_words_can_be_searched_before_anything_is_embedded(alice: Any, space: Space) -> None:
    """Searchable comes first; the page shows both."""
    document = upload(alice, pdf(HANDBOOK))
    version_id = document.newest_version_id or 0
    ingest.probe(version_id)
    shards.extract()
    indexing.chunk(version_id)
    state = Document.objects.get(pk=document.pk).state()
    assert (state.status, state.is_searchable, state.is_ready, state.num_chunks_embedded) == (
        "embedding",
        True,
        False,
        0,
    )


def test_without_an_embedding_model_documents_stay_searchable_and_catch_up(
    alice: Any, settings: Any, request: Any
) -> None:
    """The model may be chosen after the first upload."""
    settings.HEARTH_INFERENCE_URL = "http://127.0.0.1:1"
    document = library(alice)
    assert document.state().status == "searchable"
    request.getfixturevalue("space")
    maintenance.sweep()
    embedding.embed()
    assert Document.objects.get(pk=document.pk).state().status == "ready"


def test_documents_of_an_earlier_release_get_their_excerpts(alice: Any, space: Space) -> None:
    """A sweep lays them out, and the documents stay ready meanwhile. A space opened by that release has its table."""
    document = library(alice)
    wanted = num_excerpts(space)
    Batch.objects.filter(is_of_excerpts=True).delete()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {space.excerpts}")
    maintenance.sweep()
    assert Document.objects.get(pk=document.pk).state().is_ready
    embedding.embed()
    assert num_excerpts(space) == wanted > 0


def test_every_step_may_run_twice(alice: Any, space: Space) -> None:
    """Bells that ring again double nothing."""
    document = library(alice)
    version_id = document.newest_version_id or 0
    counts = (Page.objects.count(), Chunk.objects.count(), Embedding.objects.count())
    words = dict(LexemeFrequency.objects.values_list("word", "num_chunks"))
    for _ in range(2):
        ingest.probe(version_id)
        shards.extract()
        indexing.chunk(version_id)
        embedding.embed()
        maintenance.sweep()
    assert (Page.objects.count(), Chunk.objects.count(), Embedding.objects.count()) == counts
    assert dict(LexemeFrequency.objects.values_list("word", "num_chunks")) == words


class Killed(BaseException):
    """What SIGKILL looks like from inside: no handler of the code runs on."""


@pytest.mark.parametrize("where", ["probe", "pages", "split", "vectors"])
def test_a_worker_killed_anywhere_is_followed_by_another(
    alice: Any, space: Space, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Its lease runs out, the step is done again, nothing is doubled or lost."""
    target = {
        "probe": (extract, "probe"),
        "pages": (extract, "pages"),
        "split": (indexing, "split"),
        "vectors": (embedding, "_vectors"),
    }[where]
    real = getattr(*target)
    calls = []

    def die_once(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 1:
            raise Killed
        return real(*args)

    monkeypatch.setattr(*target, die_once)
    document = upload(alice, pdf(LONG))
    with pytest.raises(Killed):
        read(document)
    assert read(document).state().status != "ready", "the lease must hold while it runs"
    expire_leases()
    state = read(document).state()
    assert (state.status, state.num_pages_done) == ("ready", 90)
    assert Page.objects.count() == 90
    assert state.num_chunks == Chunk.objects.count() == Embedding.objects.count()


def test_a_lost_bell_is_rung_again(alice: Any, space: Space, no_broker: list[tuple[str, tuple[object, ...]]]) -> None:
    """A broker that forgets everything costs a sweep."""
    document = upload(alice, pdf(HANDBOOK))
    for expected, step in (
        ("probe", lambda: ingest.probe(document.newest_version_id or 0)),
        ("extract", shards.extract),
        ("chunk", lambda: indexing.chunk(document.newest_version_id or 0)),
        ("embed", embedding.embed),
    ):
        no_broker.clear()
        maintenance.sweep()
        assert expected in [task for task, _args in no_broker]
        step()
    no_broker.clear()
    maintenance.sweep()
    assert no_broker == []


def test_reading_goes_before_embedding(alice: Any, space: Space) -> None:
    """A worker that is busy with vectors reads a new document between two batches, without its bell."""
    long = upload(alice, pdf(LONG), "Long.pdf")
    ingest.probe(long.newest_version_id or 0)
    shards.extract()
    indexing.chunk(long.newest_version_id or 0)
    short = upload(alice, pdf(HANDBOOK))
    embedding.embed()
    ready = {row.document_id: row.searchable_at for row in Version.objects.all()}
    assert ready[short.pk] is not None
    assert Document.objects.get(pk=short.pk).state().status == "ready"


def test_a_late_worker_writes_nothing(alice: Any, space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its shard was given to another meanwhile; only the holder's pages count."""
    document = upload(alice, pdf(HANDBOOK))
    ingest.probe(document.newest_version_id or 0)
    real = extract.pages

    def lose_the_lease(*args: Any) -> Any:
        Shard.objects.update(attempt=7)
        return real(*args)

    monkeypatch.setattr(extract, "pages", lose_the_lease)
    shards.extract()
    assert not Page.objects.exists()
    assert Version.objects.get().num_pages_done == 0


def test_cancelling_ends_a_reader_that_is_at_work(
    alice: Any, space: Space, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A long read renews its lease and stops when nobody wants it any more."""
    document = upload(alice, pdf(HANDBOOK))
    ingest.probe(document.newest_version_id or 0)
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(extract, "CHILD", sleeper)
    monkeypatch.setattr(extract, "ASK_SECONDS", 0.1)
    asked = []

    def renew(shard: Shard) -> bool:
        asked.append(real(shard))
        if len(asked) == 2:
            Document.objects.get(pk=document.pk).cancel()
        return asked[-1]

    real = shards._renew
    monkeypatch.setattr(shards, "_renew", renew)
    shards.extract()
    assert asked == [True, True, False]
    assert Document.objects.get(pk=document.pk).state().status == "cancelled"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"%PDF-1.7 cut off here", "broken"),
        (pdf([["Shut", "Words."]], userPassword="user", ownerPassword="owner"), "needs_password"),
        (scanned_pdf(), "no_text"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(alice: Any, space: Space, content: bytes, code: str) -> None:
    """Failed once, with a sentence, in the reader's language, and not searchable."""
    state = read(upload(alice, content)).state()
    assert (state.status, state.error_code, state.is_searchable) == ("failed", code, False)
    with translation.override("en"):
        assert state.error.endswith(".")


def test_a_bomb_is_tried_twice_and_harms_nobody_else(alice: Any, space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that kills its reader fails; the next document is read as ever."""
    bad = upload(alice, pdf(HANDBOOK), "bomb.pdf")
    good = upload(alice, pdf(HANDBOOK))
    real, bad_path = extract.pages, bad.open_file()
    killed = _raise(ChildKilled("SIGABRT"))
    monkeypatch.setattr(extract, "pages", lambda path, *args: killed() if path == bad_path else real(path, *args))
    assert read(bad).state().error_code == "killed"
    assert Shard.objects.get(version__document=bad).attempt == 2
    assert read(good).state().status == "ready"


def test_a_failed_document_can_be_retried(alice: Any, space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry starts again; a document that did not fail does not care."""
    working = extract.probe
    monkeypatch.setattr(extract, "probe", _raise(UnreadableFile("broken")))
    document = read(upload(alice, pdf(HANDBOOK)))
    assert document.state().status == "failed"
    monkeypatch.setattr(extract, "probe", working)
    document.open_file()
    document.retry()
    assert read(document).state().status == "ready"
    document.retry()
    assert Document.objects.get(pk=document.pk).state().status == "ready"


def test_a_reader_killed_once_is_no_verdict(alice: Any, space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine may have been short of memory for a moment."""
    real, calls = extract.probe, []

    def killed_once(path: Any, *args: Any) -> Any:
        calls.append(path)
        if len(calls) == 1:
            raise ChildKilled("SIGKILL")
        return real(path, *args)

    monkeypatch.setattr(extract, "probe", killed_once)
    assert read(upload(alice, pdf(HANDBOOK))).state().status == "ready"


def test_inference_away_delays_and_fails_nothing(alice: Any, space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """Embedding waits for the service; the document stays searchable meanwhile."""
    document, working = upload(alice, pdf(HANDBOOK)), embedding._vectors
    monkeypatch.setattr(embedding, "_vectors", _raise(Unreachable("away")))
    read(document)
    assert Document.objects.get(pk=document.pk).state().status == "embedding"
    monkeypatch.setattr(embedding, "_vectors", working)
    expire_leases()
    assert read(document).state().status == "ready"


def test_cancelling_stops_the_work(alice: Any, space: Space) -> None:
    """Nothing is read after a cancel; retry takes it up again."""
    document = upload(alice, pdf(HANDBOOK))
    document.cancel()
    assert read(document).state().status == "cancelled"
    assert not Page.objects.exists()
    document.retry()
    assert read(document).state().status == "ready"


def test_deleting_is_at_once_and_leaves_nothing(alice: Any, space: Space) -> None:
    """Invisible when the request ends; file, pages, chunks, vectors and words gone after maintenance."""
    document = library(alice)
    path = document.open_file()
    document.delete_for_everyone()
    assert not Document.objects.for_employee(alice).exists()
    maintenance.purge()
    maintenance.count_lexemes()
    assert not path.exists()
    assert list(path.parent.iterdir()) == []
    assert num_excerpts(space) == 0
    for model in (Document, Version, Page, Chunk, Embedding, Batch, Shard, LexemeFrequency):
        assert not model.objects.exists()  # type: ignore[attr-defined]


def test_counting_words_afresh_agrees_with_adding_them(alice: Any, space: Space) -> None:
    """The sums kept with each version are those of the whole."""
    library(alice)
    library(alice, [["4 Food", "The canteen serves lunch from noon."]], "Food.pdf")
    added = dict(LexemeFrequency.objects.values_list("word", "num_chunks"))
    maintenance.count_lexemes()
    assert dict(LexemeFrequency.objects.values_list("word", "num_chunks")) == added


def test_changes_are_announced(alice: Any, space: Space, django_capture_on_commit_callbacks: Any) -> None:
    """Whoever shows the document hears of every step, without its content."""
    heard: list[object] = []

    def listen(sender: type, **news: object) -> None:
        heard.append(news["document_id"])
        assert news.keys() == {"signal", "document_id"}

    document_changed.connect(listen)
    with django_capture_on_commit_callbacks(execute=True):
        document = library(alice)
    document_changed.disconnect(listen)
    assert len(heard) >= 4
    assert set(heard) == {document.pk}


def test_unsuitable_models_are_refused_with_a_sentence(space: Space) -> None:
    """A chat model or an unknown file cannot embed documents."""
    for model in ("fake-chat", "nothing"):
        with pytest.raises(UnsuitableModel) as refused:
            spaces.activate(model)
        assert model in refused.value.sentence


def test_another_model_takes_over_only_when_complete(alice: Any, space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches use the old vectors until every chunk has a new one; then the old ones go."""
    document = library(alice)
    other = Space(model="other-e5-model", num_dimensions=128, query_prefix="query: ", golden=[1.0] + [0.0] * 127)
    monkeypatch.setattr(spaces, "_examined", lambda model: other)
    real = Client.embed

    def embed(self: Client, model: str, texts: list[str], **more: Any) -> list[list[float]]:
        return [[1.0] + [0.0] * 127 for _ in texts] if model == other.model else real(self, model, texts, **more)

    monkeypatch.setattr(Client, "embed", embed)
    second = spaces.activate("other-e5-model")
    assert (second.status, second.query_prefix) == ("building", "query: ")
    assert spaces.active() == space
    maintenance.sweep()
    assert spaces.active() == space, "nothing is embedded in the new space yet"
    embedding.embed()
    assert spaces.progress(second)[0] == spaces.progress(second)[1] > 0
    maintenance.sweep()
    assert spaces.active() == second
    maintenance.purge()
    assert not Space.objects.filter(pk=space.pk).exists()
    assert Document.objects.get(pk=document.pk).state().status == "ready"
    assert second.partition == f"rag_embedding_128_{second.pk}"
    assert vectors.count(second, document.live_version_id or 0) == document.state().num_chunks
    assert not Embedding.objects.exists()
    assert search.passages("hotel rates", employee=alice).is_complete
    document.delete_for_everyone()
    maintenance.purge()
    assert vectors.count(second, document.live_version_id or 0) == 0


def test_a_model_that_changed_is_not_searched_until_it_is_indexed_again(
    alice: Any, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words go on alone, nothing more is embedded, the admin reads why; choosing the model again makes it right."""
    document = library(alice)
    assert spaces.states()["fake-embed"] == {"status": "active", "num_done": 2, "num_all": 2, "problem": ""}
    real = golden.vector
    monkeypatch.setattr(golden, "vector", lambda *args: [-value for value in real(*args)])
    golden.forget()
    found = search.passages("hotel rates", employee=alice)
    assert found.passages
    assert not found.is_complete
    assert "by words alone" in spaces.states()["fake-embed"]["problem"]
    other = library(alice, name="Other.pdf")
    embedding.embed()
    assert not Document.objects.get(pk=other.pk).state().is_ready
    again = spaces.activate("fake-embed")
    assert again.pk != space.pk
    assert search.passages("hotel rates", employee=alice).is_complete
    embedding.embed()
    assert Document.objects.get(pk=document.pk).state().is_ready
    assert Document.objects.get(pk=other.pk).state().is_ready


def test_a_model_that_is_what_it_was_again_is_searched_again(
    alice: Any, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Putting the old file back is enough, and a service that is away accuses nobody."""
    library(alice)
    with monkeypatch.context() as changed:
        changed.setattr(golden, "vector", lambda *args: [1.0] + [0.0] * 383)
        golden.forget()
        assert not spaces.is_sound(space)
    golden.forget()
    with monkeypatch.context() as away:
        away.setattr(golden, "vector", _raise(Unreachable("away")))
        assert not spaces.is_sound(Space.objects.get(pk=space.pk)), "what was known before holds"
    assert spaces.is_sound(Space.objects.get(pk=space.pk))
    assert search.passages("hotel rates", employee=alice).is_complete


def test_a_file_with_the_wrong_pooling_is_refused(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its vectors would look right and find nothing."""
    info = replace(spaces.client().models()[1], id="bge-small", kind="embedding", pooling="mean")
    monkeypatch.setattr("inference.client.Client.models", lambda self: [info])
    with pytest.raises(UnsuitableModel) as refused:
        spaces.activate("bge-small")
    assert "mean" in refused.value.sentence
    assert "cls" in refused.value.sentence


def test_two_requests_are_under_way_while_vectors_are_stored(
    alice: Any, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine has the next batch before the last one is in the database."""
    monkeypatch.setattr(spaces, "BATCH_CHUNKS", 1)
    num_running, are_two = [0], threading.Event()
    real = embedding._vectors

    def counted(used: Space, texts: list[str]) -> list[list[float]]:
        num_running[0] += 1
        if num_running[0] == embedding.NUM_IN_FLIGHT:
            are_two.set()
        assert are_two.wait(20), "the first request was answered before there was a second"
        num_running[0] -= 1
        return real(used, texts)

    monkeypatch.setattr(embedding, "_vectors", counted)
    assert library(alice).state().is_ready


def _raise(error: BaseException) -> Any:
    def fail(*_args: object) -> None:
        raise error

    return fail
