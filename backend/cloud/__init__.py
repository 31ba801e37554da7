"""The cloud that everything hands around, and what can be asked of one."""

from backend.cloud.point_cloud import DefectEffect, LabeledCloud, PointCloud, check_points

__all__ = ["DefectEffect", "LabeledCloud", "PointCloud", "check_points"]
