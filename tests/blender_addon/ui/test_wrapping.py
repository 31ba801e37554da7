"""Sentences are broken to lines that fit the sidebar."""

from __future__ import annotations

import pytest

from blender_addon.ui.wrapping import wrapped


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("one two three", ["one two", "three"]),
        ("one  two\nthree", ["one  two", "three"]),
        ("abcdefghijk lm", ["abcdefgh", "ijk lm"]),
        ("不允许出现裂纹和划痕。", ["不允许出现裂纹和", "划痕。"]),
        ("exactly. 8", ["exactly.", "8"]),
    ],
)
def test_words_stay_whole_where_they_fit(text: str, lines: list[str]) -> None:
    assert wrapped(text, 8.0, len) == lines


def test_a_line_has_one_letter_at_least() -> None:
    assert wrapped("abc", 0.0, len) == ["a", "b", "c"]
