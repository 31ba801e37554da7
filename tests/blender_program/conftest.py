from tests.blender_program.program import any_blender as any_blender
from tests.blender_program.program import archive as archive
from tests.blender_program.program import blender as blender
