"""Opening Office files, which are zip archives of XML: neither bombs nor tricks in names or entities."""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from rag.jail import Refused
from rag.readers.pictures import Album

MIB = 1024 * 1024
MAX_ENTRIES = 10_000
MAX_UNPACKED_BYTES = 500 * MIB
MAX_PART_BYTES = 64 * MIB
MAX_RATIO = 100
RATIO_FROM_BYTES = 2 * MIB
PLAIN_PICTURES = (".bmp", ".tif", ".tiff", ".emf", ".wmf", ".dib")
_HEAD_BYTES = 4096
# What the library says of a member that is not what it promises to be.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)


def opened(file: BinaryIO) -> zipfile.ZipFile:
    """The archive, all of its promises checked. What a member then really unpacks to, zipfile cuts at its promise."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError) as error:
        raise Refused("broken") from error
    members = archive.infolist()
    if len(members) > MAX_ENTRIES or sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise Refused("unpacks_too_large")
    for member in members:
        name = member.filename
        if name.startswith(("/", "\\")) or ":" in name.split("/")[0] or ".." in name.replace("\\", "/").split("/"):
            raise Refused("broken")
        if member.flag_bits & 1:
            raise Refused("needs_password")
        is_dense = member.file_size > MAX_RATIO * max(member.compress_size, 1)
        # White paper in a picture without compression of its own packs like a bomb, and is read only up to a size.
        is_picture = name.lower().endswith(PLAIN_PICTURES) and member.file_size <= MAX_PART_BYTES
        if is_dense and member.file_size > RATIO_FROM_BYTES and not is_picture:
            raise Refused("unpacks_too_large")
    for member in members:
        if member.filename.endswith((".xml", ".rels")):
            _check_head(archive, member)
    return archive


def xml(archive: zipfile.ZipFile, name: str) -> Element | None:
    """The root of a part, None where there is no such part."""
    try:
        member = archive.getinfo(name)
    except KeyError:
        return None
    if member.file_size > MAX_PART_BYTES:
        raise Refused("too_much_text")
    try:
        return ElementTree.fromstring(archive.read(member))  # noqa: S314 - no declarations, see _check_head
    except (ElementTree.ParseError, *DAMAGED) as error:
        raise Refused("broken") from error


def relations(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """id -> (last word of its type, name of the part) of an Office part. External targets are left out."""
    folder, name = posixpath.split(part)
    root = xml(archive, f"{folder}/_rels/{name}.rels")
    found: dict[str, tuple[str, str]] = {}
    for item in root if root is not None else ():
        target = item.get("Target", "")
        if item.get("TargetMode") == "External" or not target:
            continue
        whole = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
        found[item.get("Id", "")] = (item.get("Type", "").rpartition("/")[2], whole)
    return found


def pictures_in(
    archive: zipfile.ZipFile,
    element: Element,
    targets: Mapping[str, tuple[str, str]],
    album: Album,
    label: str = "",
) -> None:
    """Put the pictures that an element of Word or PowerPoint shows into the album. targets: of the part it is in."""
    for item in element.iter():
        if local(item) in ("blip", "imagedata"):
            kind, name = targets.get(attribute(item, "embed") or attribute(item, "id"), ("", ""))
            if kind == "image":
                add_picture(archive, name, album, label)


def add_picture(archive: zipfile.ZipFile, name: str, album: Album, label: str = "") -> None:
    """One picture by its name in the archive; what is not there is passed over."""
    try:
        member = archive.getinfo(name)
        if member.file_size > MAX_PART_BYTES or album.is_full:
            album.leave_out(name)
        elif not album.has(name):
            album.add(archive.read(member), label, name)
    except KeyError:
        return
    except DAMAGED:
        album.leave_out(name)


def local(element: Element) -> str:
    """The name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def attribute(element: Element | None, name: str) -> str:
    """An attribute whatever its namespace."""
    for key, value in element.attrib.items() if element is not None else ():
        if key.rpartition("}")[2] == name:
            return value
    return ""


def children(element: Element, *names: str) -> Iterator[Element]:
    return (child for child in element if local(child) in names)


def _check_head(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """No document type, so no entities; and no encoding in which one could hide."""
    try:
        with archive.open(member) as part:
            head = part.read(_HEAD_BYTES)
    except DAMAGED as error:
        raise Refused("broken") from error
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if (head and not head.startswith(b"<")) or b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise Refused("broken")
