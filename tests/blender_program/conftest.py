from tests.blender_program.program import blender as blender
