"""Asking: the right page is found, and nobody finds what is not theirs."""

from __future__ import annotations

import random
import socket
import time
import uuid
from typing import Any

import pytest
from django.db import connection, transaction

from inference.client import Client
from inference.errors import ModelBroken, UnknownModel, Unreachable
from rag import citations, citing, fusion, marks, principals, query, reranking, retrieval, search, spaces, vectors
from rag.models import Access, Chunk, Citation, Document, Principal, Space
from tests.rag.workbench import HANDBOOK, HOTEL, library

POLICIES = [
    ["1 Catering", "The canteen opens at noon and closes at two. Guests pay seven euros for lunch."],
    ["2 Parking", "Parking spaces with chargers are reserved for electric cars until six in the evening."],
    ["3 Printers", "Toner cartridges of type TN-2410 are kept in the cupboard beside printer B7."],
    ["4 Visitors", "Visitors sign in at the reception and wear a badge at all times in the building."],
    ["5 Urlaub", "Der Urlaub wird zwei Wochen vorher im Kalender eingetragen und von der Leitung genehmigt."],
]


@pytest.fixture
def handbook(alice: Any, space: Space) -> Document:
    return library(alice)


@pytest.fixture
def policies(alice: Any, space: Space) -> Document:
    return library(alice, POLICIES, "Policies.pdf")


@pytest.mark.parametrize(
    ("question", "page_no"),
    [
        ("When does the canteen open for lunch?", 0),
        ("May I charge my electric car while parking?", 1),
        ("Where is TN 2410 toner?", 2),
        ('What does it say about "wear a badge"?', 3),
        ("Wie lange vorher muss ich Urlaube eintragen?", 4),
    ],
)
def test_a_question_finds_its_page(
    policies: Document, handbook: Document, alice: Any, question: str, page_no: int
) -> None:
    """By words in either language, by a part number however it is written."""
    result = search.passages(question, employee=alice)
    best = result.passages[0]
    assert (best.document_id, best.page_no, best.page_label) == (policies.pk, page_no, str(page_no + 1))
    assert best.heading == POLICIES[page_no][0]
    assert not result.weak
    assert result.is_complete


def test_the_nearest_excerpt_counts_for_its_chunk(policies: Document, alice: Any, bob: Any, space: Space) -> None:
    """A chunk whose own vector says little is found by one of its sentences, by whoever may read it."""
    vector = spaces.client().embed(space.model, [f"{space.query_prefix}zebra"])[0]
    last = Chunk.objects.order_by("-pk").first()
    assert last is not None
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {space.excerpts}")
    vectors.store_excerpts(space, last.version_id, [(last.pk, 0), (last.pk, 1)], [[-each for each in vector], vector])
    ids = list(Chunk.objects.values_list("pk", flat=True))
    for person, wanted in ((alice, last.pk), (bob, None)):
        with retrieval.snapshot() as cursor:
            seen = retrieval.visible(cursor, retrieval.Scope(principals.ids_of(person), None))
            found = retrieval.closest(cursor, seen, space, vector, ids)
        assert (found[0][0] if found else None) == wanted
        assert wanted is None or found[0][1] > 0.999
    assert search.passages("zebra", employee=alice).passages[0].chunk_id == last.pk


def test_small_words_and_forms_of_words_do_not_mislead(alice: Any, space: Space) -> None:
    """A table of names makes "itself" no rare word, and a word that is stemmed counts as much as a name that is not."""
    texts = [
        "Supply of coolant: Suppliers deliver the coolant and the supplies on Mondays.",
        "itself itself X Y Z itself",
    ]
    pages = [["1 Coolant", texts[0]], ["2 Table", texts[1]], *POLICIES]
    library(alice, pages, "Coolant.pdf")
    with retrieval.snapshot() as cursor:
        found = retrieval.terms(cursor, ["coolant", "itself", "supplies"], "english")
        assert [term.lexemes[0] for term in found.terms] == ["coolant", "suppli"]
        assert [term.lexemes for term in retrieval.terms(cursor, ["itself"], "english").terms] == [("itself",)]
        seen = retrieval.visible(cursor, retrieval.Scope(principals.ids_of(alice), None))
        one = query.build([query.Term(("coolant",), 1)], 7, 7)
        two = query.build([query.Term(("coolant", "coolants"), 1)], 7, 7)
        assert one is not None
        assert two is not None
        alone, beside = (retrieval.by_words(cursor, seen, each, 10.0)[0].score for each in (one, two))
    assert alone == pytest.approx(beside)


