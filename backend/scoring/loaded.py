"""A detector for several processes: each reads it from a file once, and none is sent it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from backend.scoring.detector import Detector


@dataclass(frozen=True, eq=False)
class LoadedDetector:
    """A detector and its file, which a process that is sent this reads, the first time.

    Attributes:
        detector: what scores.
        path: of its file, which stays as it is; written where it is not there when it is needed.
    """

    detector: Detector
    path: Path

    @classmethod
    def read(cls, path: Path) -> LoadedDetector:
        """Read the file at ``path``.

        Raises:
            CheckpointError: as ``Detector.load``.
        """
        return cls(Detector.load(path), path)

    def __reduce__(self) -> tuple[Callable[[Path], LoadedDetector], tuple[Path]]:
        if not self.path.exists():
            self.detector.save(self.path)
        return _read_once, (self.path,)


@lru_cache(maxsize=1)
def _read_once(path: Path) -> LoadedDetector:
    return LoadedDetector.read(path)
