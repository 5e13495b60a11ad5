"""What can go wrong with a document, as sentences for the person who uploaded it.

RagError
├── UploadError        the upload itself
│   ├── DocumentTooLarge   refused before a byte is read
│   ├── QuotaExceeded
│   ├── WrongOffset        the client continues at .expected
│   └── UnsupportedFile    the content is of no kind that is read
├── UnreadableFile     the file, found while reading it: broken, locked, too many pages, no text
├── ChildKilled        the reading process died or ran over a limit; tried twice, then the file fails
├── UnsuitableModel    the admin chose a model that cannot embed here
└── SharingError       groups and collections
    ├── NameTaken
    ├── NotAllowed
    ├── LastCurator        somebody must look after a collection
    └── TooMany

A row keeps the code and its parameters, never the sentence: each reader gets it in their own language.
A permission problem is not an error here; it looks like absence.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Params = Mapping[str, object]

SENTENCES: dict[str, str | Promise] = {
    "document_too_large": _("The file is larger than the limit of %(limit_mib)s MiB."),
    "document_empty": _("The file is empty."),
    "quota_exceeded": _("Your documents would take more than the %(quota_mib)s MiB you have. Delete some first."),
    "collection_full": _("The collection would hold more than the %(quota_mib)s MiB it may. Delete something first."),
    "no_longer_allowed": _("You may not add documents here any more."),
    "name_taken": _("There is a group of this name already."),
    "no_collections": _("You may not make collections. Ask an admin."),
    "hidden_from_yourself": _("This would hide the document from yourself. Leave yourself out, or delete it."),
    "last_curator": _("Somebody must look after the collection. Name another curator first, or delete it."),
    "too_many_members": _("At most %(limit)s people and groups can be named here. Make a group of them."),
    "too_many_collections": _("You have made %(limit)s collections, and that is as many as one person may."),
    "wrong_offset": _("The upload continues at byte %(expected)s."),
    "not_supported": _(
        "This file cannot be read, whatever its name says. PDF, Word, PowerPoint, Excel, OpenDocument text, HTML, "
        "Markdown, plain text, CSV and e-mail can."
    ),
    "old_office": _(
        "This is an Office file in the old format, or one locked with a password. Save it as .docx, .xlsx or .pptx "
        "without a password and upload it again."
    ),
    "outlook_message": _(
        "This is an Outlook message, which cannot be read. Save it in Outlook as text, or drag it out of another mail "
        "program as .eml, and upload that."
    ),
    "needs_password": _("The file is locked with a password. Save it without one and upload it again."),
    "broken": _("The file is damaged and cannot be read. Open it elsewhere, save it again and retry."),
    "unpacks_too_large": _("The file unpacks to more than can be read."),
    "too_many_pages": _("The file has %(num_pages)s pages; at most %(limit)s can be read."),
    "no_pages": _("The file has no pages."),
    "too_much_text": _("The file holds more text than can be read."),
    "no_text": _("No text was found in the file, and none could be read in its pictures of pages."),
    "killed": _("Reading the file took more memory or time than a document may take."),
    "interrupted": _("Reading the file was interrupted too often. Try again later."),
    "file_lost": _("The file is no longer on the server. Upload it again."),
    "cancelled": _("Reading was cancelled."),
    "unsuitable_model": _("%(model)s cannot be used to search documents: %(reason)s"),
    "model_changed": _(
        "This model's file gives other vectors than those it made before. Documents are searched by words alone. Put "
        "the old file back, or have the documents indexed again."
    ),
}


def sentence(code: str, params: Params | None = None) -> str:
    """The sentence of an error code in the language in force. Unknown codes read like "broken"."""
    text = str(SENTENCES.get(code, SENTENCES["broken"]))
    return text % dict(params or {}) if params else text


class RagError(Exception):
    """Root. code names the sentence; params fill it."""

    code = "broken"

    def __init__(self, code: str | None = None, **params: object) -> None:
        self.code = code or type(self).code
        self.params = params
        super().__init__(self.code)

    @property
    def sentence(self) -> str:
        """For the uploader, in the language in force."""
        return sentence(self.code, self.params)

    def __str__(self) -> str:
        return self.sentence


class UploadError(RagError):
    """The upload cannot go on as asked."""


class DocumentTooLarge(UploadError):
    """Announced or sent size is over the limit."""

    code = "document_too_large"


class QuotaExceeded(UploadError):
    """The owner's documents together would be over their share."""

    code = "quota_exceeded"


class WrongOffset(UploadError):
    """The piece does not join onto what is there."""

    code = "wrong_offset"

    def __init__(self, expected: int) -> None:
        super().__init__(expected=expected)
        self.expected = expected


class UnsupportedFile(UploadError):
    """The content, not the name, decides what a file is."""

    code = "not_supported"


class UnreadableFile(RagError):
    """The file is at fault; reading it again gives the same."""


class ChildKilled(RagError):
    """The reading process died. how is the signal name or "timeout", for the log."""

    code = "killed"

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how


class UnsuitableModel(RagError):
    """The model is unknown, does no embeddings, or makes vectors that cannot be searched."""

    code = "unsuitable_model"


class SharingError(RagError):
    """A group or a collection cannot be as asked."""


class NameTaken(SharingError):
    """Another group has the name."""

    code = "name_taken"


class NotAllowed(SharingError):
    """They may see it, and not do this."""

    code = "no_longer_allowed"


class LastCurator(SharingError):
    """A collection without a curator could not be changed by anybody."""

    code = "last_curator"


class TooMany(SharingError):
    """More than one list may hold."""

    code = "too_many_members"