def test_words_alone_find_while_inference_is_away(policies: Document, alice: Any, settings: Any) -> None:
    """Half a search is better than an error, and it says that it is half."""
    settings.HEARTH_INFERENCE_URL = "http://127.0.0.1:1"
    result = search.passages("toner cartridges", employee=alice)
    assert result.passages[0].page_no == 2
    assert not result.is_complete


def test_only_the_documents_named_are_searched(policies: Document, handbook: Document, alice: Any) -> None:
    """A thread's documents are the limit of its questions; none named is none searched."""
    found = search.passages("canteen lunch", employee=alice, documents=[handbook])
    assert {passage.document_id for passage in found.passages} <= {handbook.pk}
    assert search.passages("canteen lunch", employee=alice, documents=[]).passages == []


def test_a_question_nobody_answers_is_weak(policies: Document, alice: Any) -> None:
    """Nothing stands out, and the result says so."""
    assert search.passages("zygote quasar", employee=alice).weak
    assert search.passages("   ", employee=alice).passages == []


def test_bob_finds_nothing_of_alices(handbook: Document, alice: Any, bob: Any) -> None:
    """Not with the exact sentence, not by naming her document, not in a count."""
    assert search.passages(HOTEL, employee=alice).passages[0].text.endswith(HOTEL)
    for documents in (None, [handbook]):
        result = search.passages(HOTEL, employee=bob, documents=documents)
        assert result == search.SearchResult()
    assert not Document.objects.for_employee(bob).exists()


def test_access_counts_from_the_next_question(handbook: Document, alice: Any, bob: Any) -> None:
    """Given, taken, deactivated, deleted: each is in force at once."""
    handbook.grant(principals.ensure_for(bob))
    assert search.passages(HOTEL, employee=bob).passages
    Access.objects.filter(principal=principals.ensure_for(bob)).delete()
    assert not search.passages(HOTEL, employee=bob).passages
    handbook.grant(Principal.objects.get(kind="everyone"))
    assert search.passages(HOTEL, employee=bob).passages
    bob.is_active = False
    assert not search.passages(HOTEL, employee=bob).passages
    handbook.delete_for_everyone()
    assert not search.passages(HOTEL, employee=alice).passages


def test_no_leak_in_random_combinations(alice: Any, bob: Any, space: Space) -> None:
    """Documents, grants and deletions at random: whatever is found is in for_employee."""
    dice = random.Random(11)
    people = [alice, bob]
    own = [principals.ensure_for(person) for person in people]
    everyone = Principal.objects.get(kind="everyone")
    documents = [
        library(dice.choice(people), [[f"{n} Secret", f"The password of vault {n} is swordfish."]], f"{n}.pdf")
        for n in range(6)
    ]
    for _round in range(25):
        document = dice.choice(documents)
        action = dice.randrange(4)
        if action == 0:
            document.grant(dice.choice([*own, everyone]))
        elif action == 1:
            Access.objects.filter(document=document, principal=dice.choice([*own, everyone])).delete()
        elif action == 2 and dice.random() < 0.2:
            document.delete_for_everyone()
        for person in people:
            named = dice.sample(documents, 3) if dice.random() < 0.5 else None
            result = search.passages(
                dice.choice(["password of the vault", "swordfish", "vault 3"]), employee=person, documents=named
            )
            allowed = set(Document.objects.for_employee(person).values_list("pk", flat=True))
            assert {passage.document_id for passage in result.passages} <= allowed
            wanted = allowed if named is None else allowed & {document.pk for document in named}
            assert bool(result.num_visible_chunks) == bool(wanted)


def test_many_documents_are_filtered_and_few_are_looked_up(
    handbook: Document, policies: Document, alice: Any, bob: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways of saying what may be seen find the same, and nothing of anybody else."""
    question = "When does the canteen open for lunch?"
    few = search.passages(question, employee=alice)
    monkeypatch.setattr(retrieval.scope, "FEW_VERSIONS", 0)
    many = search.passages(question, employee=alice)
    assert few.passages
    assert (many.passages, many.neighbours) == (few.passages, few.neighbours)
    library(bob, POLICIES, "Bob's.pdf")
    assert {each.document_id for each in search.passages(question, employee=alice).passages} <= {
        handbook.pk, policies.pk,
    }  # fmt: skip


def test_a_new_space_has_a_dense_graph(space: Space) -> None:
    """Whatever the table around it says: with 16 neighbours a point a million chunks lose some of the nearest."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.reloptions, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " JOIN pg_am a ON a.oid = c.relam WHERE i.indrelid = %s::regclass AND a.amname = 'hnsw'",
            [space.partition],
        )
        assert cursor.fetchall() == [(["m=24", "ef_construction=100"], True)]


