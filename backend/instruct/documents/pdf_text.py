"""The text of PDF files, by pypdf, page by page."""

from __future__ import annotations

import io

from backend.errors import FileFormatError
from backend.instruct.documents.bounds import check_characters, check_pages
from backend.instruct.documents.document import Block
from backend.instruct.documents.lines import blocks_of_lines

END = b"%%EOF"
# Programs leave some bytes behind the end.
END_BYTES = 4096


def parse_pdf(data: bytes) -> list[Block]:
    """The blocks of a PDF file, each with its page.

    Raises:
        FileFormatError: it is damaged, encrypted, too long, or a scan without text.
    """
    import pypdf
    from pypdf.errors import DependencyError, PyPdfError

    if END not in data[-END_BYTES:]:
        raise FileFormatError("the end of the PDF file is missing; it is cut off, fetch it again")
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        # Many files can be read by all, and ask for a password before they are changed.
        if reader.is_encrypted and not reader.decrypt(""):
            raise _encrypted()
        check_pages(len(reader.pages))
        blocks: list[Block] = []
        length = 0
        for number, page in enumerate(reader.pages, start=1):
            text = page.extract_text()
            length += len(text)
            check_characters(length)
            blocks += blocks_of_lines(text, number)
    except DependencyError as error:
        raise _encrypted() from error
    except (PyPdfError, RecursionError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError("the PDF file is damaged; save or print it as PDF again") from error
    if not blocks:
        raise FileFormatError(
            "the PDF file has no text, as scanned pages have none; recognise its text (OCR), or "
            "let a language model look at its pages by --model"
        )
    return blocks


def _encrypted() -> FileFormatError:
    return FileFormatError("the PDF file is encrypted; save it without a password")
