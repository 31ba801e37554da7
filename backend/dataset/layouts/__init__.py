"""Layouts of public benchmarks: one module each, one table line each."""

from backend.dataset.layouts.anomaly_shapenet import ANOMALY_SHAPENET
from backend.dataset.layouts.layout import (
    BenchmarkFile,
    BenchmarkPlace,
    Exported,
    ImageView,
    Layout,
    Protocol,
    Split,
    Truth,
)
from backend.dataset.layouts.mulsen_ad import MULSEN_AD
from backend.dataset.layouts.mvtec_3d_ad import MVTEC_3D_AD
from backend.dataset.layouts.real3d_ad import REAL3D_AD

__all__ = [
    "LAYOUTS",
    "BenchmarkFile",
    "BenchmarkPlace",
    "Exported",
    "ImageView",
    "Layout",
    "Protocol",
    "Split",
    "Truth",
]

LAYOUTS: dict[str, Layout] = {
    "real3d-ad": REAL3D_AD,
    "anomaly-shapenet": ANOMALY_SHAPENET,
    "mulsen-ad": MULSEN_AD,
    "mvtec-3d-ad": MVTEC_3D_AD,
}
