"""Training of the ``unrolled`` family."""
