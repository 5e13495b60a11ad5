"""Threads from other programs: whole, once, with their branches and dates; and files that mean harm."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from django.test import Client

from chat import exporting, tasks
from chat.importing import archive, keeping, pieces
from chat.importing.said import Node, Said, in_order
from chat.models import Employee, Message, Thread, ThreadImport
from tests.factories import make_thread, make_turn

pytestmark = pytest.mark.django_db

JSON = {"content_type": "application/json"}


def node(key: str, parent: str | None, role: str, *parts: Any, **more: Any) -> dict[str, Any]:
    content = {"content_type": "text", "parts": list(parts)} | more.pop("content", {})
    message = {"id": key, "author": {"role": role}, "content": content, "create_time": 1_700_000_000.5} | more
    return {"id": key, "parent": parent, "children": [], "message": message}


def chatgpt(key: str = "c1", **more: Any) -> dict[str, Any]:
    """A question with two answers, the first of which went on; and what is not for people."""
    rows = [
        {"id": "root", "parent": None, "children": [], "message": None},
        node("sys", "root", "system", "You are helpful"),
        node("q1", "sys", "user", "How much?"),
        node("tool", "q1", "tool", "search result"),
        node("a1", "tool", "assistant", "180 EUR", metadata={"model_slug": "gpt-4o"}),
        node("a2", "q1", "assistant", "200 EUR", metadata={"model_slug": "o3"}),
        node("q2", "a1", "user", {"content_type": "image_asset_pointer", "asset_pointer": "x"}, "And this?"),
    ]
    item = {"title": "Hotels", "create_time": 1_700_000_000.0, "update_time": 1_700_000_100.0, "conversation_id": key}
    return item | {"current_node": "a2", "mapping": {row["id"]: row for row in rows}} | more


def open_webui(key: str = "w1") -> dict[str, Any]:
    thoughts = '<details type="reasoning" done="true">secret</details>\n'
    messages = {
        "m1": {"id": "m1", "parentId": None, "role": "user", "content": "Hi", "timestamp": 1_700_000_000},
        "m2": {"id": "m2", "parentId": "m1", "role": "assistant", "content": f"{thoughts}Hello", "model": "llama3:8b"},
        "m3": {"id": "m3", "parentId": "m1", "role": "assistant", "content": "Good day", "model": "qwen"},
    }
    chat = {"title": "Greeting", "history": {"messages": messages, "currentId": "m2"}}
    return {"id": key, "title": "Greeting", "chat": chat, "created_at": 1_700_000_000, "meta": {"tags": ["x"]}}


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return out.getvalue()


def brought(client: Client, data: bytes, name: str = "conversations.json") -> dict[str, Any]:
    """Sent in pieces through the page's door, read as the worker reads it; the state afterwards."""
    begun = client.post("/account/imports/", {"name": name, "size_bytes": len(data)}, **JSON)
    assert begun.status_code == 201, begun.content
    url = f"/account/imports/{begun.json()['import']['id']}/"
    for start in range(0, len(data), 1 << 20):
        sent = client.patch(
            url, data[start : start + (1 << 20)], content_type="application/octet-stream", HTTP_UPLOAD_OFFSET=str(start)
        )
        assert sent.status_code == 200, sent.content
    tasks.read_import.run(begun.json()["import"]["id"])
    state: dict[str, Any] = client.get(url).json()["import"]
    return state


def dumped(*items: Any) -> bytes:
    return json.dumps(list(items)).encode()


def test_chatgpt_with_branches_dates_and_models(alice: Employee, alices_browser: Client) -> None:
    """Both answers, the shown one shown; system and tools are skipped and counted, pictures named."""
    state = brought(alices_browser, packed({"conversations.json": dumped(chatgpt()), "user.json": b"{}"}), "export.zip")
    found = {name: state["result"][name] for name in ("num_new", "num_left_out", "num_hidden", "num_images")}
    assert (state["status"], found) == ("done", {"num_new": 1, "num_left_out": 0, "num_hidden": 2, "num_images": 1})
    thread = Thread.objects.for_employee(alice).get()
    assert (thread.title, thread.created_at.year, thread.updated_at.timestamp()) == ("Hotels", 2023, 1_700_000_100.0)
    branch = alices_browser.get(f"/threads/{thread.pk}/branch/").json()["messages"]
    assert [(message["text"], message["model"]) for message in branch] == [("How much?", ""), ("200 EUR", "o3")]
    assert len(branch[1]["siblings"]) == 2
    asked = Message.objects.get(thread=thread, text__contains="And this?")
    assert "[picture left out]" in asked.text
    assert "*" not in asked.text, "a question is shown as it was typed"
    assert asked.parent is not None
    assert asked.parent.model_name == "gpt-4o"


