"""Self-contained HTML reports: pictures inside, no address outside."""

from __future__ import annotations

import base64
import math
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from backend import __version__
from backend.wording import coordinates


def render_report(template: str, **content: Any) -> str:
    """Fill ``template`` (a file of this package) with ``content``; PNG bytes become pictures."""
    environment = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["picture"] = data_address
    environment.filters["metric"] = as_text
    environment.filters["place"] = coordinates
    environment.filters["size"] = as_size
    return environment.get_template(template).render(version=__version__, **content)


def as_text(value: float) -> str:
    """A metric with three decimals, or a dash where it is undefined."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def as_size(value: float | None) -> str:
    """A size with three digits, or a dash where none is stated."""
    return "–" if value is None else f"{value:.3g}"


def data_address(png: bytes) -> str:
    """PNG bytes as the address of an image element."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
