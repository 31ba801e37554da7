"""Where the place that a document names lies on a part, as far as the part's shape tells it."""

from backend.instruct.places.locate import AnyLocation, Located, locate
from backend.instruct.places.shape import PartShape

__all__ = ["AnyLocation", "Located", "PartShape", "locate"]
