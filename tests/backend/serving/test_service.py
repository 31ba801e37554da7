"""The service over a real connection: what it answers, what it refuses, and when."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.io import WRITERS, parse_cloud
from backend.io.digest import file_digest
from backend.scoring.detector import Detector, ScoreMap
from backend.scoring.scan import summarize
from backend.serving.app import SUMMARY_HEADER
from backend.serving.scoring import IN_HEADER
from backend.serving.upload import SUFFIXES
from shared_schema.api import ErrorResponse, ModelResponse, ScoreResponse, Verdict
from tests.backend.io.hostile import hostile_file
from tests.backend.parts import labeled
from tests.backend.serving.service import PATIENCE, Service, answer_over, running

MAX_POINTS = 2000


@pytest.fixture(scope="module")
def service(model: Path) -> Iterator[Service]:
    with running(model, "--max-upload-mb", "1", "--max-points", str(MAX_POINTS)) as started:
        yield started


@pytest.fixture(scope="module")
def detector(model: Path) -> Detector:
    return Detector.load(model)


@pytest.fixture(scope="module")
def cloud() -> PointCloud:
    sample = labeled("egg", 300, 0.3)
    return PointCloud(sample.points, sample.normals)


@pytest.fixture(scope="module")
def expected(detector: Detector, cloud: PointCloud) -> ScoreMap:
    return detector.score(cloud.points, cloud.normals)


def upload(
    service: Service, cloud: PointCloud, suffix: str = ".ply", **query: str | bool
) -> httpx.Response:
    return service.upload(f"scan{suffix}", WRITERS[suffix](cloud), **query)


def test_scores_are_those_of_the_detector(
    service: Service, cloud: PointCloud, expected: ScoreMap
) -> None:
    response = upload(service, cloud, point_scores=True)
    assert response.status_code == 200
    answer = ScoreResponse.model_validate_json(response.text)
    assert answer == summarize(expected, cloud, point_scores=True)
    np.testing.assert_array_equal(np.float32(answer.point_scores), expected.point_scores)
    assert answer.category == "egg" and answer.verdict is expected.verdict is Verdict.REJECT


def test_point_scores_and_pictures_come_only_where_asked_for(
    service: Service, cloud: PointCloud
) -> None:
    plain, with_picture = upload(service, cloud).json(), upload(service, cloud, picture=True).json()
    assert plain["point_scores"] is None and plain["picture"] is None
    assert with_picture["picture"].startswith("data:image/png;base64,iVBOR")


def test_binary_answers(service: Service, cloud: PointCloud, expected: ScoreMap) -> None:
    npy, ply = (upload(service, cloud, format=name) for name in ("npy", "ply"))
    np.testing.assert_array_equal(np.load(io.BytesIO(npy.content)), expected.point_scores)
    scored = parse_cloud(ply.content, ".ply")
    np.testing.assert_array_equal(scored.points, cloud.points)
    np.testing.assert_array_equal(scored.fields["score"], expected.point_scores)
    anomalous = expected.point_scores > expected.point_threshold
    np.testing.assert_array_equal(scored.fields["anomalous"], anomalous)
    for response in (npy, ply):
        assert response.headers["content-type"] == "application/octet-stream"
        summary = ScoreResponse.model_validate_json(response.headers[SUMMARY_HEADER])
        assert summary == summarize(expected, cloud, listed=IN_HEADER)


def test_scans_of_terrestrial_scanners_are_taken(
    service: Service, cloud: PointCloud, expected: ScoreMap
) -> None:
    rows = "".join(f"{x!r} {y!r} {z!r} 0.5\n" for x, y, z in cloud.points.tolist())
    turn = "1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"
    ptx = f"{len(cloud)}\n1\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n{turn}{rows}"
    for name, text in {"a.pts": f"{len(cloud)}\n{rows}", "a.ptx": ptx}.items():
        answer = service.upload(name, text.encode()).json()
        assert answer["category"] == expected.category and answer["point_count"] == len(cloud)


WRITTEN = [suffix for suffix in SUFFIXES if suffix in WRITERS and suffix not in (".stl", ".ply")]


@pytest.mark.parametrize("suffix", WRITTEN)
def test_every_format_is_taken(
    service: Service, detector: Detector, cloud: PointCloud, suffix: str
) -> None:
    # A TIFF is an image: each point needs a pixel.
    pixels = {"row": np.arange(len(cloud)) // 50, "column": np.arange(len(cloud)) % 50}
    cloud = replace(cloud, fields=pixels)
    read = parse_cloud(WRITERS[suffix](cloud), suffix)
    expected = detector.score(read.points, read.normals)
    assert ScoreResponse(**upload(service, cloud, suffix).json()) == summarize(expected, cloud)


def test_points_that_are_no_measurement_are_told_and_get_no_score(
    service: Service, detector: Detector, cloud: PointCloud
) -> None:
    points = cloud.points.copy()
    points[[0, 7, -1]] = np.nan
    invalid = replace(cloud, points=points)
    answer = ScoreResponse(**upload(service, invalid, point_scores=True).json())
    assert answer.notices == (
        f"3 of {len(cloud)} points were left out: NaN and infinity mean no measurement.",
    )
    kept = np.isfinite(points).all(axis=1)
    expected = detector.score(points[kept], cloud.normals[kept]).point_scores
    assert answer.point_count == len(cloud) - 3
    scores = np.array(answer.point_scores, dtype=np.float32)
    np.testing.assert_array_equal(scores[kept], expected)
    assert np.isnan(scores[~kept]).all()
    array = np.load(io.BytesIO(upload(service, invalid, format="npy").content))
    np.testing.assert_array_equal(array, scores)


def test_decimals_and_units_of_a_text_are_read_or_asked_for(
    service: Service, cloud: PointCloud, expected: ScoreMap
) -> None:
    rows = [",".join(f"{value:.2f}".replace(".", ",") for value in row) for row in cloud.points]
    doubtful = "".join(f"{row}\n" for row in rows if ",0" not in row and "-0" not in row).encode()
    refused = service.upload("scan.csv", doubtful)
    assert refused.status_code == 422 and "--decimal" in refused.json()["detail"]
    answer = service.upload("scan.csv", doubtful, decimal="comma").json()
    assert answer["notices"] == ["The numbers have decimal commas and were read as such."]
    metres = "".join(f"{x};{y};{z}\n" for x, y, z in cloud.points / 1000.0)
    answer = service.upload("scan.csv", f"X [m];Y [m];Z [m]\n{metres}".encode()).json()
    assert answer["category"] == expected.category
    assert service.upload("scan.csv", b"1 2 3\n", delimiter="|").status_code == 422


def test_unit_and_category_are_heeded(
    service: Service, cloud: PointCloud, expected: ScoreMap
) -> None:
    in_metres = replace(cloud, points=cloud.points / 1000.0)
    answer = upload(service, in_metres, unit="m").json()
    assert answer["object_score"] == pytest.approx(expected.object_score, rel=1e-3)
    as_if_mm = upload(service, in_metres).json()
    assert as_if_mm["verdict"] == "unknown" and as_if_mm["object_score"] is None
    assert "check its unit" in as_if_mm["reasons"][0]
    assert answer["review_extent"] is None  # two nominal scans a part were held out
    assert answer["category_given"] is False
    as_egg = upload(service, cloud, category="egg").json()
    assert as_egg["category_given"] is True
    assert as_egg["object_score"] == pytest.approx(expected.object_score)
    as_ball = upload(service, cloud, category="ball").json()
    assert as_ball["verdict"] == "unknown" and "any scan of 'ball'" in as_ball["reasons"][0]


def test_the_viewpoint_is_three_numbers(service: Service, cloud: PointCloud) -> None:
    bare = WRITERS[".ply"](replace(cloud, normals=None))
    without = service.upload("scan.ply", bare).json()["object_score"]
    eye = {"viewpoint": ["0", "0", "0"]}
    answer = service.client.post("/v1/score", files={"scan": ("a.ply", bare)}, params=eye)
    assert answer.json()["object_score"] != pytest.approx(without, rel=1e-3)
    eye = {"viewpoint": ["0", "0"]}
    answer = service.client.post("/v1/score", files={"scan": ("a.ply", bare)}, params=eye)
    assert answer.status_code == 422 and "viewpoint" in answer.json()["detail"]


def test_health_and_model(service: Service, detector: Detector, model: Path) -> None:
    health = service.client.get("/v1/health").json()
    assert health["status"] == "ok" and health["model"] == model.name
    about = ModelResponse(**service.client.get("/v1/model").json())
    assert about.sha256 == file_digest(model)
    assert about.categories == ("ball", "egg") and about.unit == "mm"
    limit = about.limits["egg"].reject
    assert limit.value == detector.categories["egg"].rule.reject.value
    assert limit.interval is not None
    assert limit.interval[0] < limit.rate < limit.interval[1]
    assert (about.max_points, about.max_upload_bytes) == (MAX_POINTS, 1 << 20)


@pytest.mark.parametrize(
    ("name", "data", "status", "reason"),
    [
        ("scan.npz", b"PK", 415, "'.npz'"),
        ("scan.exe", b"MZ", 415, "'.exe'"),
        ("scan.E57", b"ASTM-E57", 415, "'.e57' files are not read: open it in CloudCompare"),
        ("scan", b"1 2 3", 415, "no suffix"),
        ("scan.ply", b"", 422, "empty"),
        ("scan.ply", b"solid nothing", 422, "a line 'ply'"),
        ("scan.xyz", b"1 2 nan\n4 5 nan\n", 422, "No point is left"),
        ("scan.laz", b"LASF" + bytes(400), 422, "no points"),
        ("scan.tiff", b"II*\0\10\0\0\0\xff\xff" + bytes(99), 422, "65535 tags"),
        ("scan.xyz", b"1 2 3\n" * 40, 422, "40 points lie at one place"),
        ("scan.xyz", b"1 2 3\n" * (MAX_POINTS + 1), 422, "more than the limit of 2000"),
    ],
)
def test_bad_uploads_are_refused(
    service: Service, name: str, data: bytes, status: int, reason: str
) -> None:
    response = service.upload(name, data)
    assert response.status_code == status
    detail = ErrorResponse(**response.json()).detail
    assert reason in detail and "Traceback" not in detail


def test_a_file_that_crashes_its_decoder_takes_nothing_else_down(
    service: Service, cloud: PointCloud
) -> None:
    # lazrs 0.8 asks for terabytes when the points are overwritten like this, and aborts.
    data = hostile_file(13_390, 7).data
    response = service.upload("scan.laz", data)
    assert response.status_code == 422
    assert "Traceback" not in ErrorResponse(**response.json()).detail
    assert upload(service, cloud).status_code == 200


def test_bad_requests_are_refused(service: Service, cloud: PointCloud) -> None:
    data = WRITERS[".ply"](cloud)
    post = service.client.post
    answers = {
        415: post("/v1/score", content=data),
        400: post("/v1/score", files={"file": ("a.ply", data)}),
        422: upload(service, cloud, format="xml"),
        404: service.client.get("/v1/nothing"),
        405: service.client.get("/v1/score"),
    }
    for status, response in answers.items():
        assert response.status_code == status
        assert ErrorResponse(**response.json()).detail
    two = post("/v1/score", files=[("scan", ("a.ply", data)), ("scan", ("b.ply", data))])
    assert two.status_code == 400 and "Too many files" in two.json()["detail"]
    assert upload(service, cloud, category="cube").json()["detail"].endswith("knows: ball, egg")


@pytest.mark.parametrize("name", ["../../x.ply", "/etc/x.ply", "..\\x.PLY", "a\x00b.ply"])
def test_the_name_of_an_upload_is_not_a_path(
    service: Service, cloud: PointCloud, expected: ScoreMap, name: str
) -> None:
    response = service.upload(name, WRITERS[".ply"](cloud))
    assert response.json()["object_score"] == expected.object_score


def test_a_stated_length_beyond_the_limit_is_refused(service: Service) -> None:
    response = service.upload("a.xyz", b"1 2 3\n" * 400_000)
    assert response.status_code == 413
    assert "1048576 bytes" in response.json()["detail"]


def test_an_upload_beyond_the_limit_is_refused_before_its_end(service: Service) -> None:
    with service.begin_upload(*[b"1 2 3\n" * 10_000] * 19) as connection:
        # No end of the body was sent: the answer comes all the same.
        status, answer = answer_over(connection)
    assert status == 413 and "1048576 bytes" in ErrorResponse(**answer).detail


def test_requests_at_one_time_get_their_own_answers(
    service: Service, detector: Detector, cloud: PointCloud
) -> None:
    clouds = [cloud, *(PointCloud(labeled("ball", seed, 0.3).points) for seed in (1, 2, 3))]
    with ThreadPoolExecutor(len(clouds)) as pool:
        answers = list(pool.map(lambda each: upload(service, each), clouds))
    for each, answer in zip(clouds, answers, strict=True):
        expected = detector.score(each.points, each.normals)
        assert answer.json()["object_score"] == expected.object_score


def test_a_full_queue_says_when_to_try_again(service: Service, cloud: PointCloud) -> None:
    with ExitStack() as stack:
        # An upload that never ends keeps its place, if it found one.
        response = wait_for_status(
            service, cloud, 503, lambda: stack.enter_context(service.begin_upload(b"1 2 3\n"))
        )
        assert int(response.headers["retry-after"]) > 0
        assert ErrorResponse(**response.json()).detail
        assert service.client.get("/v1/health").status_code == 200
    assert wait_for_status(service, cloud, 200).json()["category"] == "egg"


def wait_for_status(
    service: Service, cloud: PointCloud, status: int, meanwhile: Callable[[], object] = lambda: None
) -> httpx.Response:
    """Upload until the answer is ``status``, and do something before each time."""
    end = time.monotonic() + PATIENCE
    while True:
        meanwhile()
        response = upload(service, cloud)
        if response.status_code == status:
            return response
        assert time.monotonic() < end, f"only {response.status_code}"
        time.sleep(0.05)


def test_other_host_names_are_refused(service: Service) -> None:
    for name in ("example.org", f"example.org:{service.port}", "localhost.example.org", ""):
        response = service.client.get("/v1/model", headers={"Host": name})
        assert response.status_code == 400
        assert "Host" in ErrorResponse(**response.json()).detail
    for name in (f"localhost:{service.port}", "127.0.0.1", "[::1]:80"):
        assert service.client.get("/v1/model", headers={"Host": name}).status_code == 200


def test_answers_are_safe_to_show(service: Service) -> None:
    for path in ("/", "/v1/model", "/nothing"):
        headers = service.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
    for path in ("/docs", "/redoc"):
        assert service.client.get(path).status_code == 404
