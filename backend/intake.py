"""How scans are taken in: what every command asks alike of the files that it reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from shared_schema.recipe import Unit

# What can be named on a command line or in an address, and the mark that it stands for.
DecimalName = Literal[".", "point", ",", "comma"]
DelimiterName = Literal[",", "comma", ";", "semicolon", "tab", "space"]
DECIMALS: dict[str, str] = {".": ".", "point": ".", ",": ",", "comma": ","}
DELIMITERS: dict[str, str] = {
    ",": ",",
    "comma": ",",
    ";": ";",
    "semicolon": ";",
    "tab": "\t",
    "space": " ",
}


@dataclass(frozen=True)
class TextFormat:
    """What is known beforehand of how text files write their numbers.

    Attributes:
        decimal: ``"."`` or ``","``; None where the text is to tell.
        delimiter: ``","``, ``";"``, a tab, or a space for any run of blanks and tabs; None where
            the text is to tell.
    """

    decimal: str | None = None
    delimiter: str | None = None

    def __post_init__(self) -> None:
        """Refuse other characters.

        Raises:
            ValueError: naming those that there are.
        """
        for name, known in (("decimal", DECIMALS), ("delimiter", DELIMITERS)):
            value, marks = getattr(self, name), sorted(set(known.values()))
            if value is not None and value not in marks:
                raise ValueError(
                    f"{name} {value!r} is not allowed; allowed are {', '.join(map(repr, marks))}"
                )

    @classmethod
    def named(cls, decimal: str | None, delimiter: str | None) -> TextFormat:
        """By the names in ``DECIMALS`` and ``DELIMITERS``."""
        return cls(
            None if decimal is None else DECIMALS[decimal],
            None if delimiter is None else DELIMITERS[delimiter],
        )


ANY_TEXT = TextFormat()


@dataclass(frozen=True)
class Intake:
    """What is known of scans and their nominal model beside their files.

    Attributes:
        unit: of the scans' lengths; None where it is what their files say, or else that of what
            they are compared with, such as the recipe.
        nominal_unit: of the nominal model's lengths; None likewise.
        viewpoint: (x, y, z) where the sensor stood, in the scans' frame and unit.
        text: how text files of scans write their numbers.
        assumed_unit: of scans where neither ``unit`` nor the file says it.
        clean: whether stray points and flying pixels are removed.
        crop: whether points that do not belong to the part are cut away, where there is a nominal
            model and it is safe.
    """

    unit: Unit | None = None
    nominal_unit: Unit | None = None
    viewpoint: tuple[float, float, float] | None = None
    text: TextFormat = ANY_TEXT
    assumed_unit: Unit | None = None
    clean: bool = False
    crop: bool = True

    def with_units(self, unit: Unit) -> Intake:
        """The same, with ``unit`` where one is not known."""
        return replace(self, assumed_unit=unit, nominal_unit=self.nominal_unit or unit)


# Nothing is known beside the files.
PLAIN = Intake()
