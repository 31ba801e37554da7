"""Documents are read by the backend's command, and what they name is loaded as modifiers."""

from __future__ import annotations

import json
import os
import sys
import webbrowser
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from backend.cli.instruct import PROCESS_NAMES
from backend.io import read_cloud
from blender_addon.exchange.templates import template_of
from blender_addon.knowledge import loading, program, reading, results
from blender_addon.parts.frame import set_part_frame
from blender_addon.stack.modifiers import add_defect, defect_modifiers, read_value
from tests.blender import add_part, bundled
from tests.blender_addon.knowledge.pretended import TEMPLATE, pretended_command

pytestmark = pytest.mark.usefixtures("registered")

TEXT = """Prüfbericht: bracket, machined from aluminium.

- Dents of 3 to 4 mm in diameter and 0.3 to 0.5 mm deep occur.
- Scratches of 10 to 15 mm in length and 0.2 mm deep occur.
- Burrs higher than 0.4 mm are not permitted.
- No cracks were found.
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, with nothing in it yet."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    for module in (reading, loading):
        monkeypatch.setattr(module, "temporary_folder", lambda: folder)
    return folder


def use_command(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Put a command first on the PATH."""
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def knowledge(obj: Any) -> Any:
    return results.knowledge_of(obj)


def read(path: Path, **options: Any) -> set[str]:
    return set(bpy.ops.flawsmith.read_document(filepath=str(path), **options))


