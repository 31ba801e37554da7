"""Replaying recipes on clouds: the one place where defects are applied and masks are made."""

from backend.replay.replay import OnEmpty, Replayed, replay, versions

__all__ = ["OnEmpty", "Replayed", "replay", "versions"]
