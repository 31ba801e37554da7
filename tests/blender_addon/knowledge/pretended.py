"""A program that pretends to be the backend's command: it is quick, and fails as it is told to."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PROGRAM = """#!{python} -IS
import json, os, pathlib, sys, time

asked = sys.argv[1:]
folder = pathlib.Path({folder!r})
text = pathlib.Path(asked[asked.index("--text") + 1]).read_text("utf-8")
noted = {{"asked": asked, "text": text, "home": os.environ.get("PYTHONHOME")}}
(folder / "asked.json").write_text(json.dumps(noted), "utf-8")
out = pathlib.Path(asked[asked.index("--out") + 1])
answers = json.loads((folder / "answers.json").read_text("utf-8"))
(folder / "runs").open("a").write("x")
while answers["waits"] and not (folder / "go").exists():
    time.sleep(0.02)
for name, content in answers["files"].items():
    out.with_name(name.replace("NAME", out.stem)).write_text(content, "utf-8")
print(answers["said"].replace("PART", asked[1]), file=sys.stderr)
sys.exit(answers["status"])
"""
NAMED: dict[str, Any] = {
    "defect": "casting/blow_holes",
    "kind": "dent",
    "polarity": "occurs",
    "used": True,
    "place": "top",
    "sizes": {"diameter": [2.0, 3.0], "angle_deg": [None, 5.0]},
    "unit": "mm",
    "count": [2, 5],
    "evidence": {"source": "a.txt", "block": 0, "quote": "Blow holes of 2 to 3 mm."},
    "reason": "The text says that it occurs",
}
ABSENT: dict[str, Any] = {
    **NAMED,
    "defect": "any/cracks",
    "kind": None,
    "polarity": "absent",
    "used": False,
    "place": None,
    "sizes": {},
    "count": None,
    "evidence": None,
    "reason": "The text says that it does not occur.",
}
FINDING = {
    "rule": "V40",
    "severity": "error",
    "where": "dents",
    "message": "the surface folds over itself",
    "fixed": True,
}
TEMPLATE = {
    "schema_version": 1,
    "name": "a",
    "unit": "mm",
    "lengths": "absolute",
    "defects": [
        {"kind": "dent", "name": "dents", "radius": {"min": 1.0, "max": 1.5}, "depth": 0.2}
    ],
}


def pretended_command(
    folder: Path,
    *,
    items: list[dict[str, Any]] | None = None,
    template: dict[str, Any] | None = TEMPLATE,
    status: int = 0,
    said: str = "",
    waits: bool = False,
) -> Path:
    """Write the program into a folder; what it was asked is in ``asked.json`` there afterwards.

    Args:
        folder: made where there is none.
        items: of the report.
        template: that it writes; None for none.
        status: with which it ends.
        said: what it writes at its end.
        waits: whether it goes on until there is a file ``go`` in the folder.
    """
    report = {"items": [NAMED, ABSENT] if items is None else items, "findings": [FINDING]}
    files = {"NAME.instruct.json": json.dumps(report), "NAME.html": "<p>report</p>"}
    if template is not None:
        files["NAME.json"] = json.dumps(template)
    folder.mkdir(parents=True, exist_ok=True)
    answers = {"files": files, "status": status, "said": said, "waits": waits}
    (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
    program = folder / "flawsmith"
    text = PROGRAM.format(python=sys.executable, folder=str(folder))
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    return program
