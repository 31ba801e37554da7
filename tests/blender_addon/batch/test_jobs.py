"""Jobs are done once each, whole or not at all, and whatever was done before them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import pytest

from blender_addon.batch.jobs import UNFINISHED, Job, Session, is_done, read_record
from blender_addon.batch.saving import save_blend
from blender_addon.batch.workers import run_jobs
from blender_addon.documents.errors import AddonError
from blender_addon.exchange.recipes import recipe_of
from blender_addon.stack.modifiers import add_defect
from tests.blender import add_part, egg

DENT = {"kind": "dent", "center": [0.0, 0.0, 0.5], "radius": 0.2, "depth": 0.05}
SCRATCH = {
    "kind": "scratch",
    "path": {"points": [[0.0, -0.2, 0.5], [0.0, 0.2, 0.5]]},
    "width": 0.1,
    "depth": 0.02,
}


def write(part: bpy.types.Object, job: Job, folder: Path) -> dict[str, Any]:
    """A task: the part's recipe, in as many copies as the options say."""
    (folder / job.name).parent.mkdir(parents=True)
    for number in range(job.options.get("copies", 1)):
        text = json.dumps(recipe_of(part))
        (folder / f"{job.name}-{number}.json").write_text(text, encoding="utf-8")
    if job.options.get("fails"):
        raise AddonError("it was to fail")
    return {"defects": len(recipe_of(part)["defects"])}


TASKS = {"write": write}


@pytest.fixture
def jobs(tmp_path: Path) -> dict[str, Job]:
    """Of a .blend file with one dent: as it is, nominal, and with a recipe that has a name."""
    part = add_part(*egg(), "egg")
    add_defect(part, "dent", DENT)
    save_blend(part, tmp_path / "egg.blend")
    recipe = {"schema_version": 1, "name": "scratched", "part": {"diagonal": 2.6}}
    text = json.dumps({**recipe, "defects": [SCRATCH]})
    (tmp_path / "recipe.json").write_text(text, encoding="utf-8")
    plain = Job("egg/plain", "write", str(tmp_path / "egg.blend"), object="egg")
    return {
        "scratched": replace(plain, name="egg/scratched", recipe=str(tmp_path / "recipe.json")),
        "nominal": replace(plain, name="egg/nominal", nominal=True),
        "plain": plain,
    }


def documents(out: Path) -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in (out / "egg").glob("*.json")}


def test_a_job_finds_the_part_as_if_it_were_the_first(jobs: dict[str, Job], tmp_path: Path) -> None:
    for job in jobs.values():
        Session(TASKS, tmp_path / "alone").do(job)
    together = Session(TASKS, tmp_path / "together")
    for job in jobs.values():
        together.do(job)
    found = documents(tmp_path / "together")
    assert found == documents(tmp_path / "alone")
    kinds = {name: [d["kind"] for d in document["defects"]] for name, document in found.items()}
    assert kinds == {"plain-0": ["dent"], "nominal-0": [], "scratched-0": ["dent", "scratch"]}
    assert found["scratched-0"]["name"] == "scratched"
    assert found["nominal-0"]["name"] == "egg"


def test_nothing_of_a_job_stays_in_the_file(jobs: dict[str, Job], tmp_path: Path) -> None:
    session = Session(TASKS, tmp_path)
    counts = []
    for name in ("plain", "scratched", "scratched"):
        session.do(jobs[name])
        names = ("objects", "meshes", "scenes")
        counts.append([len(getattr(bpy.data, name)) for name in names])
    assert counts[0] == counts[1] == counts[2]


def test_what_is_done_is_not_done_again(jobs: dict[str, Job], tmp_path: Path) -> None:
    job = jobs["plain"]
    assert not is_done(tmp_path, job)
    Session(TASKS, tmp_path).do(job)
    assert is_done(tmp_path, job)
    assert (read_record(tmp_path, job) or {})["defects"] == 1
    assert not is_done(tmp_path, replace(job, options={"copies": 2}))
    (tmp_path / "egg" / "plain-0.json").unlink()
    assert not is_done(tmp_path, job)


def test_other_results_take_the_place_of_the_first(jobs: dict[str, Job], tmp_path: Path) -> None:
    job = jobs["plain"]
    for copies in (3, 1):
        Session(TASKS, tmp_path).do(replace(job, options={"copies": copies}))
    assert list(documents(tmp_path)) == ["plain-0"]


def test_a_failure_leaves_nothing_and_does_not_stop_the_others(
    jobs: dict[str, Job], tmp_path: Path
) -> None:
    said: list[str] = []
    bad = replace(jobs["nominal"], options={"fails": True})
    failed = run_jobs([bad, jobs["plain"]], tmp_path, TASKS, 0, said.append)
    assert failed == {"egg/nominal": f"{bad.part}: it was to fail"}
    assert said[1] == f"[1/2] egg/nominal  FAILED: {bad.part}: it was to fail"
    assert list(documents(tmp_path)) == ["plain-0"]
    assert not (tmp_path / UNFINISHED).exists()
    assert not is_done(tmp_path, bad)


def test_the_digest_tells_files_by_what_is_in_them(jobs: dict[str, Job], tmp_path: Path) -> None:
    job = jobs["scratched"]
    (tmp_path / "elsewhere").mkdir()
    for path in (job.part, job.recipe):
        assert path is not None
        (tmp_path / "elsewhere" / Path(path).name).write_bytes(Path(path).read_bytes())
    moved = replace(
        job,
        part=str(tmp_path / "elsewhere" / "egg.blend"),
        recipe=str(tmp_path / "elsewhere" / "recipe.json"),
    )
    assert moved.digest() == job.digest()
    other = tmp_path / "elsewhere" / "other" / "recipe.json"
    other.parent.mkdir()
    other.write_bytes(b"{}")
    assert replace(job, recipe=str(other)).digest() != job.digest()
