"""The picture of one evaluated scan: what is true beside what the detector says."""

from __future__ import annotations

from backend.evaluation.cases import ScoredCase
from backend.evaluation.metrics.auroc import auroc
from backend.report.pictures import View, mask_colors, panels, score_colors, splat


def point_auroc(scored: ScoredCase) -> float:
    """How well the points of one anomalous cloud are told apart."""
    return auroc(scored.case.cloud.mask, scored.result.point_scores)


def case_picture(scored: ScoredCase) -> bytes:
    """Ground truth and scores of one cloud, side by side, seen from where the defect shows."""
    cloud, result = scored.case.cloud, scored.result
    shown = cloud.mask if scored.case.anomalous else result.point_scores > result.point_threshold
    view = View.onto(cloud.normals, shown)
    colors = {
        "truth": mask_colors(cloud.mask),
        "score": score_colors(result.point_scores, result.point_threshold),
    }
    return panels(
        {
            title: splat(cloud.points, cloud.normals, colored, view)
            for title, colored in colors.items()
        }
    )
