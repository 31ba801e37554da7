"""Training makes a detector from defect-free clouds and labelled or drawn anomalies."""

from backend.training.config import SynthesisConfig, TrainingConfig
from backend.training.sets import TrainingSet
from backend.training.train import DETECTOR_FILE, WORK_FOLDER, train

__all__ = [
    "DETECTOR_FILE",
    "WORK_FOLDER",
    "SynthesisConfig",
    "TrainingConfig",
    "TrainingSet",
    "train",
]
