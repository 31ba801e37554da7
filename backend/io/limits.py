"""How large a file may be before it is refused unread."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import FileFormatError

GIB = 1024**3
# Values per point that a file may name; each costs more than its numbers.
MAX_COLUMNS = 1024


@dataclass(frozen=True)
class ReadLimits:
    """Bounds on what a reader takes on.

    Attributes:
        max_bytes: of the file, and of what an archive unpacks to.
        max_points: of the cloud; a mesh may have three times as many faces.
    """

    max_bytes: int = 2 * GIB
    max_points: int = 50_000_000

    def check_bytes(self, size: int) -> None:
        """Raise ``FileFormatError`` if ``size`` bytes are too many."""
        if size > self.max_bytes:
            raise FileFormatError(
                f"{size} bytes are more than the limit of {self.max_bytes}; subsample the cloud"
            )

    def check_points(self, count: int) -> None:
        """Raise ``FileFormatError`` if there are none, or more than the limit."""
        if count < 1:
            raise FileFormatError("the file holds no points; export the scan again")
        if count > self.max_points:
            raise FileFormatError(
                f"{count} points are more than the limit of {self.max_points}; subsample the cloud"
            )

    def check_faces(self, count: int) -> None:
        """Raise ``FileFormatError`` if ``count`` faces are too many."""
        if count > 3 * self.max_points:
            raise FileFormatError(
                f"{count} faces are more than three times the limit of {self.max_points} points; "
                "simplify the mesh"
            )


def check_columns(count: int) -> None:
    """Raise ``FileFormatError`` if ``count`` values per point are too many."""
    if count > MAX_COLUMNS:
        raise FileFormatError(
            f"{count} values per point are more than the limit of {MAX_COLUMNS}; export fewer"
        )
