"""Run the examples of docs/reference/python.md, as somebody would who copies them into a script.

    python python_page.py PAGE

Run in a folder with ``bracket.stl``, ``recipe.json``, ``template.json`` and ``config.json``. It
needs nothing of the tests, because it runs where only the wheel is installed. The examples that the
page writes for large data are made small: fewer samples, and the settings of ``config.json``. The
one that asks a language model is marked ``py`` and is not run.
"""

from __future__ import annotations

import doctest
import json
import re
import sys
from pathlib import Path

import numpy as np

import flawsmith as fs
from backend.training.config import from_record

SMALLER = {
    "count=1000": "count=3",
    "    seed=0,\n": "    seed=0,\n    config=config,\n",
    # The data set that an example before has made takes the place of the benchmark.
    '"Real3D-AD-PCD", "real3d-ad"))\nreport': '"data"), config)\nreport',
    '"Real3D-AD-PCD", "real3d-ad"), "real3d-ad")': '"data"))',
}


def blocks(page: str, language: str) -> list[str]:
    """The code of the page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def run_session(page: str) -> None:
    """The examples that show what they give."""
    session = doctest.DocTestParser().get_doctest(
        "\n".join(blocks(page, "pycon")), {}, "page", None, 0
    )
    assert session.examples
    assert doctest.DocTestRunner().run(session).failed == 0


def run_scripts(page: str) -> None:
    """The examples that need files and clouds, one after the other."""
    plate = fs.read_cloud("bracket.stl", unit="mm")
    nominal_scans = [
        fs.subsample_surface(plate, 1500, np.random.default_rng(seed)) for seed in range(6)
    ]
    for number, cloud in enumerate(nominal_scans[:2]):
        fs.write_cloud(Path("scans") / f"{number}.ply", cloud)
    rng = np.random.default_rng(0)
    scanned = fs.virtual_scan(plate, views=6, points=4000, noise=0.05, rng=rng)
    fs.write_cloud("scan.ply", scanned)
    names = {
        "Path": Path,
        "config": from_record(json.loads(Path("config.json").read_text("utf-8"))),
        "fs": fs,
        "nominal_scans": nominal_scans,
        "scan": nominal_scans[-1],
    }
    for code in blocks(page, "python"):
        for large, small in SMALLER.items():
            code = code.replace(large, small)
        exec(code, names)


# The examples start processes, which import this file again.
if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    run_session(text)
    run_scripts(text)
    print("all examples ran")
