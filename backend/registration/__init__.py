"""Registration of a scan to the nominal model of its part.

Attributes:
    register: find the pose of a scan, or refuse it.
    register_at: measure how well a scan fits in a known pose.
    register_turntable: find the poses of scans between which the part turned by known angles.
    NominalModel: a nominal model to which several scans are registered.
"""

from backend.registration.acceptance import MIN_FITNESS
from backend.registration.nominal_model import NominalModel
from backend.registration.register import Fit, Registration, register, register_at
from backend.registration.search import principal_poses
from backend.registration.turntable import Turntable, TurntableView, register_turntable

__all__ = [
    "MIN_FITNESS",
    "Fit",
    "NominalModel",
    "Registration",
    "Turntable",
    "TurntableView",
    "principal_poses",
    "register",
    "register_at",
    "register_turntable",
]