def test_a_document_becomes_modifiers_with_the_sizes_that_it_says(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real command, on a document and a part whose names have spaces and umlauts."""
    use_command(monkeypatch, Path(sys.executable).with_name("flawsmith"))
    path = tmp_path / "mein Prüf bericht.md"
    path.write_text(TEXT, encoding="utf-8")
    part = add_part(*bundled("motor_holder"), "Träger & Co")
    bpy.context.view_layer.objects.active = part
    bpy.ops.ed.undo_push(message="before")
    assert read(path) == {"FINISHED"}
    items = {item.name: item for item in knowledge(part).items}
    assert {name: item.used for name, item in items.items()} == {
        "Dents": True,
        "Scratches": True,
        "Burrs": True,
        "Cracks": False,
    }
    assert items["Dents"].sizes == "depth 0.3 to 0.5 mm, diameter 3 to 4 mm"
    assert "Dents of 3 to 4 mm" in items["Dents"].quote and items["Dents"].source == path.name
    assert items["Cracks"].polarity == "absent" and items["Cracks"].reason
    by_name = {modifier.name: modifier for modifier in defect_modifiers(part)}
    assert list(by_name) == ["dents", "scratches", "burrs"]
    assert 1.5 <= read_value(by_name["dents"], "radius") <= 2.0
    assert 0.3 <= read_value(by_name["dents"], "depth") <= 0.5
    assert read_value(by_name["scratches"], "depth") == pytest.approx(0.2)
    lengths = {one["name"]: one.get("length") for one in template_of(part)["defects"]}
    assert (lengths["scratches"]["min"], lengths["scratches"]["max"]) == (10.0, 15.0)
    page = Path(knowledge(part).page)
    assert path.name in page.read_text(encoding="utf-8")
    assert list(temporary.iterdir()) == [page.parent]
    bpy.ops.ed.undo_push(message="read")
    bpy.ops.ed.undo()
    assert not defect_modifiers(bpy.data.objects["Träger & Co"])


def test_the_command_gets_the_part_without_defects_in_its_unit_and_frame(
    active_egg: Any, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_part_frame(active_egg, "cm", (100.0, 0.0, 0.0))
    add_defect(active_egg, "dent", {"depth": 0.2, "label": 1})
    folder = tmp_path / "pretended"
    use_command(monkeypatch, pretended_command(folder))
    monkeypatch.setenv("PYTHONHOME", "where Blender's own Python is")
    text = bpy.data.texts.new("Über den Guß/1")
    text.from_string("Dents.")
    parts = []

    def write(path: Path, obj: Any) -> None:
        write_nominal(path, obj)
        parts.append(read_cloud(path))

    write_nominal = reading.write_nominal
    monkeypatch.setattr(reading, "write_nominal", write)
    bpy.ops.flawsmith.read_document(text=text.name, process="casting")
    asked = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    assert (asked["text"], asked["home"]) == ("Dents.", None)
    assert Path(asked["asked"][3]).name == "Über den Guß_1.txt"
    assert asked["asked"][6:] == ["--nominal-unit", "cm", "--fix", "--process", "casting"]
    points = np.array([vertex.co for vertex in active_egg.data.vertices])
    np.testing.assert_allclose(parts[0].points - (100.0, 0.0, 0.0), points, atol=1e-9)
    # The template is in mm; the label is past that of the defect before it.
    _, dent = defect_modifiers(active_egg)
    assert read_value(dent, "depth") == pytest.approx(0.02)
    assert read_value(dent, "label") == 2
    assert knowledge(active_egg).read == "Über den Guß/1.txt"


def test_the_list_says_what_the_document_says(
    active_egg: Any, tmp_path: Path, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_command(monkeypatch, pretended_command(tmp_path / "pretended"))
    for _ in range(2):
        read(document, replace=True)
    known = knowledge(active_egg)
    assert len(defect_modifiers(active_egg)) == 1
    first, second = known.items
    assert (first.name, first.sizes) == ("Blow holes", "diameter 2 to 3 mm, angle up to 5°")
    assert (first.place, first.count, first.source) == ("top", "2 to 5", "a.txt")
    assert first.reason == "The text says that it occurs."
    assert (second.used, second.quote, second.kind) == (False, "", "")
    [finding] = known.findings
    assert (finding.name, finding.message) == ("dents", "The surface folds over itself.")
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    bpy.ops.flawsmith.open_report()
    assert opened == [Path(known.page).as_uri()]
    loading.forget_last(known)
    with pytest.raises(RuntimeError, match="There is no report"):
        bpy.ops.flawsmith.open_report()


def test_what_a_file_calls_a_report_is_neither_opened_nor_removed(
    active_egg: Any, tmp_path: Path, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_command(monkeypatch, pretended_command(tmp_path / "pretended"))
    monkeypatch.setattr(webbrowser, "open", lambda uri: pytest.fail(uri))
    page = tmp_path / "flawsmith_report_own" / "page.html"
    page.parent.mkdir()
    page.touch()
    for name in (str(page), str(document), "page.html", "/", ""):
        knowledge(active_egg).page = name
        with pytest.raises(RuntimeError, match="There is no report"):
            bpy.ops.flawsmith.open_report()
        knowledge(active_egg).page = name
        read(document, replace=True)
        assert page.exists() and document.exists()


def test_a_command_that_finds_no_defect_says_so_and_lists_what_is_absent(
    active_egg: Any,
    tmp_path: Path,
    document: Path,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = "a line\nError: PART: the documents give no defect\nthat can be made"
    command = pretended_command(tmp_path / "pretended", template=None, status=1, said=said)
    use_command(monkeypatch, command)
    message = "part/egg.ply: the documents give no defect\nthat can be made."
    with pytest.raises(RuntimeError) as raised:
        read(document)
    known = knowledge(active_egg)
    assert message.casefold() in str(raised.value).casefold()
    assert known.message.casefold() == message.casefold()
    assert len(known.items) == 2 and known.page
    assert not defect_modifiers(active_egg)
    assert [path.name for path in temporary.iterdir()] == [Path(known.page).parent.name]


def test_a_command_that_crashes_is_told_by_its_last_words(
    active_egg: Any, tmp_path: Path, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = pretended_command(tmp_path / "p", template=None, status=3, said="Traceback\nboom")
    use_command(monkeypatch, command)
    with pytest.raises(RuntimeError, match=r"ended with status 3: Traceback \| boom\."):
        read(document)


@pytest.mark.parametrize("items", [[{"defect": "any/dents"}], ["dents"]])
def test_a_report_of_another_version_is_refused(
    active_egg: Any,
    tmp_path: Path,
    document: Path,
    items: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_command(monkeypatch, pretended_command(tmp_path / "p", items=items))
    with pytest.raises(RuntimeError, match="install the same version of both"):
        read(document)
    assert not defect_modifiers(active_egg)


def test_a_template_that_breaks_the_schema_is_refused(
    active_egg: Any, tmp_path: Path, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = {**TEMPLATE, "schema_version": 7}
    use_command(monkeypatch, pretended_command(tmp_path / "p", template=template))
    with pytest.raises(RuntimeError, match="7 is not supported"):
        read(document)
    assert "7 is not supported" in knowledge(active_egg).message


def test_a_missing_command_is_told_with_the_way_to_install_it(
    active_egg: Any, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="was not found on the PATH") as raised:
        read(document)
    assert program.INSTALL in str(raised.value)
    assert program.INSTALL in knowledge(active_egg).message
    assert program.missing_command() == knowledge(active_egg).message


def test_the_preferences_name_the_command(
    active_egg: Any, tmp_path: Path, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    command = pretended_command(tmp_path / "own place")
    addons: Any = bpy.context.preferences.addons
    addon = addons.new()
    addon.module = program.EXTENSION
    try:
        addon.preferences.command = str(command)
        assert read(document) == {"FINISHED"}
        command.chmod(0o644)
        assert "is no program" in str(program.missing_command())
        command.unlink()
        assert "there is no such file" in str(program.missing_command())
    finally:
        addons.remove(addon)


def test_what_cannot_be_read_is_told_before_the_command_starts(
    active_egg: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_command(monkeypatch, pretended_command(tmp_path / "p"))
    with pytest.raises(RuntimeError, match=r"Choose a document first\."):
        bpy.ops.flawsmith.read_document()
    with pytest.raises(RuntimeError, match="there is no such document"):
        read(tmp_path / "none.pdf")
    picture = tmp_path / "a.png"
    picture.write_bytes(b"")
    with pytest.raises(RuntimeError, match=r"documents end in \.txt"):
        read(picture)
    with pytest.raises(RuntimeError, match="There is no text block 'x'"):
        bpy.ops.flawsmith.read_document(text="x")
    bpy.data.texts.new("empty")
    with pytest.raises(RuntimeError, match="'empty' is empty"):
        bpy.ops.flawsmith.read_document(text="empty")
    bpy.data.texts["empty"].from_string("Dents.")
    active_egg.scale = (2.0, 2.0, 2.0)
    with pytest.raises(RuntimeError, match="scale"):
        bpy.ops.flawsmith.read_document(text="empty")
    assert not (tmp_path / "p" / "runs").exists()


def started(part: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> reading.Reading:
    """A reading whose command waits."""
    use_command(monkeypatch, pretended_command(tmp_path / "waiting", waits=True))
    return reading.Reading(part, reading.text_source("a", "Dents."), "")


def test_a_reading_is_cancelled_and_leaves_nothing(
    active_egg: Any, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released: list[bool] = []
    one = started(active_egg, tmp_path, monkeypatch)
    one.release = lambda: released.append(True)
    assert len(list(temporary.iterdir())) == 1
    bpy.data.texts.new("b").from_string("Dents.")
    with pytest.raises(RuntimeError, match=r"a\.txt is being read; wait for it, or cancel it"):
        bpy.ops.flawsmith.read_document(text="b")
    assert bpy.ops.flawsmith.cancel_reading() == {"FINISHED"}
    one.end()
    assert (released, one.is_done, reading.running()) == ([True], True, None)
    assert not list(temporary.iterdir())
    assert not bpy.ops.flawsmith.cancel_reading.poll()


def test_a_reading_ends_where_another_file_is_opened(
    active_egg: Any, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = started(active_egg, tmp_path, monkeypatch)
    assert len(list(temporary.iterdir())) == 1
    bpy.ops.wm.read_homefile(use_empty=True)
    assert one.is_done and not one.goes_on and not list(temporary.iterdir())


def test_a_part_may_be_renamed_but_not_deleted_meanwhile(
    active_egg: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = started(active_egg, tmp_path, monkeypatch)
    (tmp_path / "waiting" / "go").touch()
    one.wait()
    active_egg.name = "called otherwise"
    try:
        assert len(loading.take_up(one, replace=False)) == 1
        bpy.data.objects.remove(active_egg)
        with pytest.raises(ValueError, match=r"'egg' was deleted while a\.txt was read for it"):
            loading.take_up(one, replace=False)
    finally:
        one.end()


def test_the_processes_are_those_of_the_command() -> None:
    assert tuple(results.PROCESSES) == PROCESS_NAMES
