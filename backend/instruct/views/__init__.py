"""Views of a part with numbered marks, and photos, as a language model is shown them."""

from backend.instruct.views.box_frame import AUTO, BoxFrame
from backend.instruct.views.marks import Marks, ViewMarks
from backend.instruct.views.photos import photo_bytes
from backend.instruct.views.rendered import RenderedViews, mark_views, render_views

__all__ = [
    "AUTO",
    "BoxFrame",
    "Marks",
    "RenderedViews",
    "ViewMarks",
    "mark_views",
    "photo_bytes",
    "render_views",
]
