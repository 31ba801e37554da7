"""Geometry that knows nothing of defects or detectors: points, meshes, normals, distances."""
