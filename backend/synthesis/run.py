"""Synthesise a data set: samples from a template and defect-free scans, spread over processes.

Every file depends on the plan alone, appears whole, and is made where it is missing. So a run that
was killed goes on when it is run again, and the data set comes out the same, byte for byte, however
often that happens and however many processes work, on one kind of processor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from backend.cloud.surface import require_faces
from backend.dataset.shards import SUFFIX
from backend.engine.lock import locked
from backend.engine.processes import Workers
from backend.errors import DatasetError
from backend.io import FIELD_SUFFIXES, read_cloud, write_json
from backend.io.atomic import UNFINISHED
from backend.progress import Following, Progress, following, silent, track
from backend.synthesis.manifest import Inputs, Manifest, MissingEntry, SampleEntry, ScanEntry
from backend.synthesis.plan import SynthesisPlan
from backend.synthesis.prepared_scans import prepare_scan
from backend.synthesis.samples import SampleTask, make_sample
from shared_schema.load import load_template, load_views

# Samples of one scan that go to one process together: the scan is read and indexed once for them.
LARGEST_CHUNK = 8
GROUPS_PER_PROCESS = 4


@dataclass(frozen=True)
class Synthesis:
    """A data set in the making; the steps are to be taken in their plan.

    Attributes:
        plan: what to make.
        inputs: of the plan.
        count: samples in all.
        workers: who does the work.
        notices: whole sentences for the user about the nominal model.
    """

    plan: SynthesisPlan
    inputs: Inputs
    count: int
    workers: Workers
    notices: tuple[str, ...] = ()

    def scans(self, progress: Progress = silent) -> Iterator[ScanEntry]:
        """Prepare the scans; each, or why it is skipped, as it is finished."""
        files = self.plan.scan_files()
        prepared = self.workers.map_unordered(partial(prepare_scan, self.plan), files)
        return track(progress, prepared, "Preparing scans", len(files))

    def samples(
        self, scans: Iterable[ScanEntry], progress: Progress = silent
    ) -> Iterator[SampleEntry | MissingEntry]:
        """Make the samples, on the usable ones of ``scans`` in turn; each as it is finished.

        Raises:
            DatasetError: no scan is usable.
        """
        ordered = sorted(scans, key=lambda entry: entry.scan)
        usable = [entry.scan for entry in ordered if entry.skipped is None]
        if not usable:
            reason = ordered[0].skipped
            raise DatasetError(
                f"none of the {len(ordered)} scans can be used; the reason of the first is: "
                f"{reason}"
            )
        tasks = [SampleTask(number, usable[number % len(usable)]) for number in range(self.count)]
        # Scan by scan, for what a process has in memory.
        tasks.sort(key=lambda task: (task.scan, task.number))
        # A few groups for each process, so that all of them end at about the same time.
        groups = max(len(usable), GROUPS_PER_PROCESS * self.workers.jobs)
        chunk_size = min(LARGEST_CHUNK, -(-self.count // groups))
        made = self.workers.map_unordered(
            partial(make_sample, self.plan), tasks, chunk_size=chunk_size
        )
        return track(progress, made, "Making samples", len(tasks))

    def finish(
        self, scans: Iterable[ScanEntry], samples: Iterable[SampleEntry | MissingEntry]
    ) -> Manifest:
        """Write the manifest.

        Raises:
            DatasetError: there is no sample at all.
        """
        made = sorted(samples, key=lambda entry: entry.sample)
        manifest = Manifest(
            count=self.count,
            inputs=self.inputs,
            scans=tuple(sorted(scans, key=lambda entry: entry.scan)),
            samples=tuple(entry for entry in made if isinstance(entry, SampleEntry)),
            missing=tuple(entry for entry in made if isinstance(entry, MissingEntry)),
        )
        if not manifest.samples:
            reason = manifest.missing[0].missing
            raise DatasetError(
                f"none of the {self.count} samples can be made; the reason of the first is: "
                f"{reason}"
            )
        _remove_unfinished(self.plan)
        write_json(self.plan.manifest_file, manifest.model_dump(mode="json"))
        return manifest


def synthesize(
    plan: SynthesisPlan, count: int, jobs: int | None = None, *, progress: Following = "bars"
) -> Manifest:
    """Make the data set ``plan`` with ``count`` samples, or what is missing of it.

    Args:
        plan: what to make.
        count: samples in all.
        jobs: processes; as many as there are cores if None.
        progress: ``"bars"`` shows bars on standard error, if that is a terminal or a notebook; None
            shows nothing; a ``Progress`` is a function of yours that is called after each item.

    Raises:
        DatasetError: the folder holds other files, or no sample can be made.
        EngineError: another run is at work there, or a process was killed.

    >>> (folder / "scans").mkdir()
    >>> plate = fs.load_sample("plate_holes")
    >>> scan = fs.subsample_surface(plate, 4000, np.random.default_rng(0))
    >>> fs.write_cloud(folder / "scans" / "0.ply", scan)
    >>> template = folder / "dents.json"
    >>> _ = template.write_text(fs.dump(fs.load_template("sheet_metal/dents")))
    >>> plan = fs.SynthesisPlan(template, folder / "scans", folder / "data", "plate")
    >>> manifest = fs.synthesize(plan, count=2, jobs=1, progress=None)
    >>> [entry.cloud.file for entry in manifest.samples]
    ['plate/anomalous/00000.safetensors', 'plate/anomalous/00001.safetensors']
    """
    with open_synthesis(plan, count, jobs) as synthesis, following(progress) as follow:
        scans = list(synthesis.scans(follow))
        return synthesis.finish(scans, list(synthesis.samples(scans, follow)))


@contextmanager
def open_synthesis(plan: SynthesisPlan, count: int, jobs: int | None = None) -> Iterator[Synthesis]:
    """The data set as it is, ready to be made or to go on; one run at a time.

    Raises:
        DatasetError: what is there was made from something else, or is not of this program.
        EngineError: another run is at work there.
    """
    notices = _check(plan)
    inputs = Inputs.of(plan)
    with locked(plan.work_folder / "lock"):
        if plan.inputs_file.exists():
            _check_same(plan, inputs)
            _check_count(plan, count)
        else:
            _check_free(plan)
            write_json(plan.inputs_file, inputs.model_dump(mode="json"))
        _remove_unfinished(plan)
        # Where it is, everything is; so not while something may be missing.
        plan.manifest_file.unlink(missing_ok=True)
        with Workers(jobs) as workers:
            yield Synthesis(plan, inputs, count, workers, notices)


def _check(plan: SynthesisPlan) -> tuple[str, ...]:
    """Refuse at once what would fail on every scan or sample; what to tell of the nominal model."""
    name = plan.category
    if not name or name.startswith(".") or Path(name).name != name:
        raise DatasetError(
            f"category {name!r} cannot be the name of a folder; choose another category"
        )
    unit = load_template(plan.template).unit
    if plan.views is not None and load_views(plan.views).unit is not unit:
        raise DatasetError(
            f"{plan.views} is not in {unit}, which is the unit of the template; render it again"
        )
    notices: tuple[str, ...] = ()
    if plan.nominal is not None:
        model = read_cloud(plan.nominal).surface
        require_faces(model)
        notices = model.notices
    if plan.suffix not in (SUFFIX, *FIELD_SUFFIXES):
        raise DatasetError(
            f"samples cannot be {plan.suffix!r} files; use one of "
            f"{', '.join((SUFFIX, *FIELD_SUFFIXES))}"
        )
    if plan.nominal_scans and plan.scans.resolve() == plan.nominal_folder.resolve():
        raise DatasetError(
            f"{plan.scans} is the folder to which the nominal scans of the data set would be "
            "written; pass --no-nominal, or choose another --out folder"
        )
    return notices


def _check_same(plan: SynthesisPlan, inputs: Inputs) -> None:
    try:
        before = Inputs.model_validate_json(plan.inputs_file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetError(
            f"{plan.inputs_file} cannot be read; choose another folder ({error})"
        ) from error
    different = before.differences(inputs)
    if different:
        raise DatasetError(
            f"{plan.folder} was made with other inputs: {'; '.join(different)}. Give the same "
            "inputs to continue, or choose another folder"
        )


def _check_count(plan: SynthesisPlan, count: int) -> None:
    done = (plan.sample_file(0), plan.missing_file(0))
    names = [path for like in done for path in like.parent.glob(f"*{like.suffix}")]
    last = max((int(path.stem) for path in names if path.stem.isdecimal()), default=-1)
    if last >= count:
        raise DatasetError(
            f"{plan.folder} already has sample {last}, which is beyond {count} samples; ask for "
            f"{last + 1} or more, or choose another folder"
        )


def _check_free(plan: SynthesisPlan) -> None:
    """Never write over, or list as ours, what something else has put there."""
    folders = [plan.anomalous_folder, *([plan.nominal_folder] if plan.nominal_scans else [])]
    there = [path for folder in folders for path in folder.glob("*")]
    there += [path for path in [plan.manifest_file] if path.exists()]
    if there:
        raise DatasetError(
            f"{there[0]} exists already, and {plan.folder} was not made by synthesize; choose "
            "another folder or category"
        )


def _remove_unfinished(plan: SynthesisPlan) -> None:
    """Remove what killed processes have left half written."""
    for path in list(plan.folder.rglob(".*.tmp")):
        if UNFINISHED.fullmatch(path.name):
            path.unlink(missing_ok=True)
