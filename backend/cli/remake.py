"""``flawsmith remake``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backend.cli.options import (
    EXISTING_FILE,
    file_argument,
    one_name_each,
    out_option,
    spare_inputs,
)
from backend.file_names import shown

if TYPE_CHECKING:
    from backend.synthesis.sample_files import SampleFile


@click.command("remake")
@file_argument("records", nargs=-1, required=True)
@out_option("the clouds, each with its record")
@click.option(
    "--scan",
    metavar="FILE",
    type=EXISTING_FILE,
    help="The scan that the samples were made from. By default it is searched beside the record "
    "and at its earlier place.",
)
@click.option(
    "--nominal",
    metavar="FILE",
    type=EXISTING_FILE,
    help="The nominal model that the scan was registered to. It is searched in the same way.",
)
def command(records: tuple[Path, ...], out: Path, scan: Path | None, nominal: Path | None) -> None:
    """Make samples again from their RECORDS.

    A record is the JSON file that `replay` or `synthesize` wrote beside a cloud, or a .safetensors
    sample, which contains its record. The scan and the nominal model must be exactly the files that
    the record names. If the first cloud is still beside its record, the two are compared; a
    difference is reported, and the exit status is then 1.
    """
    from backend.cli.batch import for_each_scan
    from backend.cli.progress import console
    from backend.io import remove_unfinished
    from backend.synthesis.sample_files import SampleFile

    one_name_each(records)
    samples = {path: SampleFile.read(path) for path in records}
    inputs = [*records, *(sample.cloud for sample in samples.values())]
    inputs += [path for path in (scan, nominal) if path is not None]
    outputs = [file for sample in samples.values() for file in sample.files_in(out)]
    spare_inputs(inputs, outputs)
    remove_unfinished(outputs)
    work = _Remaking(samples, out, scan, nominal)
    for_each_scan(records, work.one, "Remaking", "record")
    console.print(f"The clouds are in {out}", markup=False, soft_wrap=True)


@dataclass(frozen=True)
class _Remaking:
    """The request of the command for each record."""

    samples: dict[Path, SampleFile]
    out: Path
    scan: Path | None
    nominal: Path | None

    def one(self, path: Path) -> None:
        """Make the sample of the record at ``path`` again, and compare it with the first."""
        from backend.cli.batch import warn
        from backend.errors import ReplayError
        from backend.synthesis.sample_files import changed_versions

        sample, first = self.samples[path], self.samples[path].cloud
        written = sample.write(sample.remade(self.scan, self.nominal), self.out)
        others = changed_versions(sample.record)
        if not sample.is_there():
            if others:
                warn(f"{shown(path)}: the bytes may differ, because {others}")
        elif written.read_bytes() == first.read_bytes():
            click.echo(f"{shown(written)} has the same bytes as {shown(first)}")
        else:
            why = others or "it may have been written on another kind of processor"
            raise ReplayError(f"{shown(written)} differs from {shown(first)}; {why}")
