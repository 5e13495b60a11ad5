"""The zip that Word opens: the parts that never change, and the three that are written for each thread. Pure."""

from __future__ import annotations

import io
from collections.abc import Sequence
from zipfile import ZIP_DEFLATED, ZipFile

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPES = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PARTS = {"document": "document.main", "styles": "styles", "numbering": "numbering", "footnotes": "footnotes"}
_SIZES = {1: 36, 2: 28, 3: 24, 4: 22, 5: 22, 6: 22}  # half points
DEEPEST_LIST = 8


def packed(body: str, notes: Sequence[str], list_starts: Sequence[int | None]) -> bytes:
    """body: paragraphs and tables; notes: the text of each footnote as runs, from 1; list_starts: for each list from 1

    the number it begins with, None where it has points.
    """
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _content_types())
        archive.writestr("_rels/.rels", _relations({"rId1": ("officeDocument", "word/document.xml")}))
        named = ("styles", "numbering", "footnotes")
        relations = {f"rId{n}": (name, f"{name}.xml") for n, name in enumerate(named, 1)}
        archive.writestr("word/_rels/document.xml.rels", _relations(relations))
        page = '<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1417" w:right="1417" w:bottom="1134" w:left="1417"/>'
        document = f"<w:document {W}><w:body>{body}<w:sectPr>{page}</w:sectPr></w:body></w:document>"
        archive.writestr("word/document.xml", _HEAD + document)
        archive.writestr("word/styles.xml", _styles())
        archive.writestr("word/numbering.xml", _numbering(list_starts))
        archive.writestr("word/footnotes.xml", _footnotes(notes))
    return out.getvalue()


def _content_types() -> str:
    parts = "".join(
        f'<Override PartName="/word/{name}.xml" ContentType="{_TYPES}.{kind}+xml"/>' for name, kind in _PARTS.items()
    )
    relations = "application/vnd.openxmlformats-package.relationships+xml"
    defaults = f'<Default Extension="rels" ContentType="{relations}"/>'
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    return f'{_HEAD}<Types xmlns="{types}">{defaults}{parts}</Types>'


def _relations(targets: dict[str, tuple[str, str]]) -> str:
    rows = "".join(
        f'<Relationship Id="{key}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
        for key, (kind, target) in targets.items()
    )
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'{_HEAD}<Relationships xmlns="{space}">{rows}</Relationships>'


def _styles() -> str:
    styles = [
        '<w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Calibri" w:hAnsi="Calibri" w:cs="Calibri"/>'
        '<w:sz w:val="22"/></w:rPr></w:rPrDefault><w:pPrDefault><w:pPr><w:spacing w:after="120" w:line="276" '
        'w:lineRule="auto"/></w:pPr></w:pPrDefault></w:docDefaults>',
        '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>',
    ]
    for level, size in _SIZES.items():
        outline = (
            f'<w:pPr><w:keepNext/><w:spacing w:before="240" w:after="80"/><w:outlineLvl w:val="{level - 1}"/></w:pPr>'
        )
        styles.append(_style(f"Heading{level}", f"heading {level}", outline, f'<w:b/><w:sz w:val="{size}"/>'))
    styles.append(_style("Quote", "Quote", '<w:pPr><w:ind w:left="567"/></w:pPr>', "<w:i/>"))
    code = '<w:rFonts w:ascii="Consolas" w:hAnsi="Consolas" w:cs="Consolas"/><w:sz w:val="19"/>'
    shade = '<w:pPr><w:shd w:val="clear" w:color="auto" w:fill="F2F2F2"/><w:spacing w:after="0"/></w:pPr>'
    styles.append(_style("Code", "Code", shade, code))
    styles.append(_style("FootnoteText", "footnote text", "", '<w:sz w:val="18"/>'))
    reference = '<w:rPr><w:vertAlign w:val="superscript"/></w:rPr>'
    name = '<w:name w:val="footnote reference"/>'
    styles.append(f'<w:style w:type="character" w:styleId="FootnoteReference">{name}{reference}</w:style>')
    return f"{_HEAD}<w:styles {W}>{''.join(styles)}</w:styles>"


def _style(key: str, name: str, paragraph: str, run: str) -> str:
    opening = f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/><w:basedOn w:val="Normal"/>'
    return f"{opening}{paragraph}<w:rPr>{run}</w:rPr></w:style>"


def _numbering(list_starts: Sequence[int | None]) -> str:
    levels = ["".join(_level(kind, n) for n in range(DEEPEST_LIST + 1)) for kind in (0, 1)]
    kinds = "".join(
        f'<w:abstractNum w:abstractNumId="{kind}">{looks}</w:abstractNum>' for kind, looks in enumerate(levels)
    )
    lists = ""
    for number, start in enumerate(list_starts, 1):
        kind = 0 if start is None else 1
        begin = "".join(
            f'<w:lvlOverride w:ilvl="{n}"><w:startOverride w:val="{start}"/></w:lvlOverride>'
            for n in range(DEEPEST_LIST + 1)
            if start is not None
        )
        lists += f'<w:num w:numId="{number}"><w:abstractNumId w:val="{kind}"/>{begin}</w:num>'
    return f"{_HEAD}<w:numbering {W}>{kinds}{lists}</w:numbering>"


def _level(kind: int, n: int) -> str:
    look = (
        f'<w:numFmt w:val="decimal"/><w:lvlText w:val="%{n + 1}."/>'
        if kind
        else '<w:numFmt w:val="bullet"/><w:lvlText w:val="•"/>'
    )
    indent = f'<w:pPr><w:ind w:left="{567 * (n + 1)}" w:hanging="397"/></w:pPr>'
    return f'<w:lvl w:ilvl="{n}"><w:start w:val="1"/>{look}{indent}</w:lvl>'


def _footnotes(notes: Sequence[str]) -> str:
    lines = ("separator", "continuationSeparator")
    fixed = "".join(
        f'<w:footnote w:type="{kind}" w:id="{n}"><w:p><w:r><w:{kind}/></w:r></w:p></w:footnote>'
        for n, kind in enumerate(lines, -1)
    )
    style = '<w:pPr><w:pStyle w:val="FootnoteText"/></w:pPr>'
    mark = '<w:r><w:rPr><w:rStyle w:val="FootnoteReference"/></w:rPr><w:footnoteRef/></w:r>'
    rows = "".join(
        f'<w:footnote w:id="{n}"><w:p>{style}{mark}{note}</w:p></w:footnote>' for n, note in enumerate(notes, 1)
    )
    return f"{_HEAD}<w:footnotes {W}>{fixed}{rows}</w:footnotes>"
