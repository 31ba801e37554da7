"""The root of the error tree and the schema's own branch of it.

FlawsmithError
  SchemaError          a JSON document does not follow the shared schema
(the backend's branches are in backend/errors.py)
"""


class FlawsmithError(Exception):
    """Base of every error flawsmith raises on purpose; its message is meant for the user."""


class SchemaError(FlawsmithError, ValueError):
    """A JSON document breaks the schema; the message names field, value and what is allowed."""
