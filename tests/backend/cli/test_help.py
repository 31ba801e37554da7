"""Every command and option is documented, and help needs nothing heavy."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from backend import __version__
from backend.cli import COMMANDS, main
from backend.samples import sample_path

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
DOCUMENTATION = PAGE.read_text(encoding="utf-8")
HEAVY = ("bpy", "fastapi", "matplotlib", "numpy", "scipy", "sklearn", "torch", "trimesh", "uvicorn")


def section(name: str) -> str:
    """The documentation of a command."""
    match = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", DOCUMENTATION, re.DOTALL | re.MULTILINE)
    assert match is not None, f"docs/reference/cli.md says nothing of {name}"
    return match[1]


def command_of(name: str) -> click.Command:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return command


def test_commands_are_those_that_are_documented() -> None:
    documented = re.findall(r"^## ([\w-]+)$", DOCUMENTATION, re.MULTILINE)
    assert sorted(documented) == sorted(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_documentation_names_arguments_and_options_and_no_others(name: str) -> None:
    text, command = section(name), command_of(name)
    usage = re.search(rf"^    flawsmith {name}.*$", text, re.MULTILINE)
    assert usage is not None
    options = set()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            options |= set(parameter.opts)
        else:
            assert parameter.name is not None and parameter.name.upper() in usage[0]
    assert set(re.findall(r"^\| `(--[\w-]+)` \|", text, re.MULTILINE)) == options
    assert set(re.findall(r"--[\w-]+", usage[0])) <= options


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_describes_every_option(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert command_of(name).help
    for parameter in command_of(name).params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert parameter.opts[0] in result.output


def test_help_imports_nothing_heavy() -> None:
    program = f"""
import sys
from click.testing import CliRunner
from backend.cli import main
for name in main.list_commands(None):
    assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0
print(sorted(set(sys.modules) & set({HEAVY!r})))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout == "[]\n", result.stderr


def test_the_list_of_commands_is_whole_and_loads_none_of_them() -> None:
    program = """
import sys
from click.testing import CliRunner
from backend.cli import main
print(CliRunner().invoke(main, ["--help"]).output)
print(sorted(name for name in sys.modules if name.startswith(("backend.cli.", "pydantic"))))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.endswith("[]\n"), result.stderr
    for name, text in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(text)}$", result.stdout, re.MULTILINE), name
    unknown = CliRunner().invoke(main, ["repaly"])
    assert unknown.exit_code == 2 and "'repaly'. Did you mean 'replay'?" in unknown.output


def test_version_and_module() -> None:
    command = [sys.executable, "-m", "backend.cli", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == f"flawsmith, version {__version__}\n"


def test_a_scan_is_refused_for_its_own_reason_where_no_picture_can_be_drawn(tmp_path: Path) -> None:
    """A plain install has no matplotlib, and without --picture none is needed."""
    scan, recipe = tmp_path / "scan.xyz", tmp_path / "recipe.json"
    scan.write_text("".join(f"{x} {y} 0\n" for x in range(6) for y in range(6)))
    recipe.write_text('{"schema_version": 1, "part": {"diagonal": 366.5}, "defects": []}')
    nominal = ("--nominal", str(sample_path("plate_holes")), "--out", str(tmp_path / "out"))
    program = (
        "import sys; sys.modules['matplotlib'] = None; from backend.cli import main; "
        f"main(['replay', {str(recipe)!r}, {str(scan)!r}, *{nominal!r}])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 1
    assert "the scan fits the whole nominal model if it is" in result.stderr.replace("\n", " ")


def test_a_missing_optional_package_is_named_with_its_command(tmp_path: Path) -> None:
    scan = tmp_path / "scan.xyz"
    scan.write_text("1 2 3\n")
    program = (
        "import sys; sys.modules['torch'] = None; from backend.cli import main; "
        f"main(['score', {str(scan)!r}, {str(scan)!r}, '--out', {str(tmp_path / 'out')!r}])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr == "Error: this needs torch; install it by: " + (
        "pip install 'flawsmith[detector]'\n"
    )
