"""How scans are taken in: what every command asks alike of the files that it reads."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared_schema.recipe import Unit


@dataclass(frozen=True)
class Intake:
    """What is known of scans and their nominal model beside their files.

    Attributes:
        unit: of the scans' lengths; None where it is that of what they are compared with, such as
            the recipe.
        nominal_unit: of the nominal model's lengths; None likewise.
        viewpoint: (x, y, z) where the sensor stood, in the scans' frame and unit.
    """

    unit: Unit | None = None
    nominal_unit: Unit | None = None
    viewpoint: tuple[float, float, float] | None = None

    def with_units(self, unit: Unit) -> Intake:
        """The same, with ``unit`` where one is not known."""
        return replace(self, unit=self.unit or unit, nominal_unit=self.nominal_unit or unit)


# Nothing is known beside the files.
PLAIN = Intake()
