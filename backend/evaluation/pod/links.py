"""From a probability of detection to what is linear in the size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scipy.special import logit, ndtri

from shared_schema.pod import PodLink

PREDICTORS: dict[PodLink, Callable[[Any], Any]] = {PodLink.LOGIT: logit, PodLink.PROBIT: ndtri}
