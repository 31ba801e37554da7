"""What is known of defects, places, processes, materials and standards, as tables in the package.

Each row of ``defects.csv`` names a defect of a process with its terms in English, German and
Chinese, its kind, its typical sizes and places, and the bundled template that gives its shape.
"""

from backend.instruct.knowledge.tables import (
    ANY,
    Defect,
    Event,
    Limit,
    Material,
    Place,
    PlacePhrase,
    Process,
    Shape,
    defects,
    events,
    limits,
    materials,
    place_phrases,
    places,
    processes,
)

__all__ = [
    "ANY",
    "Defect",
    "Event",
    "Limit",
    "Material",
    "Place",
    "PlacePhrase",
    "Process",
    "Shape",
    "defects",
    "events",
    "limits",
    "materials",
    "place_phrases",
    "places",
    "processes",
]
