"""What the demo costs and reaches, and what its training costs beside that of another version.

    python benchmarks/demo.py OUT [--quick] [--before CHECKOUT] > benchmarks/demo.txt

Runs the demo into the folder OUT, which should be new, and prints the seconds of all processors
together that each step took, the table, and the verdicts. With CHECKOUT, the folder of an earlier
version, it also trains on the demo's data with both versions in turn; the ratio says what the
change is worth on any machine. In the end it prints what an earlier demo printed, for comparison.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

from backend.demo.report import decision_line

ROOT = Path(__file__).parents[1]
NOMINAL = "nominal"
EARLIER = Path(__file__).with_name("demo_before.txt")


def flawsmith(checkout: Path, *arguments: str | Path) -> tuple[float, float]:
    """Run the command of a checkout; seconds on the clock, and of all processors together."""
    command = [sys.executable, "-m", "backend.cli", *map(str, arguments)]
    began, cpu = time.perf_counter(), _cpu_seconds()
    path = {"PYTHONPATH": str(checkout)}
    subprocess.run(command, cwd=checkout, env=os.environ | path, check=True, stdout=sys.stderr)
    return time.perf_counter() - began, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    return sum(os.times()[:4])


def show_steps(metrics: dict[str, Any], clock: float, cpu: float) -> None:
    """A row for each step."""
    print(f"{'step':14}{'CPU seconds':>12}{'seconds':>10}")
    for name, seconds in metrics["seconds"].items():
        print(f"{name:14}{metrics['cpu_seconds'][name]:12.1f}{seconds:10.1f}")
    print(f"{'whole command':14}{cpu:12.1f}{clock:10.1f}")


def show_table(metrics: dict[str, Any]) -> None:
    """A row for each kind of defect."""
    print(f"\n{'kind':10}{'scans':>6}{'O-AUROC':>9}{'interval':>15}{'P-AUROC':>9}{'AUPRO':>8}")
    for row in metrics["rows"]:
        low, high = row["o_auroc_interval"]
        interval = "" if low is None else f"{low:.3f} to {high:.3f}"
        figures = f"{row['o_auroc']:9.3f}{interval:>15}{row['p_auroc']:9.3f}{row['aupro']:8.3f}"
        print(f"{row['kind']:10}{row['anomalous_clouds']:6}{figures}")


def show_verdicts(metrics: dict[str, Any]) -> None:
    """How many scans of each kind get each verdict, with 95 % intervals (Clopper and Pearson)."""
    print(f"\n{decision_line(metrics['scans'])}")
    for anomalous, verdicts in ((True, ("reject",)), (False, ("reject", "review"))):
        own = [scan for scan in metrics["scans"] if (scan["kind"] != NOMINAL) is anomalous]
        for verdict in verdicts:
            count = sum(scan["verdict"] == verdict for scan in own)
            low, high = binomtest(count, len(own)).proportion_ci(method="exact")
            which = "anomalous" if anomalous else "nominal"
            print(f"{which}, {verdict}: {count / len(own):.1%} ({low:.1%} to {high:.1%})")


def show_kinds(metrics: dict[str, Any]) -> None:
    """What each kind is called."""
    called: dict[str, dict[str, int]] = metrics["called"]
    names = list(dict.fromkeys([*called, *(name for row in called.values() for name in row)]))
    print(f"\n{'called':10}" + "".join(f"{name:>10}" for name in names))
    for kind, row in called.items():
        print(f"{kind:10}" + "".join(f"{row.get(name, 0) or '':>10}" for name in names))


def compare_training(demo: Path, before: Path) -> None:
    """Train on the demo's data with this version and with an earlier one."""
    data = demo / "train"
    asked = ("--unit", "mm", "--no-crop", "--template", data / "parts.json")
    times = {}
    for name, checkout in {"before": before, "now": ROOT}.items():
        with tempfile.TemporaryDirectory() as folder:
            settings = ("--config", data / "settings.json", "--out", folder)
            times[name] = flawsmith(checkout, "train", data, *asked, *settings)
    print("\nflawsmith train on the demo's data")
    for name, (clock, cpu) in times.items():
        print(f"{name:14}{cpu:12.1f}{clock:10.1f}")
    ratios = [now / then for now, then in zip(times["now"], times["before"], strict=True)]
    print(f"{'ratio':14}{ratios[1]:12.2f}{ratios[0]:10.2f}")


def main() -> None:
    """Run, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("out", type=Path, help="folder for the demo's results")
    parser.add_argument("--quick", action="store_true", help="run the quick demo")
    parser.add_argument("--before", type=Path, help="folder of an earlier version")
    asked = parser.parse_args()
    out, quick = asked.out.resolve(), ["--quick"] if asked.quick else []
    clock, cpu = flawsmith(ROOT, "demo", "--out", out, *quick)
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    show_steps(metrics, clock, cpu)
    show_table(metrics)
    show_verdicts(metrics)
    show_kinds(json.loads((out / "evaluation" / "metrics.json").read_text(encoding="utf-8")))
    if asked.before is not None:
        compare_training(out, asked.before.resolve())
    print("\n" + EARLIER.read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    main()
