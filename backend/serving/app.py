"""The routes of the service."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from backend import __version__
from backend.errors import EngineError, FlawsmithError
from backend.intake import DecimalName, DelimiterName, Intake, TextFormat
from backend.io import ReadLimits
from backend.scoring.calibration import Limit
from backend.scoring.detector import Detector
from backend.scoring.verdict import Rule
from backend.serving.queue import RETRY_LATER, ScanQueue
from backend.serving.scoring import ResponseFormat, ScoreRequest, score_upload
from backend.serving.security import SecurityMiddleware
from backend.serving.upload import FIELD, SUFFIXES, gone, read_upload
from shared_schema.api import (
    CategoryLimits,
    ErrorResponse,
    HealthResponse,
    LimitResponse,
    ModelResponse,
    ScoreResponse,
)
from shared_schema.recipe import Unit

SUMMARY_HEADER = "X-Flawsmith-Summary"
PAGE = {"/": "index.html", "/page.css": "page.css", "/page.js": "page.js"}
MEDIA_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorResponse, "description": text}
    for status, text in {
        400: "The request is not an upload of one scan",
        408: "The upload takes too long",
        413: "The upload is too large",
        415: "The format is not accepted",
        422: "The scan cannot be read or scored, or an option has a wrong value",
        503: "Too many scans are waiting, or the server is being stopped; Retry-After says when to "
        "try again",
    }.items()
}
UPLOAD_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": [FIELD],
                "properties": {
                    FIELD: {
                        "type": "string",
                        "format": "binary",
                        "description": f"A scan; its name ends in one of {', '.join(SUFFIXES)}.",
                    }
                },
            }
        }
    },
}
BINARY = {"schema": {"type": "string", "format": "binary"}}
SCORED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The scores; in the formats npy and ply they are a file, and the summary is "
        f"in the header {SUMMARY_HEADER}.",
        "content": {"application/octet-stream": BINARY},
        "headers": {SUMMARY_HEADER: {"schema": {"type": "string"}}},
    }
}


@dataclass(frozen=True)
class Limits:
    """The limits of the service.

    Attributes:
        max_upload_bytes: of a file.
        max_points: of a scan.
        places: scans that are scored or wait for it.
    """

    max_upload_bytes: int
    max_points: int
    places: int = 4

    @property
    def reading(self) -> ReadLimits:
        """The same, for the readers."""
        return ReadLimits(self.max_upload_bytes, self.max_points)


def create_app(
    detector: Detector,
    model: dict[str, str],
    limits: Limits,
    hosts: Collection[str] | None = None,
) -> FastAPI:
    """The service as an ASGI application.

    Args:
        detector: what scores.
        model: ``file`` and ``sha256`` of its file.
        limits: what is refused.
        hosts: names it answers to; None for any.
    """
    queue = ScanQueue(limits.places)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        queue.close()

    # FastAPI's pages of documentation load scripts from elsewhere: there are none.
    app = FastAPI(
        title="flawsmith",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.queue = queue
    app.add_middleware(SecurityMiddleware, hosts=hosts)
    _add_error_handlers(app)
    _add_page(app)
    _add_state(app, model_response(detector, model, limits))
    _add_scoring(app, detector, limits, queue)
    return app


def _limits(rule: Rule) -> CategoryLimits:
    def of(limit: Limit) -> LimitResponse:
        return LimitResponse(**limit.to_record(), interval=limit.interval)

    return CategoryLimits(reject=of(rule.reject), review=of(rule.review))


def model_response(detector: Detector, model: dict[str, str], limits: Limits) -> ModelResponse:
    """What ``GET /v1/model`` says."""
    return ModelResponse(
        **model,
        trained_by=str(detector.info["version"]),
        categories=tuple(detector.categories),
        unit=detector.unit,
        point_threshold=detector.point_threshold,
        limits={name: _limits(one.rule) for name, one in detector.categories.items()},
        suffixes=SUFFIXES,
        max_upload_bytes=limits.max_upload_bytes,
        max_points=limits.max_points,
    )


def _add_state(app: FastAPI, described: ModelResponse) -> None:
    @app.get("/v1/health", summary="Is the server up?")
    async def health() -> HealthResponse:
        return HealthResponse(version=__version__, model=described.file)

    @app.get("/v1/model", summary="The detector that is served, and the limits of the service")
    async def model() -> ModelResponse:
        return described


def _add_scoring(app: FastAPI, detector: Detector, limits: Limits, queue: ScanQueue) -> None:
    @app.post(
        "/v1/score",
        summary="Score one scan",
        response_model=ScoreResponse,
        responses=SCORED | ERRORS,
        openapi_extra={"requestBody": UPLOAD_FORM},
    )
    async def score(
        request: Request,
        category: Annotated[
            str | None,
            Query(description="The part; by default it is recognised, and not scored if in doubt."),
        ] = None,
        unit: Annotated[
            Unit | None,
            Query(description="Unit of the scan; by default that of the training scans."),
        ] = None,
        viewpoint: Annotated[
            list[float] | None,
            Query(
                min_length=3,
                max_length=3,
                description="x, y and z of the sensor, in the scan's frame and unit. They tell the "
                "outside of a scan without normals. Give the parameter three times.",
            ),
        ] = None,
        decimal: Annotated[
            DecimalName | None,
            Query(description="Decimal mark of a text scan; by default it is detected."),
        ] = None,
        delimiter: Annotated[
            DelimiterName | None,
            Query(
                description="Separator of the numbers of a text scan; by default it is detected."
            ),
        ] = None,
        clean: Annotated[
            bool,
            Query(description="Remove stray points and, with a viewpoint, flying pixels first."),
        ] = False,
        crop: Annotated[
            bool,
            Query(
                description="Cut away points that do not belong to the part, if the detector has "
                "its nominal model and the pose of the scan is beyond doubt."
            ),
        ] = True,
        format: Annotated[
            ResponseFormat, Query(description="npy and ply return the scores of all points, fast.")
        ] = ResponseFormat.JSON,
        point_scores: Annotated[bool, Query(description="List the scores in the JSON.")] = False,
        picture: Annotated[bool, Query(description="Put a heat map into the JSON.")] = False,
    ) -> Response:
        eye = None if viewpoint is None else (viewpoint[0], viewpoint[1], viewpoint[2])
        text = TextFormat.named(decimal, delimiter)
        intake = Intake(unit, None, eye, text, clean=clean, crop=crop)
        asked = ScoreRequest(category, intake, format, point_scores, picture)
        with queue.place():
            reading = read_upload(request, limits.max_upload_bytes)
            upload = await queue.unless_stopped(reading)
            work = partial(score_upload, detector, upload, asked, limits.reading)
            found = await queue.run(work, gone(request))
        if found.file is None:
            return Response(found.summary, media_type="application/json")
        headers = {
            # A header holds ASCII alone.
            SUMMARY_HEADER: json.dumps(json.loads(found.summary)),
            "Content-Disposition": f'attachment; filename="scores.{format.value}"',
        }
        return Response(found.file, headers=headers, media_type="application/octet-stream")


def _add_page(app: FastAPI) -> None:
    for path, name in PAGE.items():
        content = files(__package__).joinpath("page", name).read_text(encoding="utf-8")
        page = Response(content, media_type=MEDIA_TYPES[name.rpartition(".")[2]])
        app.add_api_route(path, partial(_same, page), methods=["GET"], include_in_schema=False)


async def _same(response: Response) -> Response:
    return response


def _add_error_handlers(app: FastAPI) -> None:
    """Every refusal is an ``ErrorResponse``; HTTPException has that form already."""

    @app.exception_handler(FlawsmithError)
    async def refused(_: Request, error: FlawsmithError) -> JSONResponse:
        return _error(422, str(error))

    @app.exception_handler(EngineError)
    async def hindered(_: Request, error: EngineError) -> JSONResponse:
        return _error(503, str(error), RETRY_LATER)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        problems = (f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors())
        return _error(422, "; ".join(problems))

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> JSONResponse:
        return _error(500, "a fault of the server, which its log describes; please report it")


def _error(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(ErrorResponse(detail=detail).model_dump(), status, headers)
