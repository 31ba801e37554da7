"""Documents as lists of blocks, whatever their file format.

A reader turns a file's bytes into blocks, or into a text from which blocks are made. ``READERS``
is the table of them. Every file is read in a process of its own; see ``backend.io.isolation``.
"""

from backend.instruct.documents.document import Block, BlockKind, Document
from backend.instruct.documents.read import READERS, document_of, page_pictures, read_document

__all__ = [
    "READERS",
    "Block",
    "BlockKind",
    "Document",
    "document_of",
    "page_pictures",
    "read_document",
]
