"""Bundled sensors; what their numbers are from is in their descriptions."""

from __future__ import annotations

from pathlib import Path

from shared_schema.errors import SchemaError
from shared_schema.load import load_sensor
from shared_schema.sensor import Sensor

FOLDER = Path(__file__).parent


def preset_names() -> list[str]:
    """Names of the bundled sensors."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def find_sensor(name_or_file: str) -> Sensor:
    """The bundled sensor of that name, or the one in that file.

    Raises:
        SchemaError: there is neither, or the file does not follow the schema.
    """
    if name_or_file in preset_names():
        return load_sensor(FOLDER / f"{name_or_file}.json")
    path = Path(name_or_file)
    if not path.is_file():
        raise SchemaError(
            f"{name_or_file!r} is neither a sensor file nor a bundled sensor; "
            f"bundled are {', '.join(preset_names())}"
        )
    return load_sensor(path)
