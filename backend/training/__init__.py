"""Training: nominal clouds and labelled or drawn anomalies in, a detector file out."""

from backend.training.config import SynthesisConfig, TrainingConfig
from backend.training.train import DETECTOR_FILE, STATE_FILE, split_nominal, train

__all__ = [
    "DETECTOR_FILE",
    "STATE_FILE",
    "SynthesisConfig",
    "TrainingConfig",
    "split_nominal",
    "train",
]
