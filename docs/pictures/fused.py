"""Draw docs/pictures/fused.png: a model that is fused from twelve scans of one side each.

python docs/pictures/fused.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backend.registration.fusion import fuse_scans
from backend.report.fused_picture import fused_picture
from backend.samples import load_sample
from backend.sensor.virtual_scan import virtual_scan

PART, SCANS = "motor_holder", 12


def main() -> None:
    """Write the picture."""
    mesh = load_sample(PART)
    scans = [
        virtual_scan(
            mesh,
            views=1,
            points=8_000,
            noise=2e-4 * mesh.diagonal,
            rng=np.random.default_rng([5, number]),
        )
        for number in range(SCANS)
    ]
    fused = fuse_scans(scans)
    print(fused.trust)
    Path(__file__).with_suffix(".png").write_bytes(fused_picture(fused.surface))


if __name__ == "__main__":
    main()
