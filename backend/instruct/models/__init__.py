"""Language models that read documents and look at pictures, behind one small port.

``LanguageModel`` in ``port`` is what the rest of flawsmith knows. ``providers`` is the only module
that names a library for models, ``recorded`` replays conversations without one, and ``ask_model``
asks, checks and asks again within bounds.
"""

from backend.instruct.models.ask import AskLimits, ModelReading, ask_model
from backend.instruct.models.names import ModelName, parse_model_name
from backend.instruct.models.port import (
    LanguageModel,
    ModelAnswer,
    ModelRequest,
    OutputMode,
    Picture,
    Turn,
    Usage,
    ViewPicture,
)
from backend.instruct.models.recorded import RecordingModel, ReplayedModel
from backend.instruct.views.box_frame import BoxFrame

__all__ = [
    "AskLimits",
    "BoxFrame",
    "LanguageModel",
    "ModelAnswer",
    "ModelName",
    "ModelReading",
    "ModelRequest",
    "OutputMode",
    "Picture",
    "RecordingModel",
    "ReplayedModel",
    "Turn",
    "Usage",
    "ViewPicture",
    "ask_model",
    "parse_model_name",
]
