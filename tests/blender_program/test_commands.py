"""The extension's commands in a real Blender, as people run them."""

from __future__ import annotations

from tests.blender_program.program import Blender


def test_the_command_is_there(blender: Blender) -> None:
    result = blender.command("--help")
    assert result.returncode == 0, result.stderr
    assert "showcase" in result.stdout