def test_the_index_path_finds_what_the_exact_path_finds(
    policies: Document, handbook: Document, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the limit HNSW takes over; on few rows both give the same order."""
    exact = search.passages("visitors badge", employee=alice).passages
    monkeypatch.setattr(retrieval.scope, "EXACT_CHUNKS", 0)
    assert search.passages("visitors badge", employee=alice).passages == exact


def test_the_same_page_in_two_documents_is_found_once(handbook: Document, alice: Any) -> None:
    """A copy adds nothing to an answer."""
    library(alice, HANDBOOK, "Copy.pdf")
    texts = [passage.text for passage in search.passages("hotel rates approval", employee=alice).passages]
    assert len(texts) == len(set(texts))


@pytest.mark.django_db(transaction=True)
def test_a_search_is_one_read_only_snapshot(alice: Any) -> None:
    """Its statements cannot write and see one state of the data."""
    with retrieval.snapshot() as cursor:
        cursor.execute("SHOW transaction_read_only")
        assert cursor.fetchone() == ("on",)
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("1500ms",)
    with transaction.atomic(), retrieval.snapshot() as cursor:
        cursor.execute("SHOW transaction_read_only")
        assert cursor.fetchone() == ("off",)


def test_a_mark_leads_to_its_sentence(handbook: Document, alice: Any, bob: Any) -> None:
    """The sentence that the answer rests on is quoted, and its box lies on the page where it is printed."""
    found = search.passages("hotel rates", employee=alice).passages
    message_id = uuid.uuid4()
    early = citing.store(message_id, dict(enumerate(found, start=1)))
    answer = "Rates above 180 EUR need approval of the cost centre. [1] Other things too."
    stored = citing.store(message_id, dict(enumerate(found, start=1)), answer)
    assert stored[1].pk == early[1].pk
    found_now = citations.resolve(alice, stored[1].pk)
    place = found_now.places[0]
    assert (place.quote, place.strength, place.page_no) == (HOTEL, "strong", 0)
    assert (found_now.document_title, place.page_label, found_now.is_current) == ("Handbook", "1", True)
    assert place.before.endswith("planned and paid at our company.")
    assert found_now.uses == [{"places": [0], "strength": "strong", "missing": []}]
    page = handbook.page(0)
    assert page.text[place.char_start : place.char_end] == HOTEL
    # Nothing of the paragraph or the heading before it.
    assert len(place.fractions) == 1
    left, top, right, bottom = place.fractions[0]
    assert 0.1 < left < right < 0.95
    assert 0.1 < top < bottom < 0.25
    assert [row.n for row in citations.for_message(alice, message_id)] == list(range(1, len(found) + 1))
    with pytest.raises(Citation.DoesNotExist):
        citations.resolve(bob, stored[1].pk)
    handbook.delete_for_everyone()
    with pytest.raises(Citation.DoesNotExist):
        citations.resolve(alice, stored[1].pk)
    assert citations.for_message(alice, message_id) == []


def test_the_best_come_with_what_stands_beside_them(alice: Any, bob: Any, space: Space) -> None:
    """In their own section, and for nobody who may not read the document."""
    paragraphs = [f"Paragraph {n} of the long chapter says its own things about {n} matters." for n in range(60)]
    document = library(alice, [["1 Chapter", *paragraphs[:30]], ["2 Other", "Hotel rates above 180 EUR."]], "Long.pdf")
    result = search.passages("paragraph 12 of the long chapter", employee=alice, documents=[document])
    best = result.passages[0]
    steps = {each.step for each in result.neighbours[best.chunk_id]}
    assert steps <= {-1, 1}
    assert all("Hotel" not in each.text for each in result.neighbours[best.chunk_id])
    with retrieval.snapshot() as cursor:
        nobody = retrieval.Scope(principals.ids_of(bob), None)
        seen = retrieval.visible(cursor, nobody)
        assert retrieval.neighbours(cursor, seen, [best.chunk_id]) == {}
        assert retrieval.rows(cursor, seen, [best.chunk_id]) == {}


def test_a_mark_without_support_is_weak(handbook: Document, alice: Any) -> None:
    """Never a wrong sentence: the passage as a whole, marked weak."""
    found = search.passages("hotel rates", employee=alice).passages
    stored = citing.store(uuid.uuid4(), {1: found[0]}, "Bananas are curved because of the sun [1].")
    assert stored[1].strength == "weak"
    assert stored[1].quote.startswith("1 Travel")


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("One [1]. Two [2][3].", {1, 2, 3}),
        ("Both [1, 4].", {1, 4}),
        ("Wide 【5】 brackets.", {5}),
        ("Code `a[1]` and\n```\nb[2]\n```\nend [3].", {3}),
        ("None [x] or [] here.", set()),
    ],
)
def test_marks_are_read_as_people_write_them(answer: str, numbers: set[int]) -> None:
    """All usual forms, none inside code."""
    assert marks.marks(answer).keys() == numbers


def test_a_mark_after_the_full_stop_belongs_to_the_sentence_before() -> None:
    """Models write it both ways."""
    assert marks.marks("It rains. [1] It snows [2].") == {
        1: [marks.marks("It rains [1].")[1][0]],
        2: ["It snows  ."],
    }


def test_short_lists_are_ranked_not_scaled() -> None:
    """Three hits have no scale: the second of both beats the first of one and last of the other."""
    fused = fusion.fuse({1: 0.9, 2: 0.89, 3: 0.1}, {2: 5.0, 4: 4.9}, 0.5)
    assert next(iter(fused)) == 2


def test_prefixes_follow_the_family() -> None:
    """A wrong prefix costs points silently."""
    assert spaces.habit_of("multilingual-e5-small-Q4_0").query_prefix == "query: "
    assert spaces.habit_of("all-MiniLM-L6-v2").passage_prefix == ""
    assert spaces.habit_of("bge-small-en-v1.5").query_prefix.startswith("Represent")


def test_a_second_ranking_changes_the_order(alice: Any, space: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a model for it is in force, what it prefers comes first, and the result says that it was asked."""
    library(alice)
    plain = search.passages("hotel rates approval", employee=alice)
    assert plain.reranked == ""
    last = plain.passages[-1]
    monkeypatch.setattr(
        Client, "rerank", lambda self, model, query, texts: [float(text.endswith(last.text)) for text in texts]
    )
    found = search.passages("hotel rates approval", employee=alice, rerank_model="fake-rerank")
    assert found.reranked == "done"
    assert found.passages[0].chunk_id == last.chunk_id
    assert {each.chunk_id for each in found.passages} == {each.chunk_id for each in plain.passages}


def test_a_second_ranking_through_the_service(alice: Any, space: Any) -> None:
    """The real door: request and scores."""
    library(alice)
    found = search.passages("hotel rates above 180 need approval", employee=alice, rerank_model="fake-rerank")
    assert found.reranked == "done"
    assert "180" in found.passages[0].text


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(ModelBroken("does not rank"), "unfit"), (Unreachable("ReadTimeout"), "late"), (UnknownModel("gone"), "late")],
)
def test_a_second_ranking_that_fails_leaves_the_order(
    alice: Any, space: Any, monkeypatch: pytest.MonkeyPatch, answer: Exception, outcome: str
) -> None:
    """Too slow, gone, or no better than chance: the search answers as without it, and says so."""
    library(alice)

    def rerank(self: Client, model: str, query: str, texts: list[str]) -> list[float]:
        raise answer

    monkeypatch.setattr(Client, "rerank", rerank)
    plain = search.passages("hotel rates", employee=alice)
    found = search.passages("hotel rates", employee=alice, rerank_model="fake-rerank")
    assert found.reranked == outcome
    assert found.passages == plain.passages


