"""Training of the ``pointwise`` family."""
