"""The main job on bundled real data, from a defect in Blender to a measured detector.

``run.py`` says what happens in which order; each step is a module, and ``steps.py`` keeps results.
"""
