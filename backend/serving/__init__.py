"""The HTTP service, which scores one scan per request.

``server`` opens the port, ``app`` has the routes, ``upload`` reads a scan, ``queue`` lets one scan
at a time through to ``scoring``, and ``guard`` checks every request and answer.
"""
