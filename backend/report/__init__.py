"""Self-contained HTML reports: pictures inside, no address outside."""

from __future__ import annotations

import base64
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, select_autoescape

from backend import __version__


def render_report(template: str, **content: Any) -> str:
    """Fill ``template`` (a file of this package) with ``content``; PNG bytes become pictures."""
    environment = Environment(
        autoescape=select_autoescape(default=True), undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["picture"] = data_address
    source = files(__package__).joinpath(template).read_text(encoding="utf-8")
    return environment.from_string(source).render(version=__version__, **content)


def data_address(png: bytes) -> str:
    """PNG bytes as the address of an image element."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
