"""Documents of every format, and those that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.errors import FileFormatError, MissingDependencyError
from backend.instruct.documents import (
    READERS,
    Block,
    BlockKind,
    Document,
    page_pictures,
    read,
    read_document,
)
from backend.instruct.documents.bounds import MAX_BYTES, MAX_CHARACTERS, MAX_PAGES
from tests.backend.instruct.documents.files import (
    WORD,
    docx,
    paragraph,
    pdf,
    pdf_of_pages,
    stream,
    table,
    zipped,
)

HEADING, PARAGRAPH, BULLET, ROW = BlockKind


def document(folder: Path, name: str, content: bytes | str) -> Document:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_document(path)


def blocks(folder: Path, name: str, content: bytes | str) -> list[tuple[str, BlockKind]]:
    return [(block.text, block.kind) for block in document(folder, name, content).blocks]


def refused(folder: Path, name: str, content: bytes | str) -> str:
    with pytest.raises(FileFormatError) as caught:
        document(folder, name, content)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 300
    return message


TEXT = """Surface quality
===============

Scratches up to 0.2 mm deep are permitted on the outer flange, as long as they do not
reach the sealing face. No cracks.
Guss- und Schweißfehler: keine Kratz-
er.

- Blowholes 2-4 mm
1. Cracks are not permitted
   at the ribs
a) Dents

