"""Make surface defects, replay them on 3D scans, train a detector and score new scans.

These are the public names of flawsmith. Each is loaded when it is first used, so that
``import flawsmith`` takes no time and needs none of the optional packages.

>>> import flawsmith as fs
>>> import numpy as np
>>> part = fs.load_sample("plate_holes")
>>> part
<PointCloud: 618 points and 1,252 faces, 366.5 mm across>
>>> spread = fs.subsample_surface(part, 8000, np.random.default_rng(0))
>>> surface = fs.surface_of(spread, "plate", fs.Unit.MM)
>>> (recipe,) = fs.sample(fs.load_template("sheet_metal/dents"), surface, seed=0, count=1)
>>> [defect.kind for defect in recipe.defects]
['dent', 'dent']
>>> labeled, record = fs.replay(recipe, spread)
>>> labeled.mask.shape == (len(spread),)
True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backend import __version__
    from backend.cloud import LabeledCloud, PointCloud
    from backend.cloud.surface import subsample_surface
    from backend.errors import (
        CheckpointError,
        CloudError,
        DatasetError,
        EngineError,
        FileFormatError,
        FlawsmithError,
        InstructionError,
        LanguageModelError,
        MissingDependencyError,
        RegistrationError,
        ReplayError,
        SamplingError,
        SchemaError,
        TrainingError,
    )
    from backend.evaluation.cases import TestCase, read_test_cases
    from backend.evaluation.measure import EvaluationReport, evaluate
    from backend.evaluation.pod.closed_loop import closed_loop
    from backend.evaluation.pod.curve import pod_curve
    from backend.evaluation.pod.plan import PodPlan
    from backend.instruct.calls import instruct, validate
    from backend.instruct.documents import Document, read_document
    from backend.instruct.models import AskLimits
    from backend.instruct.run import Asking, Instructed
    from backend.instruct.validation import Validation, ValidTemplate
    from backend.io import read_cloud, read_labeled, write_cloud, write_labeled
    from backend.progress import Progress
    from backend.registration.align import AlignedScan, align
    from backend.registration.fusion import FusedModel, fuse_scans
    from backend.remake import remake
    from backend.replay.replay import Replayed, replay
    from backend.report.pod import pod
    from backend.samples import load_sample, sample_names
    from backend.sampling.places import Surface, load_surface, surface_of
    from backend.sampling.recipes import sample_recipes as sample
    from backend.scoring.detector import Detector, ScoreMap
    from backend.scoring.regions import Region
    from backend.scoring.together import JointScore, score_together
    from backend.sensor.virtual_scan import virtual_scan
    from backend.synthesis.plan import SynthesisPlan
    from backend.synthesis.run import synthesize
    from backend.synthesis.sample_files import SampleFile
    from backend.templates import load_template, template_names
    from backend.training import TrainingConfig, TrainingSet, train
    from backend.training.data import read_training_sets
    from shared_schema.api import Certainty, Verdict
    from shared_schema.instruction import Finding
    from shared_schema.load import dump, load_recipe
    from shared_schema.pod import PodCurve, PodReport
    from shared_schema.recipe import Recipe, RecipeTemplate, Unit
    from shared_schema.record import ReplayRecord

_PLACES = {
    "AlignedScan": "backend.registration.align",
    "AskLimits": "backend.instruct.models",
    "Asking": "backend.instruct.run",
    "Certainty": "shared_schema.api",
    "CheckpointError": "backend.errors",
    "CloudError": "backend.errors",
    "DatasetError": "backend.errors",
    "Detector": "backend.scoring.detector",
    "Document": "backend.instruct.documents",
    "EngineError": "backend.errors",
    "EvaluationReport": "backend.evaluation.measure",
    "FileFormatError": "backend.errors",
    "Finding": "shared_schema.instruction",
    "FlawsmithError": "backend.errors",
    "FusedModel": "backend.registration.fusion",
    "Instructed": "backend.instruct.run",
    "InstructionError": "backend.errors",
    "JointScore": "backend.scoring.together",
    "LabeledCloud": "backend.cloud",
    "LanguageModelError": "backend.errors",
    "MissingDependencyError": "backend.errors",
    "PointCloud": "backend.cloud",
    "PodCurve": "shared_schema.pod",
    "PodPlan": "backend.evaluation.pod.plan",
    "PodReport": "shared_schema.pod",
    "Progress": "backend.progress",
    "Recipe": "shared_schema.recipe",
    "RecipeTemplate": "shared_schema.recipe",
    "Region": "backend.scoring.regions",
    "RegistrationError": "backend.errors",
    "ReplayError": "backend.errors",
    "ReplayRecord": "shared_schema.record",
    "Replayed": "backend.replay.replay",
    "SampleFile": "backend.synthesis.sample_files",
    "SamplingError": "backend.errors",
    "SchemaError": "backend.errors",
    "ScoreMap": "backend.scoring.detector",
    "Surface": "backend.sampling.places",
    "SynthesisPlan": "backend.synthesis.plan",
    "TestCase": "backend.evaluation.cases",
    "TrainingConfig": "backend.training",
    "TrainingError": "backend.errors",
    "TrainingSet": "backend.training",
    "Unit": "shared_schema.recipe",
    "ValidTemplate": "backend.instruct.validation",
    "Validation": "backend.instruct.validation",
    "Verdict": "shared_schema.api",
    "align": "backend.registration.align",
    "dump": "shared_schema.load",
    "closed_loop": "backend.evaluation.pod.closed_loop",
    "evaluate": "backend.evaluation.measure",
    "fuse_scans": "backend.registration.fusion",
    "instruct": "backend.instruct.calls",
    "load_recipe": "shared_schema.load",
    "load_sample": "backend.samples",
    "load_surface": "backend.sampling.places",
    "load_template": "backend.templates",
    "pod": "backend.report.pod",
    "pod_curve": "backend.evaluation.pod.curve",
    "read_cloud": "backend.io",
    "read_document": "backend.instruct.documents",
    "read_labeled": "backend.io",
    "read_test_cases": "backend.evaluation.cases",
    "read_training_sets": "backend.training.data",
    "remake": "backend.remake",
    "replay": "backend.replay.replay",
    "sample": "backend.sampling.recipes:sample_recipes",
    "score_together": "backend.scoring.together",
    "sample_names": "backend.samples",
    "subsample_surface": "backend.cloud.surface",
    "surface_of": "backend.sampling.places",
    "synthesize": "backend.synthesis.run",
    "template_names": "backend.templates",
    "train": "backend.training",
    "validate": "backend.instruct.calls",
    "virtual_scan": "backend.sensor.virtual_scan",
    "write_cloud": "backend.io",
    "write_labeled": "backend.io",
    "__version__": "backend",
}
# The same names as above, in an order that a linter wants to see spelled out.
__all__ = [
    "AlignedScan",
    "AskLimits",
    "Asking",
    "Certainty",
    "CheckpointError",
    "CloudError",
    "DatasetError",
    "Detector",
    "Document",
    "EngineError",
    "EvaluationReport",
    "FileFormatError",
    "Finding",
    "FlawsmithError",
    "FusedModel",
    "Instructed",
    "InstructionError",
    "JointScore",
    "LabeledCloud",
    "LanguageModelError",
    "MissingDependencyError",
    "PodCurve",
    "PodPlan",
    "PodReport",
    "PointCloud",
    "Progress",
    "Recipe",
    "RecipeTemplate",
    "Region",
    "RegistrationError",
    "ReplayError",
    "ReplayRecord",
    "Replayed",
    "SampleFile",
    "SamplingError",
    "SchemaError",
    "ScoreMap",
    "Surface",
    "SynthesisPlan",
    "TestCase",
    "TrainingConfig",
    "TrainingError",
    "TrainingSet",
    "Unit",
    "ValidTemplate",
    "Validation",
    "Verdict",
    "__version__",
    "align",
    "closed_loop",
    "dump",
    "evaluate",
    "fuse_scans",
    "instruct",
    "load_recipe",
    "load_sample",
    "load_surface",
    "load_template",
    "pod",
    "pod_curve",
    "read_cloud",
    "read_document",
    "read_labeled",
    "read_test_cases",
    "read_training_sets",
    "remake",
    "replay",
    "sample",
    "sample_names",
    "score_together",
    "subsample_surface",
    "surface_of",
    "synthesize",
    "template_names",
    "train",
    "validate",
    "virtual_scan",
    "write_cloud",
    "write_labeled",
]


def __getattr__(name: str) -> Any:
    """Load a public name (PEP 562)."""
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'flawsmith' has no attribute {name!r}")
    module, _, attribute = place.partition(":")
    try:
        return getattr(import_module(module), attribute or name)
    except ModuleNotFoundError as error:
        from backend.extras import missing_extra

        raise missing_extra(error) from error


def __dir__() -> list[str]:
    return __all__