def test_open_webui(alice: Employee, alices_browser: Client) -> None:
    """Also the older form, a plain list; thoughts stay behind."""
    old = {"id": "w2", "chat": {"title": "Old", "messages": [{"role": "user", "content": "One"}]}}
    state = brought(alices_browser, dumped(open_webui(), old), "chat-export.json")
    assert state["result"]["num_new"] == 2
    thread = Thread.objects.for_employee(alice).get(title="Greeting")
    assert thread.tags == ["x"]
    branch = alices_browser.get(f"/threads/{thread.pk}/branch/").json()["messages"]
    assert [message["text"] for message in branch] == ["Hi", "Hello"]


def test_hearths_own(alice: Employee, bob: Employee, alices_browser: Client, bobs_browser: Client) -> None:
    """Where it came from it is there already; elsewhere it is a thread of the reader's own."""
    thread = make_thread(alice, "Budget", tags=["q3"])
    make_turn(thread, answer="180 EUR", message_status="complete")
    data = json.dumps(exporting.tree(thread, list(thread.messages.in_order()))).encode()
    assert brought(alices_browser, data)["result"]["num_there"] == 1
    assert brought(bobs_browser, packed({"threads/Budget-1.json": data}), "hearth.zip")["result"]["num_new"] == 1
    copy = Thread.objects.for_employee(bob).get()
    assert (copy.title, copy.tags, copy.messages.count(), copy.pk != thread.pk) == ("Budget", ["q3"], 2, True)


def test_twice_doubles_nothing_and_adds_what_was_said_since(alice: Employee, alices_browser: Client) -> None:
    brought(alices_browser, dumped(chatgpt(), chatgpt("c2")))
    again = brought(alices_browser, dumped(chatgpt(), chatgpt("c2")))["result"]
    assert (again["num_new"], again["num_there"], Thread.objects.for_employee(alice).count()) == (0, 2, 2)
    grown = chatgpt()
    grown["mapping"]["q3"] = node("q3", "a2", "user", "Why so dear?")
    more = brought(alices_browser, dumped(grown))["result"]
    assert (more["num_grown"], Message.objects.filter(text="Why so dear?").count()) == (1, 1)
    Thread.objects.for_employee(alice).first().delete_softly()  # type: ignore[union-attr]  # there are two
    assert brought(alices_browser, dumped(chatgpt(), chatgpt("c2")))["result"]["num_there"] == 2


def test_two_people_may_bring_the_same_file(bob: Employee, alices_browser: Client, bobs_browser: Client) -> None:
    for client in (alices_browser, bobs_browser):
        assert brought(client, dumped(chatgpt()))["result"]["num_new"] == 1


def test_the_reasons_for_what_is_left_out(alices_browser: Client) -> None:
    empty = chatgpt("c3") | {"mapping": {}}
    endless = chatgpt("c4")
    endless["mapping"]["q1"]["message"]["content"]["parts"] = ["x" * 600_000]
    state = brought(alices_browser, dumped(chatgpt(), empty, endless, {"some": "thing"}))
    assert state["result"]["num_left_out"] == 3
    assert state["result"]["reasons"] == {"no_messages": 1, "too_long": 1, "bad_shape": 1}
    assert any("too long" in reason for reason in state["reasons"])


