"""Who may do what: the expected answer of every route, method and socket frame. A route that is not here fails CI.

Audiences: nobody (not signed in), owner and other (two employees), admin, deactivated (signed in before that).
Each acts on an object of their own, on somebody else's, and on one that does not exist; the last two must look alike.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """Statuses. own, foreign, missing: for employees; admin_…: for admins; nobody: also for the deactivated."""

    own: int
    foreign: int
    missing: int
    admin_own: int
    admin_foreign: int
    admin_missing: int
    nobody: int = 401


def owned(ok: int) -> Row:
    """Its owner's alone. Being an admin opens nothing."""
    return Row(ok, 404, 404, ok, 404, 404)


def everyone(ok: int) -> Row:
    """Every employee; there is no object, or it is their own."""
    return Row(ok, ok, ok, ok, ok, ok)


def admins(ok: int, missing: int = 404) -> Row:
    """For everybody else the page does not exist."""
    return Row(404, 404, 404, ok, ok, missing)


def public(ok: int, missing: int | None = None) -> Row:
    """Without signing in."""
    gone = ok if missing is None else missing
    return Row(ok, ok, gone, ok, ok, gone, nobody=ok)


# /v1 takes keys; a cookie opens nothing there, whoever's it is.
KEYED = Row(401, 401, 401, 401, 401, 401)

ROUTES: dict[str, dict[str, Row]] = {
    "new_thread": {"GET": everyone(200)},
    "threads": {"GET": everyone(200)},
    "archive": {"GET": everyone(200)},
    "thread_search": {"GET": everyone(200)},
    "thread": {"GET": owned(200), "PATCH": owned(200), "DELETE": owned(200)},
    "restoration": {"POST": owned(200)},
    "trash": {"GET": everyone(200), "DELETE": everyone(200)},
    "trashed_thread": {"DELETE": owned(204)},
    "new_draft": {"PUT": everyone(204)},
    "draft": {"PUT": owned(204)},
    "seen": {"PUT": owned(204)},
    "thread_shares": {"GET": owned(200), "POST": owned(201)},
    "rating": {"PUT": owned(200), "DELETE": owned(204)},
    "shares": {"GET": everyone(200)},
    # Every employee who knows the link reads it; only its owner revokes it.
    "shared": {"GET": Row(200, 200, 404, 200, 200, 404), "DELETE": owned(204)},
    "share_copies": {"POST": Row(201, 201, 404, 201, 201, 404)},
    "folders": {"GET": everyone(200), "POST": everyone(201)},
    "folder": {"PATCH": owned(200), "DELETE": owned(204)},
    "branch": {"GET": owned(200), "PUT": owned(200)},
    "thread_markdown": {"GET": owned(200)},
    "thread_json": {"GET": owned(200)},
    "thread_word": {"GET": owned(200)},
    "thread_paper": {"GET": owned(200)},
    "forks": {"POST": owned(201)},
    "thread_document": {"PUT": owned(200), "DELETE": owned(204)},
    "documents": {"GET": everyone(200), "POST": everyone(201)},
    "upload": {"HEAD": owned(200), "PATCH": owned(200)},
    "document": {"GET": owned(200), "DELETE": owned(204)},
    "document_retry": {"POST": owned(200)},
    "document_cancel": {"POST": owned(200)},
    "document_place": {"PUT": owned(200)},
    "document_exceptions": {"GET": owned(200), "PUT": owned(200)},
    "document_file": {"GET": owned(200)},
    "document_page": {"GET": owned(200)},
    "collections": {"GET": everyone(200), "POST": everyone(201)},
    "collection": {"PATCH": owned(200), "DELETE": owned(204)},
    "collection_members": {"GET": owned(200)},
    "collection_member": {"PUT": owned(200), "DELETE": owned(200)},
    "people": {"GET": everyone(200)},
    "citation": {"GET": owned(200)},
    "citation_file": {"GET": owned(200)},
    "citation_page": {"GET": owned(200)},
    "viewer_worker": {"GET": everyone(200)},
    # One's own here: sharing has tests of its own (tests/chat/test_assistants.py).
    "assistants": {"GET": everyone(200), "POST": everyone(201)},
    "assistant": {"PATCH": owned(200), "DELETE": owned(204)},
    "prompts": {"GET": everyone(200), "POST": everyone(201)},
    "prompt": {"PATCH": owned(200), "DELETE": owned(204)},
    "composer_offer": {"GET": everyone(200)},
    # The model that the body names is served to nobody.
    "composer_measure": {"POST": everyone(400)},
    "turn": {"DELETE": owned(200)},
    # Who is signed in is sent on from the sign-in page.
    "signin": {"GET": Row(302, 302, 302, 302, 302, 302, nobody=200), "POST": public(400)},
    "signout": {"POST": public(302)},
    # Knowing the token is the right.
    "invitation": {"GET": public(200, missing=404), "POST": public(400, missing=404)},
    "profile": {"GET": everyone(200), "POST": everyone(302)},
    "password": {"GET": everyone(200), "POST": everyone(400)},
    "imports": {"GET": everyone(200), "POST": everyone(201)},
    "import": {"GET": owned(200), "PATCH": owned(200), "DELETE": owned(204)},
    "privacy": {"GET": everyone(200), "POST": everyone(400)},
    "own_data": {"GET": everyone(200)},
    "keys": {"GET": everyone(200), "POST": everyone(201)},
    "key": {"DELETE": owned(204)},
    "models": {"GET": admins(200, missing=200)},
    "model": {"PATCH": admins(200)},
    "employees": {"GET": admins(200, missing=200), "POST": admins(201, missing=201)},
    "groups": {"GET": admins(200, missing=200), "POST": admins(201, missing=201)},
    "group": {"PATCH": admins(200), "DELETE": admins(204)},
    # Nobody changes their own rights, so that the company always has an admin.
    "employee": {"PATCH": Row(404, 404, 404, 409, 200, 404)},
    "ratings": {"GET": admins(200, missing=200)},
    "manifest": {"GET": public(200)},
    "health": {"GET": public(200)},
    "api_models": {"GET": KEYED},
    "api_model": {"GET": KEYED},
    "api_chat_completions": {"POST": KEYED},
    "api_completions": {"POST": KEYED},
    "api_embeddings": {"POST": KEYED},
    "api_rerank": {"POST": KEYED},
    "api_unknown": {"GET": public(404), "POST": public(404)},
}

