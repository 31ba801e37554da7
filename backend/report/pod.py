"""How small a defect a detector finds, as a page and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from backend.evaluation.pod.places import Patches
from backend.evaluation.pod.plan import PodPlan
from backend.evaluation.pod.run import Examined, examine, forget
from backend.io import remove_unfinished, write_bytes, write_json
from backend.progress import Following, following
from backend.report import render_report
from backend.report.pod_pictures import curve_picture, place_map
from backend.wording import counted
from shared_schema.pod import PodReport, PodSweep

PAGE, FIGURES = "report.html", "pod.json"


def pod(plan: PodPlan, jobs: int | None = None, *, progress: Following = "bars") -> PodReport:
    """Examine how small a defect a detector finds, by kind and place, and write the report.

    Args:
        plan: what to examine; a run that was interrupted goes on.
        jobs: processes; as many as there are cores if None. The results do not depend on it.
        progress: ``"bars"`` shows bars on standard error, if that is a terminal or a notebook; None
            shows nothing; a ``Progress`` is a function of yours that is called after each item.

    Returns:
        What ``pod.json`` in the folder of the plan holds; ``report.html`` is beside it.

    Raises:
        DatasetError: no scan can be used, or the category is not clear.
        SchemaError: a template is not valid.
        CloudError: the detector has no limit for it, or does not know its unit.
        SamplingError: a template does not fit.
        EngineError: a process was killed.

    >>> path = detector.save(folder / "detector.safetensors")  # that of ``train``'s example
    >>> (folder / "scans").mkdir()
    >>> fs.write_cloud(folder / "scans" / "0.ply", scans[0])
    >>> plan = fs.PodPlan(path, folder / "scans", folder / "pod")
    >>> try:
    ...     fs.pod(plan, jobs=1, progress=None)
    ... except fs.CloudError as error:
    ...     print(error)  # it learned from three scans
    the detector rejects no scan of 'plate', because 0 held-out nominal scans cannot ...
    """
    files = [plan.out / name for name in (PAGE, FIGURES)]
    with following(progress) as follow:
        examined = examine(plan, jobs, follow)
    remove_unfinished(files)
    write_bytes(files[0], pod_page(examined).encode())
    write_json(files[1], examined.report.model_dump(mode="json"))
    forget(plan)
    return examined.report


def pod_page(examined: Examined) -> str:
    """The page: sizes, what they mean for a quality plan, curves, and maps of the part."""
    report = examined.report
    alarms = report.false_alarms
    defects = len(report.defects)
    return render_report(
        "pod.html.j2",
        title=f"How small a defect is found on {report.category}",
        report=report,
        tiles=[
            {"value": f"{defects:,}", "what": "defects of known size and place"},
            {"value": len(report.scans), "what": "nominal scans that they were made on"},
            {
                "value": f"{alarms.rejected} of {alarms.scans}",
                "what": "nominal scans rejected: the false alarms",
            },
            {
                "value": "{:.1%} – {:.1%}".format(*alarms.interval),
                "what": "95 % interval of the false-alarm rate",
            },
        ],
        plan=list(_plan_sentences(report)),
        sweeps=[_section(examined, sweep) for sweep in report.sweeps],
        conditions=list(_conditions(report)),
    )


def _plan_sentences(report: PodReport) -> Iterator[str]:
    """What a quality plan can state, a sentence each."""
    unit, alarms = report.unit.value, report.false_alarms
    for sweep in report.sweeps:
        curve = sweep.curve
        if curve.a90_95 is not None:
            yield (
                f"{sweep.title}: with a {sweep.size_name} of {curve.a90_95:.3g} {unit} or more, it "
                "is found with a probability of at least 90 %, with a confidence of 95 % "
                f"(a90/95, {curve.defects} defects)"
            )
        else:
            yield f"{sweep.title}: no size is stated. {curve.refusals[0]}"
    yield (
        f"At this sensitivity, {alarms.rejected} of {counted(alarms.scans, 'nominal scan')} "
        f"{'is' if alarms.rejected == 1 else 'are'} rejected, which is a false-alarm rate of "
        "{:.1%} to {:.1%} (95 % interval by Clopper and Pearson)".format(*alarms.interval)
    )
    yield (
        f"This holds for the detector {report.model.file} (SHA-256 {report.model.sha256[:12]}…), "
        f"for {report.category} scanned as in the scans used here, and for defects shaped as in "
        "the templates used here. The defects were made by calculation; the sizes of real defects "
        "that were measured by another method are the proof of it"
    )


def _section(examined: Examined, sweep: PodSweep) -> dict[str, Any]:
    report, part, unit = examined.report, examined.part, examined.report.unit.value
    own = [one for one in report.defects if one.sweep == sweep.key]
    sizes, found = np.array([one.size for one in own]), [one.found for one in own]
    stated = [one for one in sweep.places if one.a90_95 is not None]
    map_png = None
    if stated and len(sweep.places) > 1:
        assert part.normals is not None  # scans are prepared with outward normals
        place = Patches.of_places(report.places, part).number_of(part.points, part.normals)
        map_png = place_map(part, place, sweep, report.places, unit)
    return {
        "sweep": sweep,
        "about": _about(sweep),
        "places": _places_in_words(sweep),
        "curve": curve_picture(sweep, sizes, found, unit) if own else None,
        "map": map_png,
    }


def _about(sweep: PodSweep) -> str:
    curve, parts = sweep.curve, []
    told = ", ".join(f"{count} {verdict}" for verdict, count in sweep.verdicts.items())
    parts.append(f"Verdicts on its scans: {told}." if told else "No defect could be made.")
    if sweep.elsewhere:
        parts.append(
            f"Of the rejected scans, {sweep.elsewhere} {'has' if sweep.elsewhere == 1 else 'have'} "
            "no region at the defect; that counts as a miss."
        )
    if sweep.marked:
        parts.append(
            f"Of the misses, {sweep.marked} {'is' if sweep.marked == 1 else 'are'} marked by a "
            "region, but the scan is not rejected."
        )
    if curve.link is not None:
        tests = [f"p = {curve.curvature:.2g} against a quadratic term"]
        if curve.hosmer_lemeshow is not None:
            tests.append(f"p = {curve.hosmer_lemeshow:.2g} by Hosmer and Lemeshow")
        over = "the logarithm of the size" if curve.log_size else "the size"
        parts.append(
            f"The curve is the {curve.link.value} over {over}, the most likely of four; goodness "
            f"of fit: {' and '.join(tests)}."
        )
    return " ".join(parts)


def _places_in_words(sweep: PodSweep) -> str:
    text = "At each place, the curve is moved along the size; all places share its steepness."
    if sweep.places_differ is not None:
        alike = "differ" if sweep.places_differ < 0.05 else "do not differ beyond chance"
        text += f" The places {alike} (p = {sweep.places_differ:.2g})."
    return text


def _conditions(report: PodReport) -> Iterator[tuple[str, str]]:
    nominal, alarms = report.nominal, report.false_alarms
    yield "detector", f"{report.model.file}, SHA-256 {report.model.sha256}"
    yield "part", report.category
    yield "scans", ", ".join(scan.scan for scan in report.scans)
    yield "nominal model", "none; the scans are in one frame" if nominal is None else nominal.file
    yield "templates", ", ".join(f"{one.file} ({one.sha256[:12]}…)" for one in report.templates)
    yield "defects", f"{report.count} of each entry of the templates, seed {report.seed}"
    yield (
        "limit",
        f"made for {alarms.promised:.1%} false alarms on "
        f"{counted(alarms.limit_scans, 'held-out nominal scan')}",
    )
    yield "curve", "logit or probit over the size or its logarithm, by maximum likelihood"
    yield "bounds", "likelihood ratio, 95 % interval, the farthest of the four curves"
    yield "versions", ", ".join(f"{name} {value}" for name, value in report.versions.items())
