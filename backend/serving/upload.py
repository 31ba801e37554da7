"""Taking in one uploaded file, never more of it than is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from fastapi import HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect
from starlette.types import Message

from backend.io import OTHER_FILES, READERS, not_read

FIELD = "scan"
# An archive's size says little of what is in it.
SUFFIXES = tuple(suffix for suffix in READERS if suffix != ".npz")
# What the form around a file may take: boundaries, headers.
ENVELOPE_BYTES = 16 * 1024
UPLOAD_SECONDS = 120.0


@dataclass(frozen=True)
class Upload:
    """The bytes of a file, and the suffix of its name; the name itself is not used."""

    data: bytes
    suffix: str


async def read_upload(request: Request, max_bytes: int) -> Upload:
    """The one file in the form field ``scan`` of ``request``.

    Raises:
        HTTPException: 400 no such form, 408 too slow, 413 too large, 415 no form at all or a format
            that is not taken.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise HTTPException(
            415, f"content type {kind or 'none'!r}; send multipart/form-data with a file {FIELD!r}"
        )
    limited = Request(request.scope, _at_most(request, max_bytes))
    try:
        async with asyncio.timeout(UPLOAD_SECONDS), limited.form(max_files=1, max_fields=8) as form:
            file = form.get(FIELD)
            if not isinstance(file, UploadFile):
                raise HTTPException(400, f"the form has no file {FIELD!r}; upload the scan as that")
            return Upload(await file.read(), _suffix(file.filename or ""))
    except ClientDisconnect:
        raise HTTPException(400, "the upload broke off before its end") from None
    except TimeoutError:
        raise HTTPException(408, f"the upload took over {UPLOAD_SECONDS:.0f} s") from None


async def gone(request: Request) -> None:
    """End when the client of ``request``, which has been read, has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _at_most(request: Request, max_bytes: int) -> Callable[[], Awaitable[Message]]:
    """``request``'s messages; HTTPException 413 as soon as they are, or are said to be, too much.

    What is said may be missing or wrong, so what comes is counted all the same.
    """
    limit = max_bytes + ENVELOPE_BYTES
    said = request.headers.get("content-length", "")
    received = int(said) if said.isdecimal() and int(said) > limit else 0

    async def receive() -> Message:
        nonlocal received
        if received <= limit:
            message = await request.receive()
            received += len(message.get("body", b""))
        if received > limit:
            raise HTTPException(413, f"the upload exceeds {max_bytes} bytes; subsample the scan")
        return message

    return receive


def _suffix(name: str) -> str:
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    if suffix in OTHER_FILES:
        raise HTTPException(415, not_read(suffix))
    if suffix not in SUFFIXES:
        raise HTTPException(
            415, f"{suffix or 'no suffix'!r} is not taken; use one of {', '.join(SUFFIXES)}"
        )
    return suffix
