"""How Sphinx makes the site of these pages; ``python build.py docs`` runs it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
# The reference of Python and of the command line is made from the code.
sys.path.insert(0, str(ROOT))

from backend import __version__  # noqa: E402

project = "flawsmith"
release = __version__
author = "flawsmith contributors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]
exclude_patterns = ["adr/0000-template.md"]

# Links to headings of other pages, as `cli.md#train`; a dead one fails.
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"flawsmith {release}"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_static_path = ["site.css"]
html_css_files = ["site.css"]

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
# Signatures name these as the code does, instead of spelling out what they stand for.
autodoc_type_aliases = {
    name: name for name in ("ArrayLike", "BoolArray", "FloatArray", "IntArray", "NDArray")
}
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_attr_annotations = False


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", plain_names)


def plain_names(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str, returned: str
) -> tuple[str | None, str | None]:
    """A signature whose aliases of types are their names alone, which Sphinx wraps in a class."""
    found = (
        text and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", text)
        for text in (signature, returned)
    )
    before, after = found
    return before, after