def test_a_service_that_hangs_is_not_waited_for(alice: Any, space: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that takes the question and says nothing costs the budget and no more."""
    library(alice)
    monkeypatch.setattr(reranking, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(reranking, "client", lambda: Client(url, "secret", reranking.SECONDS))
        began = time.monotonic()
        found = search.passages("hotel rates", employee=alice, rerank_model="fake-rerank")
    assert (found.reranked, bool(found.passages)) == ("late", True)
    assert time.monotonic() - began < 15


@pytest.mark.django_db(transaction=True)
def test_a_search_on_cold_disks_is_tried_again_with_more_time(
    alice: Any, space: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first statement that is cut off ends no question; the second try has the time it needs."""
    library(alice)
    plain = search.passages("hotel rates", employee=alice)
    allowed: list[float] = []
    real = retrieval.visible

    def slow(cursor: Any, scope: retrieval.Scope) -> retrieval.Visible:
        cursor.execute("SELECT extract(epoch FROM current_setting('statement_timeout')::interval), pg_sleep(0.3)")
        allowed.append(float(cursor.fetchone()[0]))
        return real(cursor, scope)

    monkeypatch.setattr(retrieval, "STATEMENT_SECONDS", 0.1)
    monkeypatch.setattr(retrieval, "visible", slow)
    assert search.passages("hotel rates", employee=alice).passages == plain.passages
    assert allowed == [retrieval.PATIENT_SECONDS]