BOMB = packed({"conversations.json": b"[" + b" " * 40_000_000 + b"]"})
_WHOLE = packed({"conversations.json": dumped(*(chatgpt(str(n), title=f"{n**9}") for n in range(50)))})
DAMAGED = _WHOLE[:300] + bytes(byte ^ 0x5A for byte in _WHOLE[300:320]) + _WHOLE[320:]
HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"[]", "no_threads"),
    "no json": (b"hello", "not_json"),
    "cut off": (dumped(chatgpt())[:-20], "not_json"),
    "behind the end": (b"[] {}", "not_json"),
    "nested": (b'[{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]", "too_deep"),
    "a number of a million digits": (b'[{"mapping":{}, "create_time":' + b"9" * 1_000_000 + b"}]", "not_json"),
    "no number": (b'[{"mapping":{}, "create_time": NaN}]', "not_json"),
    "bomb": (BOMB, "unpacks_too_large"),
    "broken zip": (packed({"conversations.json": dumped(chatgpt())})[:-30], "broken"),
    "damaged inside": (DAMAGED, "broken"),
    "a zip of pictures": (packed({"a.png": b"x", "../conversations.json.exe": b"x"}), "no_threads"),
    "a zip in a zip": (packed({"inner.zip": packed({"conversations.json": dumped(chatgpt())})}), "no_threads"),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_files_that_mean_harm(alice: Employee, alices_browser: Client, name: str) -> None:
    """A sentence and no thread; the file is gone."""
    data, code = HOSTILE[name]
    state = brought(alices_browser, data)
    row = ThreadImport.objects.for_employee(alice).get()
    assert (state["status"], row.error_code, bool(state["error"])) == ("failed", code, True)
    assert not row.path.exists()
    assert not Thread.objects.for_employee(alice).exists()


@pytest.mark.parametrize(
    "change",
    [
        {"create_time": 1e308},
        {"create_time": -5},
        {"create_time": "9999999-01-01"},
        {"create_time": True},
        {"title": {"a": 1}},
        {"title": "\x00\ud800x"},
        {"title": "y" * 100_000},
        {"current_node": "nobody"},
        {"current_node": ["a"]},
    ],
)
def test_fields_of_any_kind(alice: Employee, alices_browser: Client, change: dict[str, Any]) -> None:
    """What a field says wrongly is left away; the conversation comes all the same."""
    assert brought(alices_browser, dumped(chatgpt(**change)))["result"]["num_new"] == 1
    assert Thread.objects.for_employee(alice).get().messages.count() == 4


def test_circles_and_lost_parents(alices_browser: Client) -> None:
    item = chatgpt()
    item["mapping"]["q1"]["parent"] = "a1"
    item["mapping"]["q2"]["parent"] = "nobody"
    assert brought(alices_browser, dumped(item))["result"]["num_new"] == 1


def test_a_long_chain_needs_no_stack() -> None:
    nodes = {str(n): Node(str(n - 1) if n else None, Said(str(n), None, True, "x")) for n in reversed(range(5_000))}
    ordered = in_order(nodes)
    assert [said.key for said in ordered] == [str(n) for n in range(5_000)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_wherever_the_text_is_cut(size: int) -> None:
    """The pieces of a file have nothing to do with its contents: escapes, braces in strings, letters of four bytes."""
    wanted = [{"a": 'x"}]{\\'}, {"b": [1, {"c": "ü😀\n"}]}]
    data = json.dumps(wanted, ensure_ascii=False).encode()
    assert list(pieces.items(data[at : at + size] for at in range(0, len(data), size))) == wanted


def test_what_really_comes_out_is_counted(alice: Employee, alices_browser: Client, monkeypatch: Any) -> None:
    """What was read before the budget ended stays."""
    monkeypatch.setattr(archive, "MAX_JSON_BYTES", 10)
    data = packed({"conversations.json": dumped(chatgpt())})
    assert brought(alices_browser, data)["status"] == "failed"


def test_pieces_and_limits_at_the_door(alice: Employee, alices_browser: Client, settings: Any) -> None:
    settings.HEARTH_UPLOAD_MAX_BYTES = 100
    assert alices_browser.post("/account/imports/", {"name": "a", "size_bytes": 101}, **JSON).status_code == 413
    assert alices_browser.post("/account/imports/", {"name": "a", "size_bytes": 0}, **JSON).status_code == 400
    row = ThreadImport.begin(alice, "a.json", 10)
    raw = {"content_type": "application/octet-stream"}
    url = f"/account/imports/{row.pk}/"
    assert alices_browser.patch(url, b"12345", HTTP_UPLOAD_OFFSET="5", **raw).status_code == 409
    assert alices_browser.patch(url, b"12345", HTTP_UPLOAD_OFFSET="0", **raw).status_code == 200
    assert alices_browser.patch(url, b"12345", HTTP_UPLOAD_OFFSET="0", **raw).json()["import"]["received_bytes"] == 5
    assert alices_browser.patch(url, b"123456", HTTP_UPLOAD_OFFSET="5", **raw).status_code == 413
    assert alices_browser.patch(url, b"1", HTTP_UPLOAD_OFFSET="x", **raw).status_code == 400
    alices_browser.delete(url)
    assert not row.path.exists()


def test_a_worker_that_died_is_followed_by_another(alice: Employee, alices_browser: Client, monkeypatch: Any) -> None:
    """Half of it was kept; the whole is there once in the end."""
    calls = []

    def keep(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise SystemExit
        return kept(*arguments)

    kept = keeping.keep
    monkeypatch.setattr(keeping, "keep", keep)
    with pytest.raises(SystemExit):
        brought(alices_browser, dumped(chatgpt(), chatgpt("c2")))
    row = ThreadImport.objects.for_employee(alice).get()
    assert row.status == "reading"
    ThreadImport.objects.filter(pk=row.pk).update(updated_at="2026-01-01T00:00Z")
    tasks.read_import.run(str(row.pk))
    row.refresh_from_db()
    assert (row.status, row.result["num_new"], row.result["num_there"]) == ("done", 1, 1)
