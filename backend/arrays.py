"""The types of arrays that the backend's signatures are written with.

A type says what the numbers are; the docstring beside it says the shape, the unit and the frame.
"""

import numpy as np
from numpy.typing import NDArray

# Coordinates, lengths, directions, weights and scores: whatever is computed with.
FloatArray = NDArray[np.float64]
# Descriptors, features and scores that are kept or learned from, in half of the memory.
Float32Array = NDArray[np.float32]
# Rows, indices and counts.
IntArray = NDArray[np.int64]
# Masks: one truth for each row.
BoolArray = NDArray[np.bool_]