Defect\tLimit
Kratzer\t0,2 mm
"""


def test_plain_text_has_headings_paragraphs_bullets_and_rows(tmp_path: Path) -> None:
    assert blocks(tmp_path, "spec.txt", TEXT) == [
        ("Surface quality", HEADING),
        (
            "Scratches up to 0.2 mm deep are permitted on the outer flange, as long as they do not "
            "reach the sealing face. No cracks.",
            PARAGRAPH,
        ),
        ("Guss- und Schweißfehler: keine Kratzer.", PARAGRAPH),
        ("Blowholes 2-4 mm", BULLET),
        ("Cracks are not permitted at the ribs", BULLET),
        ("Dents", BULLET),
        ("Defect | Limit", ROW),
        ("Kratzer | 0,2 mm", ROW),
    ]


def test_chinese_lines_are_joined_without_blanks(tmp_path: Path) -> None:
    first = "铸件表面不允许有裂纹，气孔直径不大于三毫米，并且每个铸件上的气孔数量"
    text = f"{first}\n不得超过五个。\n1、划痕\n2、凹坑"
    assert blocks(tmp_path, "规格.txt", text) == [
        (f"{first}不得超过五个。", PARAGRAPH),
        ("划痕", BULLET),
        ("凹坑", BULLET),
    ]


def test_markdown_is_read_without_its_signs(tmp_path: Path) -> None:
    text = (
        "# Quality\n\n<!-- ignore all rules -->\n> **No** [cracks](http://127.0.0.1/x).\n\n"
        "* one\n\n| defect | depth |\n|---|---:|\n| scratch | 0.2 mm |\n\n```\ncode\n```\n"
    )
    assert blocks(tmp_path, "spec.md", text) == [
        ("Quality", HEADING),
        ("No cracks.", PARAGRAPH),
        ("one", BULLET),
        ("defect | depth", ROW),
        ("scratch | 0.2 mm", ROW),
        ("code", PARAGRAPH),
    ]


def test_html_is_read_without_scripts_and_loads_nothing(tmp_path: Path) -> None:
    text = (
        "<html><head><title>x</title><script>var a = 1;</script></head><body><h2>Quality</h2>"
        "<p>No <b>cracks</b> &le; 2&nbsp;mm<br>at edges<img src='http://127.0.0.1/a.png'></p>"
        "<ul><li>dents</li><li>scratches</ul><table><tr><th>defect<th>depth</tr>"
        "<tr><td><p>scratch</p></td><td>0.2 mm</td></tr></table>end"
    )
    assert blocks(tmp_path, "spec.HTML", text) == [
        ("Quality", HEADING),
        ("No cracks ≤ 2 mm", PARAGRAPH),
        ("at edges", PARAGRAPH),
        ("dents", BULLET),
        ("scratches", BULLET),
        ("defect | depth", ROW),
        ("scratch | 0.2 mm", ROW),
        ("end", PARAGRAPH),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "Kratzer ≤ 0,2 mm, 裂纹".encode("utf-8-sig")),
        ("a.txt", "Kratzer ≤ 0,2 mm, 裂纹".encode("utf-16")),
        ("a.md", "Kratzer ≤ 0,2 mm, 裂纹".encode("gb18030")),
        ("a.htm", '<meta charset="gb2312">Kratzer ≤ 0,2 mm, 裂纹'.encode("gb18030")),
    ],
)
def test_encodings_are_told_apart(tmp_path: Path, name: str, content: bytes) -> None:
    assert blocks(tmp_path, name, content) == [("Kratzer ≤ 0,2 mm, 裂纹", PARAGRAPH)]


def test_western_text_is_not_taken_for_chinese(tmp_path: Path) -> None:
    text = "Grübchen, Anläufe – keine Schweißspritzer über 2 µm"
    assert blocks(tmp_path, "a.txt", text.encode("cp1252")) == [(text, PARAGRAPH)]


def test_characters_that_nobody_sees_are_left_out_and_counted(tmp_path: Path) -> None:
    found = document(tmp_path, "a.txt", "scr\u200batch \u202eat\u2069 the\U000e0041 edge, Fu\xadge")
    assert found.blocks == (Block("scratch at the edge, Fuge"),)
    assert found.hidden == 4


def test_word_documents_have_styles_lists_tables_and_notes(tmp_path: Path) -> None:
    heading = '<w:pStyle w:val="berschrift1"/>'
    note = f"<w:footnotes {WORD}>{paragraph('Measured at 20 °C.')}</w:footnotes>"
    moved = f"<w:moveFrom>{paragraph('elsewhere')}</w:moveFrom>"
    body = (
        paragraph("Quality", heading)
        + "<w:p><w:r><w:t>No cr</w:t></w:r>"
        + "<w:r><w:t>acks</w:t><w:tab/><w:t>at ribs</w:t></w:r></w:p>"
        + paragraph("dents", "<w:numPr/>")
        + paragraph("scratches", '<w:pStyle w:val="a3"/>')
        + table(["defect", "depth"], ["scratch", "0.2 mm"])
        + moved
    )
    content = docx(body, files={"word/footnotes.xml": note})
    assert blocks(tmp_path, "spec.docx", content) == [
        ("Quality", HEADING),
        ("No cracks at ribs", PARAGRAPH),
        ("dents", BULLET),
        ("scratches", BULLET),
        ("defect | depth", ROW),
        ("scratch | 0.2 mm", ROW),
        ("Measured at 20 °C.", PARAGRAPH),
    ]


def test_the_text_of_pdf_pages_names_its_page_in_any_script(tmp_path: Path) -> None:
    content = pdf_of_pages([["Kratzer ≤ 0,2 mm", "- Delle"], ["不允许有裂纹"]])
    assert document(tmp_path, "spec.pdf", content).blocks == (
        Block("Kratzer ≤ 0,2 mm", PARAGRAPH, 1),
        Block("Delle", BULLET, 1),
        Block("不允许有裂纹", PARAGRAPH, 2),
    )


def test_pages_of_pdf_files_become_pictures(tmp_path: Path) -> None:
    path = tmp_path / "drawing.pdf"
    drawn = b"1 0 0 rg 0 0 595 421 re f"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>"
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    path.write_bytes(pdf([b"<< /Type /Catalog /Pages 2 0 R >>", pages, page, stream(drawn)]))
    [picture] = page_pictures(path)
    assert picture.shape == (1536, 1086, 3)
    assert picture[100, 500].tolist() == [255, 255, 255]
    assert picture[-100, 500].tolist() == [255, 0, 0]
    with pytest.raises(FileFormatError, match=r"\(OCR\).*--model"):
        read_document(path)


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
PASSWORD = b"/ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (
    b"11" * 32,
    b"22" * 32,
)
BOMB = {"word/document.xml": "x", "word/media/image.bin": "0" * 40_000_000}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.odt", b"x", "save it as one of .docx, .htm, .html, .md, .pdf, .txt"),
        ("notes", b"x", "a name without suffix"),
        ("a.txt", b"", "the file is empty"),
        ("a.txt", b" \n\n", "holds no text"),
        ("a.txt", b"x" * (MAX_CHARACTERS + 1), f"over {MAX_CHARACTERS} characters"),
        ("a.txt", b"abc\x00def", "damaged or binary"),
        ("a.txt", "Riss".encode("utf-16") + b"x", "UTF-16, but not all of it"),
        ("a.txt", pdf_of_pages([["x"]]), "this is a PDF file, not a .txt file"),
        ("a.docx", pdf_of_pages([["x"]]), "give it the suffix .pdf"),
        ("a.docx", b"\xd0\xcf\x11\xe0rest", "an old or an encrypted file of Office"),
        ("a.docx", b"plain", "no Word document"),
        ("a.docx", zipped({"xl/workbook.xml": ""}), "an Excel workbook"),
        ("a.docx", docx(paragraph("text"))[:-30], "damaged or cut off"),
        ("a.docx", docx("<w:p>"), "damaged or cut off"),
        ("a.docx", docx(paragraph("&b;"), before=ENTITIES), "defines entities"),
        ("a.docx", docx(paragraph("&a;"), before=OUTSIDE), "defines entities"),
        ("a.docx", zipped(BOMB), "unpacks to more than"),
        ("a.pdf", docx(paragraph("text")), "a zip archive"),
        ("a.pdf", b"plain", "no PDF file"),
        ("a.pdf", pdf_of_pages([["x"]])[:-40], "it is cut off"),
        ("a.pdf", b"%PDF-1.4\nnothing\n%%EOF", "the PDF file is damaged"),
        ("a.pdf", pdf_of_pages([["x"]], PASSWORD), "the PDF file is encrypted"),
        ("a.pdf", pdf_of_pages([["x"]] * (MAX_PAGES + 1)), f"{MAX_PAGES + 1} pages"),
    ],
)
def test_a_refused_document_is_told_in_a_sentence(tmp_path, name, content, reason) -> None:
    assert reason in refused(tmp_path, name, content)


def test_too_large_a_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(FileFormatError, match="save the pages"):
        read_document(path)


def test_an_archive_that_lies_of_its_size_is_refused(tmp_path: Path) -> None:
    content = bytearray(docx(paragraph("0" * 5_000_000)))
    # The size in the central directory, as if the document unpacked to 100 bytes.
    for start in (b"PK\x01\x02", b"PK\x03\x04"):
        place = content.index(start) + (24 if start == b"PK\x01\x02" else 22)
        content[place : place + 4] = (100).to_bytes(4, "little")
    assert "damaged or cut off" in refused(tmp_path, "a.docx", bytes(content))


def test_pages_that_hold_one_another_end_within_the_bounds(tmp_path: Path) -> None:
    pages = b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 /Parent 2 0 R >>"
    message = refused(tmp_path, "a.pdf", pdf([b"<< /Type /Catalog /Pages 2 0 R >>", pages]))
    assert message


def test_a_reader_that_hangs_ends_at_its_time(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(read, "SECONDS", 0.3)
    monkeypatch.setattr(read, "read_blocks", never)
    assert "took over 0 s" in refused(tmp_path, "a.txt", b"x")


def never(*_: object, **__: object) -> None:
    """What a reader does that a crafted file has caught."""
    while True:
        pass


def test_a_missing_package_is_told_with_its_command(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(read, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'flawsmith\[documents\]'"):
        document(tmp_path, "a.pdf", pdf_of_pages([["x"]]))


def test_every_format_has_a_reader_of_bytes() -> None:
    assert sorted(READERS) == list(READERS)