# Bodies that are right, so that only rights can refuse them.
BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("thread", "PATCH"): {"title": "Renamed"},
    # A message of the thread; the test puts its id there.
    ("branch", "PUT"): {"message": ""},
    ("forks", "POST"): {"message": ""},
    ("new_draft", "PUT"): {"text": "Dear"},
    ("draft", "PUT"): {"text": "Dear"},
    ("rating", "PUT"): {"good": True},
    ("folders", "POST"): {"name": "Plans"},
    ("folder", "PATCH"): {"name": "Plans"},
    ("assistants", "POST"): {"name": "Letters"},
    ("assistant", "PATCH"): {"name": "Letters"},
    ("prompts", "POST"): {"name": "Letter", "text": "Write to {{name}}."},
    ("prompt", "PATCH"): {"name": "Letter"},
    ("composer_measure", "POST"): {"text": "Hello", "model": "nothing"},
    ("documents", "POST"): {"name": "a.pdf", "size_bytes": 10},
    ("imports", "POST"): {"name": "conversations.json", "size_bytes": 10},
    ("document_place", "PUT"): {"collection": ""},
    ("document_exceptions", "PUT"): {"shown": [], "hidden": []},
    ("collections", "POST"): {"name": "Handbooks"},
    ("collection", "PATCH"): {"name": "Renamed"},
    ("collection_member", "PUT"): {"role": "reader"},
    ("groups", "POST"): {"name": "Sales"},
    ("group", "PATCH"): {"name": "Renamed"},
    ("keys", "POST"): {"label": "script"},
    ("model", "PATCH"): {"title": "Renamed"},
    ("employees", "POST"): {"email": "new@example.com"},
    ("employee", "PATCH"): {"is_admin": True},
}
FORMS: dict[tuple[str, str], dict[str, str]] = {
    ("signin", "POST"): {"email": "nobody@example.com", "password": "wrong"},
    ("invitation", "POST"): {"name": ""},
    ("profile", "POST"): {"name": "New name", "language": ""},
    ("password", "POST"): {"current_password": "wrong"},
    ("privacy", "POST"): {"password": "wrong"},
}


@dataclass(frozen=True)
class SharedRow:
    """What a document or a collection that is shared answers to its curators and to its readers. For everybody else,

    also for who was a reader until a moment ago, it does not exist.
    """

    curator: int
    reader: int


def read(ok: int = 200) -> SharedRow:
    """Whoever reads may."""
    return SharedRow(ok, ok)


def curated(ok: int) -> SharedRow:
    """Only who looks after the collection may; to its readers the door is not there."""
    return SharedRow(ok, 404)


SHARED: dict[str, dict[str, SharedRow]] = {
    "document": {"GET": read(), "DELETE": curated(204)},
    "document_retry": {"POST": curated(200)},
    "document_cancel": {"POST": curated(200)},
    "document_place": {"PUT": curated(200)},
    "document_exceptions": {"GET": curated(200), "PUT": curated(200)},
    "document_file": {"GET": read()},
    "document_page": {"GET": read()},
    "thread_document": {"PUT": read(), "DELETE": read(204)},
    "citation": {"GET": read()},
    "citation_file": {"GET": read()},
    "citation_page": {"GET": read()},
    "collection": {"PATCH": curated(200), "DELETE": curated(204)},
    "collection_members": {"GET": curated(200)},
    "collection_member": {"PUT": curated(200), "DELETE": curated(200)},
}


@dataclass(frozen=True)
class SocketRow:
    """The first frame that answers, for one's own turn or thread, and for somebody else's or none. After a

    deactivation every frame ends the socket.
    """

    own: str
    foreign: str
    missing: str


FRAMES: dict[str, SocketRow] = {
    "message.send": SocketRow("message.accepted", "error", "error"),
    "answer.regenerate": SocketRow("message.accepted", "error", "error"),
    "answer.continue": SocketRow("message.accepted", "error", "error"),
    # The turn has ended, so that following it says something at once.
    "turn.follow": SocketRow("turn.snapshot", "error", "error"),
    "turn.stop": SocketRow("", "error", "error"),
    "turn.unfollow": SocketRow("", "", ""),
    "ack": SocketRow("", "", ""),
    "ping": SocketRow("pong", "pong", "pong"),
}
