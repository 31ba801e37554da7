"""The root of the error tree and the schema's own branch of it.

FlawsmithError
  SchemaError          a JSON document does not follow the shared schema
(the backend's branches are in backend/errors.py)
"""


class FlawsmithError(Exception):
    r"""Base of every error flawsmith raises on purpose; its message is meant for the user.

    Bytes of file names that are not UTF-8 are shown as ``\xfc``.

    >>> try:
    ...     fs.load_template("casting/porosty")
    ... except fs.FlawsmithError as error:
    ...     print(error)
    no bundled template 'casting/porosty'; did you mean casting/porosity or ...
    """

    def __str__(self) -> str:
        text = super().__str__()
        return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


class SchemaError(FlawsmithError, ValueError):
    """A JSON document breaks the schema; the message names the field and the allowed values.

    >>> (folder / "recipe.json").write_text('{"name": "one dent"}')
    20
    >>> fs.load_recipe(folder / "recipe.json")
    Traceback (most recent call last):
        ...
    shared_schema.errors.SchemaError: ...: schema_version is missing; add "schema_version": 1
    """
