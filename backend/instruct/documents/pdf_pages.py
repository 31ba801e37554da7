"""The pages of PDF files as pictures, by pypdfium2."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.errors import FileFormatError
from backend.instruct.documents.bounds import MAX_PICTURES, PICTURE_SIDE, check_pages
from backend.io.limits import ReadLimits


def draw_pages(data: bytes, limits: ReadLimits) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """The first pages of a PDF file, each as an array (height, width, 3) of uint8 RGB.

    Raises:
        FileFormatError: it is damaged, encrypted or too long.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        reason = "encrypted; save it without a password" if "assword" in str(error) else "damaged"
        raise FileFormatError(f"the PDF file is {reason}") from error
    check_pages(len(document))
    pages = {}
    for number in range(min(len(document), MAX_PICTURES)):
        page = document[number]
        scale = PICTURE_SIDE / max(*page.get_size(), 1.0)
        drawn = page.render(scale=scale, rev_byteorder=True).to_numpy()
        pages[f"{number:03}"] = np.ascontiguousarray(drawn[..., :3])
    return {}, pages
