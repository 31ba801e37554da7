"""The HTTP service: one scan in, its scores out.

``server`` opens the port, ``app`` knows the routes, ``upload`` takes a scan in, ``turns`` lets one
at a time through to ``scoring``, ``guard`` looks at every request and answer.
"""
