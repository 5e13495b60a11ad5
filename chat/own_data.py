"""Everything that Hearth keeps of an employee, as one zip that is made while it is read.

No more than one thread or 64 KiB of a file is in memory at a time, and nothing is written to disk. What is in it:
account.json, folders.json, drafts.json, ratings.json, shares.json, threads/ and trash/ (JSON, which Hearth can import
again, and Markdown), documents/ (the files as they were uploaded). Left out: the text of documents and their vectors,
which are made of the files, and secrets, which are kept as hashes alone.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import IO, Any, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from django.http import StreamingHttpResponse
from django.utils import timezone, translation
from django.utils.text import get_valid_filename

from chat import exporting
from chat.database import in_thread
from chat.models import ApiKey, Assistant, Draft, Employee, Folder, Message, Rating, SavedPrompt, Share, Thread
from chat.visible import visible_sources
from rag.models import Document, Version

PIECE_BYTES = 64 * 1024
Part = tuple[str, Iterable[bytes]]  # a name in the zip, and its bytes in pieces


def pieces(employee: Employee, language: str | None) -> Iterator[bytes]:
    """The zip from its first byte to its last. Each piece may cost a few queries."""
    pipe = _Pipe()
    with ZipFile(cast(IO[bytes], pipe), "w", ZIP_DEFLATED) as archive:  # zipfile asks for no more than a _Pipe has
        parts = _parts(employee)
        while part := _in(language, parts):
            name, chunks = part
            info = ZipInfo(name, timezone.localtime().timetuple()[:6])
            # Most uploads are packed already; packing them again costs a core and saves nothing.
            info.compress_type = ZIP_STORED if name.startswith("documents/") else ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as entry:
                for chunk in chunks:
                    entry.write(chunk)
                    if data := pipe.take():
                        yield data
    yield pipe.take()


def _in(language: str | None, parts: Iterator[Part]) -> Part | None:
    """The next part, in the employee's language, whichever thread makes it."""
    with translation.override(language):
        return next(parts, None)


class SteadyResponse(StreamingHttpResponse):
    """Piece by piece as the reader keeps up; Django would collect a synchronous iterator before its first byte."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        made = iter(self.streaming_content)  # type: ignore[arg-type]  # ours is never asynchronous
        advance: Callable[..., bytes | None] = next
        while (piece := await in_thread(advance, made, None)) is not None:
            yield piece


class _Pipe:
    """What zipfile writes, until it is taken. Without seek: zipfile then writes sizes behind each file."""

    def __init__(self) -> None:
        self._data: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._data.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        data, self._data = b"".join(self._data), []
        return data


def _parts(employee: Employee) -> Iterator[Part]:
    yield _json("account.json", _account(employee))
    yield _json("folders.json", [folder.summary() for folder in Folder.objects.for_employee(employee).in_order()])
    assistants = Assistant.objects.owned_by(employee).in_order()
    yield _json("assistants.json", [assistant.summary(employee) for assistant in assistants])
    saved = SavedPrompt.objects.owned_by(employee).in_order()
    yield _json("prompts.json", [prompt.summary(employee) for prompt in saved])
    drafts = Draft.objects.for_employee(employee).values("thread_id", "text", "updated_at")
    yield _json("drafts.json", list(drafts))
    ratings = Rating.objects.for_employee(employee).order_by("updated_at")
    yield _json("ratings.json", [{"answer": row.pk, "model": row.model_name} | row.summary() for row in ratings])
    shares = Share.objects.for_employee(employee).order_by("created_at")
    yield _json("shares.json", [share.summary() | {"messages": share.messages} for share in shares.iterator()])
    threads = Thread.objects.filter(owner=employee).order_by("created_at")
    for thread_id, deleted_at in list(threads.values_list("pk", "deleted_at")):
        thread = threads.filter(pk=thread_id).select_related("folder").first()
        if thread is not None:  # deleted while this is read
            yield from _thread(employee, thread, "trash" if deleted_at else "threads")
    for document_id in list(_documents(employee).values_list("pk", flat=True)):
        document = _documents(employee).filter(pk=document_id).select_related("newest_version").first()
        version = document.shown_version if document is not None else None
        if document is not None and version is not None:
            yield from _file(document, version)


def _account(employee: Employee) -> dict[str, Any]:
    keys = ApiKey.objects.for_employee(employee).values("label", "prefix", "created_at", "last_used_at")
    fields = ("email", "name", "language", "is_admin", "created_at", "last_login")
    return {name: getattr(employee, name) for name in fields} | {"keys": list(keys), "exported_at": timezone.now()}


def _thread(employee: Employee, thread: Thread, folder: str) -> Iterator[Part]:
    messages = list(Message.objects.filter(thread=thread).in_order())
    visible_sources(employee, messages)
    name = f"{folder}/{_name(thread.title, 'thread')}-{thread.pk.hex[:8]}"
    yield _json(f"{name}.json", exporting.tree(thread, messages))
    by_id = {message.pk: message for message in messages}
    branch = [by_id[pk] for pk in thread.tree().branch(thread.tip_id) if pk in by_id]
    yield f"{name}.md", [exporting.markdown(thread, branch).encode()]


def _documents(employee: Employee) -> Any:
    """What lies in a collection is the collection's, whoever brought it there."""
    own = Document.objects.filter(owner_id=employee.pk, collection=None, deleted_at=None)
    return own.order_by("created_at")


def _file(document: Document, version: Version) -> Iterator[Part]:
    ending = version.format.extensions[0]
    title = document.title.removesuffix(ending)
    name = f"documents/{_name(title, 'document')}-{document.pk.hex[-8:]}{ending}"
    if version.path.exists():
        yield name, _read(version.path.open("rb"))


def _read(file: Any) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _json(name: str, value: Any) -> Part:
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n"
    return name, [text.encode("utf-8", "replace")]


def _name(title: str, otherwise: str) -> str:
    """Fit for every file system; never a path."""
    return get_valid_filename(title[:80].strip(". ") or otherwise).strip("._-") or otherwise
