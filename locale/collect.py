"""Collect the translatable words of templates and Python into the German catalogue, without the gettext tools.

`python locale/collect.py` adds new words with an empty translation and drops those that nobody says any more;
`--check` changes nothing and fails when the catalogue is not complete. Left out: the scripts' words, which live in
static/ts/lib/strings_*.ts, and Django's own, which Django translates.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import django
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "locale/de/LC_MESSAGES/django.po"
PACKAGES = ("chat", "rag")
# Which arguments of each function are words.
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
}


def sources() -> Iterator[tuple[str, str]]:
    """(path, Python source) of everything that may say something; a template becomes the calls that are in it."""
    for path in sorted((ROOT / "templates").rglob("*.html")):
        yield str(path.relative_to(ROOT)), templatize(path.read_text(), origin=str(path))
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text()


def collected() -> Catalog:
    found = Catalog(locale="de")
    for path, source in sources():
        for _line, _function, words, _comments in extract_python(io.BytesIO(source.encode()), KEYWORDS, [], {}):
            told = tuple(word for word in ([words] if isinstance(words, str) else words) if word)
            if told:
                message = told[0] if len(told) == 1 else told[:2]
                flags = ("python-format",) if "%(" in told[0] else ()
                found.add(message, locations=[(path, 0)], flags=flags)
    return found


def main() -> int:
    settings.configure()
    django.setup()
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="de", domain="django")
    before = {message.id for message in catalogue if message.id}
    catalogue.update(collected(), no_fuzzy_matching=True)
    wanted = {message.id for message in catalogue if message.id}
    untranslated = [str(message.id) for message in catalogue if message.id and not message.string]
    if "--check" in sys.argv:
        problems = [f"not translated: {words}" for words in untranslated]
        problems += [f"nobody says: {words}" for words in before - wanted]
        sys.stdout.write("\n".join(problems or ["the German catalogue is complete"]) + "\n")
        return 1 if problems else 0
    with CATALOGUE.open("wb") as file:
        write_po(file, catalogue, width=0, include_lineno=False, sort_output=True, ignore_obsolete=True)
    sys.stdout.write(f"{len(wanted)} entries, {len(untranslated)} to translate" + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
