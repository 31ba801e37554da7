"""Documents as lists of blocks, whatever their file format."""

from backend.instruct.documents.document import Block, BlockKind, Document

__all__ = ["Block", "BlockKind", "Document"]
