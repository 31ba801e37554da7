"""Each layout is read back by a plain reader that does what the benchmark's own loader does."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import cKDTree

from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.export import MANIFEST, Export, ExportConfig, Slot, slots
from backend.dataset.folder import DataFile, Sample, data_files, read_samples
from backend.dataset.layouts import LAYOUTS, Split
from backend.dataset.layouts.png import format_png
from backend.dataset.shards import write_sample
from backend.errors import DatasetError
from backend.io import read_labeled, write_cloud, write_json, write_labeled
from backend.io.digest import file_digest
from backend.io.measured import only_measured
from backend.io.organised import cloud_from_image
from tests.backend.parts import SIZES, labeled, write_folder

NOMINAL, ANOMALOUS = 6, 2
TRAIN = 4


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Six nominal and two dented scans of each part, in mm."""
    return write_folder(tmp_path / "data", nominal=NOMINAL, anomalous=ANOMALOUS)


def test_every_layout_is_documented() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "layouts.md"
    text = page.read_text(encoding="utf-8")
    for name, layout in LAYOUTS.items():
        section = text.partition(f"\n## {layout.title}\n")[2].partition("\n## ")[0]
        assert f"| `{name}` |" in text and all(
            f"`{word}`" in section for word in layout.words if word != "."
        )


def export(data: Path, out: Path, layout: str, **asked: object) -> list[str | None]:
    """Write all of ``data``; what was said of each file."""
    run = Export(data, out, ExportConfig(layout, "mm", **asked))  # type: ignore[arg-type]
    said = [run.write(path) for path in run.files]
    run.finish()
    return said


def tree(folder: Path) -> dict[str, bytes]:
    """All files of ``folder``, by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def sources(data: Path, category: str) -> tuple[list[Sample], list[Sample]]:
    """The nominal and the anomalous samples of a category, by name."""
    samples, _ = read_samples(file for file in data_files(data) if file.category == category)
    return [s for s in samples if not s.file.anomalous], [s for s in samples if s.file.anomalous]


def read_pcd(path: Path) -> NDArray[np.float32]:
    """A binary PCD of float32 ``x y z``, and of nothing else."""
    head, body = path.read_bytes().split(b"DATA binary\n")
    lines = dict(line.split(b" ", 1) for line in head.splitlines() if b" " in line)
    assert lines[b"FIELDS"] == b"x y z"
    assert lines[b"SIZE"] == b"4 4 4" and lines[b"TYPE"] == b"F F F"
    points = np.frombuffer(body, "<f4").reshape(-1, 3)
    assert len(points) == int(lines[b"POINTS"])
    return points


def read_vertices(path: Path) -> NDArray[np.float32]:
    """The vertices of a binary STL, those in one place merged, in their first order."""
    face = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    corners = np.frombuffer(path.read_bytes(), face, offset=84)["corners"].reshape(-1, 3)
    _, first = np.unique(corners, axis=0, return_index=True)
    return corners[np.sort(first)]


@dataclass(frozen=True)
class Read:
    """A test sample as a loader gives it."""

    points: NDArray
    mask: NDArray
    anomalous: bool


def read_real3d(root: Path, category: str) -> tuple[list[NDArray], list[Read]]:
    """As ``M-3LAB/Real3D-AD:dataset_pc.py`` reads it."""
    train = [read_pcd(path) for path in sorted((root / category / "train").glob("*template*.pcd"))]
    found = sorted((root / category / "test").glob("*.pcd"), key=number_of)
    found = [path for path in found if "temp" not in str(path.relative_to(root))]
    truth = root / category / "gt"
    return train, [read_pair(path, "good", truth, " ") for path in found]


def read_shapenet(root: Path, category: str) -> tuple[list[NDArray], list[Read]]:
    """As ``yjnanan/PO3AD:datasets/AnomalyShapeNet`` reads it."""
    folder = root / "pcd" / category
    train = [read_pcd(path) for path in sorted((folder / "train").glob("*template*.pcd"))]
    found = sorted((folder / "test").glob("*.pcd"), key=number_of)
    return train, [read_pair(path, "positive", folder / "GT", ",") for path in found]


def number_of(path: Path) -> int:
    """The only number of a file's name."""
    return int("".join(letter for letter in path.stem if letter.isdecimal()))


def read_pair(path: Path, good: str, truth: Path, delimiter: str) -> Read:
    """The points of a good scan, or points and labels of the text of an anomalous one."""
    points = read_pcd(path)
    if good in path.name:
        return Read(points, np.zeros(len(points)), False)
    table = np.genfromtxt(truth / f"{path.stem}.txt", delimiter=delimiter)
    np.testing.assert_array_equal(table[:, :3].astype(np.float32), points)
    return Read(table[:, :3], table[:, 3], True)


def read_mulsen(root: Path, category: str) -> tuple[list[NDArray], list[Read]]:
    """As ``ZZZBBBZZZ/MulSen-AD:dataset_3D.py`` reads it."""
    folder = root / category / "Pointcloud"
    train = sorted((folder / "train").glob("*.stl"), key=number_of)
    tests = []
    for kind in sorted(path.name for path in (folder / "test").iterdir()):
        with (root / category / "RGB" / "GT" / kind / "data.csv").open() as file:
            rows = list(csv.reader(file))[1:]
        found = sorted((folder / "test" / kind).glob("*.stl"), key=number_of)
        for path, (name, *labels) in zip(found, rows, strict=True):
            assert name == path.stem and labels[:2] == ["0", "0"]
            tests.append((number_of(path), read_mesh(path, folder / "GT" / kind, labels[2] == "1")))
    return [read_vertices(path) for path in train], [read for _, read in sorted(tests, key=first)]


def first(pair: tuple[int, Read]) -> int:
    return pair[0]


def read_mesh(path: Path, truth: Path, anomalous: bool) -> Read:
    """Vertices; of an anomalous one, those nearest to the lines of its text are labelled."""
    points = read_vertices(path)
    mask = np.zeros(len(points))
    if anomalous:
        marked = np.genfromtxt(truth / f"{path.stem}.txt", delimiter=",")[:, :3]
        distance, nearest = cKDTree(points.astype(np.float64)).query(marked)
        assert distance.max() == 0.0
        mask[nearest] = 1
    return Read(points, mask, anomalous)


Reader = Callable[[Path, str], tuple[list[NDArray], list[Read]]]
READERS: dict[str, Reader] = {
    "real3d-ad": read_real3d,
    "anomaly-shapenet": read_shapenet,
    "mulsen-ad": read_mulsen,
}


@pytest.mark.parametrize("layout", READERS)
def test_clouds_come_back_with_their_labels(layout: str, data: Path, tmp_path: Path) -> None:
    assert set(export(data, tmp_path / "out", layout)) == {None}
    for category in SIZES:
        nominal, anomalous = sources(data, category)
        train, test = READERS[layout](tmp_path / "out", category)
        assert len(train) == TRAIN and len(test) == NOMINAL - TRAIN + ANOMALOUS
        for points, sample in zip(train, nominal[:TRAIN], strict=True):
            np.testing.assert_array_equal(points, sample.cloud.points.astype(np.float32))
        for read, sample in zip(test, nominal[TRAIN:] + anomalous, strict=True):
            assert read.anomalous == sample.file.anomalous == bool(read.mask.any())
            np.testing.assert_array_equal(read.mask, sample.cloud.mask)
            np.testing.assert_array_equal(
                read.points.astype(np.float32), sample.cloud.points.astype(np.float32)
            )


def read_mvtec(folder: Path) -> list[tuple[NDArray, NDArray, NDArray | None]]:
    """xyz, rgb and gt of a folder ``CATEGORY/SPLIT/KIND``, paired by order as M3DM pairs them."""
    xyz = [tifffile.imread(path) for path in sorted((folder / "xyz").glob("*.tiff"))]
    rgb = [np.array(Image.open(path)) for path in sorted((folder / "rgb").glob("*.png"))]
    gt: list = [np.array(Image.open(path)) for path in sorted((folder / "gt").glob("*.png"))]
    assert [path.stem for path in sorted((folder / "xyz").glob("*"))] == [
        path.stem for path in sorted((folder / "rgb").glob("*"))
    ]
    return list(zip(xyz, rgb, gt or [None] * len(xyz), strict=True))


def test_images_hold_the_nearest_point_of_each_pixel(data: Path, tmp_path: Path) -> None:
    export(data, tmp_path / "out", "mvtec-3d-ad", pixels=32)
    for category in SIZES:
        nominal, anomalous = sources(data, category)
        extent = 1.1 * np.linalg.norm(np.ptp(nominal[0].cloud.points, axis=0))
        folder = tmp_path / "out" / category
        train = read_mvtec(folder / "train" / "good")
        validation = read_mvtec(folder / "validation" / "good")
        good, dent = read_mvtec(folder / "test" / "good"), read_mvtec(folder / "test" / "dent")
        assert [len(split) for split in (train, validation, good, dent)] == [4, 1, 1, ANOMALOUS]
        assert all(gt is None for *_, gt in train + validation)
        assert all(gt is not None and not gt.any() for *_, gt in good)
        read = [*train, *validation, *good, *dent]
        for (xyz, rgb, gt), sample in zip(read, nominal + anomalous, strict=True):
            check_image(xyz, rgb, gt, sample.cloud, extent)


def check_image(
    xyz: NDArray, rgb: NDArray, gt: NDArray | None, cloud: LabeledCloud, extent: float
) -> None:
    """The pixels of a camera that looks down, in metres, against the points (in mm)."""
    assert xyz.shape == rgb.shape == (32, 32, 3)
    assert xyz.dtype == np.float32 and rgb.dtype == np.uint8
    middle = (cloud.points.min(axis=0) + cloud.points.max(axis=0)) / 2
    seen = (cloud.points - middle) * (1, -1, -1) + (0, 0, 4 * extent)
    column, row = np.floor(seen[:, :2] / seen[:, 2:] * 4 * 32 + 16).astype(int).T
    depth = np.full((32, 32), np.inf)
    np.minimum.at(depth, (row, column), seen[:, 2])
    held = xyz.any(axis=2)
    np.testing.assert_array_equal(held, rgb.any(axis=2))
    assert (held <= np.isfinite(depth)).all() and held.sum() > 0.4 * np.isfinite(depth).sum()
    np.testing.assert_allclose(xyz[held][:, 2], 1e-3 * depth[held], rtol=1e-6)
    distance, source = cKDTree(seen).query(1e3 * xyz[held].astype(np.float64))
    assert distance.max() < 1e-6 * 4 * extent
    if gt is not None:
        assert gt.shape == (32, 32) and not gt[~held].any()
        np.testing.assert_array_equal(gt[held], np.where(cloud.mask[source], 255, 0))


def plate(rng: np.random.Generator, *, marked_below: bool) -> LabeledCloud:
    """Two sheets of 40 x 40, 20 apart; one spot of one of them is marked."""
    points = np.column_stack([rng.uniform(0, 40, (6000, 2)), np.repeat([0.0, 20.0], 3000)])
    spot = np.linalg.norm(points[:, :2] - 20, axis=1) < 8
    mask = spot & ((points[:, 2] == 0) == marked_below)
    return LabeledCloud(
        points, None, mask, mask.astype(np.int32), mask.astype(float), np.arange(6000)
    )


def write_plates(folder: Path) -> Path:
    """Two nominal plates, one marked on its upper and one on its lower sheet."""
    rng = np.random.default_rng(5)
    for name in "ab":
        cloud = plate(rng, marked_below=True)
        write_cloud(folder / "plate" / "nominal" / f"{name}.npy", PointCloud(cloud.points))
    for name, below in (("above", False), ("below", True)):
        path = folder / "plate" / "anomalous" / f"{name}.ply"
        write_labeled(path, plate(rng, marked_below=below))
    return folder


@pytest.mark.parametrize("direction, level", [((0, 0, -1), 20.0), ((0, 0, 3), 0.0)])
def test_what_the_front_hides_is_left_out(
    direction: tuple[float, float, float], level: float, tmp_path: Path
) -> None:
    data = write_plates(tmp_path / "data")
    said = export(data, tmp_path / "out", "mvtec-3d-ad", direction=direction, pixels=64)
    hidden = "none of its marked points is seen"
    assert said == ([None] * 3 + [hidden] if level else [None] * 2 + [hidden, None])
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert [entry["reason"] for entry in manifest["left_out"]] == [hidden]
    assert all(entry["unseen"] >= 3000 for entry in manifest["samples"])
    ((xyz, _, gt),) = read_mvtec(tmp_path / "out" / "plate" / "test" / "anomalous")
    assert gt is not None and gt.any()
    depth = xyz[..., 2][xyz.any(axis=2)]
    assert np.ptp(depth) < 1e-6  # one sheet alone, 0.02 from the other


def organised_scan(rng: np.random.Generator) -> NDArray[np.float32]:
    """An image of 20 x 30 points in mm, with holes."""
    row, column = np.mgrid[:20, :30]
    image = np.stack([column, row, 300 + rng.normal(size=row.shape)], axis=2).astype(np.float32)
    image[rng.random((20, 30)) < 0.2] = 0
    return image


def write_organised(folder: Path) -> tuple[Path, NDArray[np.float32], PointCloud]:
    """Two nominal images, the first of them returned, and the labelled points of the second."""
    rng = np.random.default_rng(8)
    images = [organised_scan(rng) for _ in range(2)]
    for name, image in zip("ab", images, strict=True):
        write_cloud(
            folder / "part" / "nominal" / f"{name}.tiff",
            only_measured(cloud_from_image(image), zero_is_empty=True),
        )
    cloud = only_measured(cloud_from_image(images[1]), zero_is_empty=True)
    mask = cloud.points[:, 0] < 5
    points = cloud.points + mask[:, None] * (0, 0, 2.0)
    marked = LabeledCloud(
        points, None, mask, mask.astype(np.int32), mask.astype(float), np.arange(len(mask))
    )
    path = folder / "part" / "anomalous" / "c.ply"
    write_labeled(path, LabeledCloud(**{**vars(marked), "fields": cloud.fields}))
    return folder, images[0], PointCloud(points, fields={**cloud.fields, "mask": mask})


def test_an_organised_scan_keeps_its_image(tmp_path: Path) -> None:
    data, nominal, anomalous = write_organised(tmp_path / "data")
    export(data, tmp_path / "out", "mvtec-3d-ad")
    ((xyz, _, _),) = read_mvtec(tmp_path / "out" / "part" / "train" / "good")
    np.testing.assert_array_equal(xyz, (1e-3 * nominal.astype(np.float64)).astype(np.float32))
    ((xyz, _, gt),) = read_mvtec(tmp_path / "out" / "part" / "test" / "anomalous")
    at = anomalous.fields["row"], anomalous.fields["column"]
    np.testing.assert_array_equal(xyz[at], (1e-3 * anomalous.points).astype(np.float32))
    assert xyz.any(axis=2).sum() == len(anomalous) and gt is not None
    np.testing.assert_array_equal(gt[at] > 0, anomalous.fields["mask"])
    assert (gt > 0).sum() == anomalous.fields["mask"].sum()


def test_a_category_is_organised_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    data, _, anomalous = write_organised(tmp_path / "data")
    write_cloud(data / "part" / "nominal" / "z.ply", PointCloud(anomalous.points))
    run = Export(data, tmp_path / "out", ExportConfig("mvtec-3d-ad", "mm"))
    said = [run.write(path) for path in run.files if path.name != "z.ply"]
    assert said == [None] * 3
    with pytest.raises(DatasetError, match="only some scans"):
        run.write(data / "part" / "nominal" / "z.ply")


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([(), (3,)]), st.integers(0, 2**32 - 1))
def test_png_is_what_others_read(height: int, width: int, colours: tuple, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, *colours), np.uint8)
    picture = Image.open(BytesIO(format_png(image)))
    assert picture.mode == ("RGB" if colours else "L")
    np.testing.assert_array_equal(np.array(picture), image)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_exports_are_the_same_bytes(layout: str, data: Path, tmp_path: Path) -> None:
    export(data, tmp_path / "one", layout)
    export(data, tmp_path / "two", layout)
    first = tree(tmp_path / "one")
    assert first == tree(tmp_path / "two")
    export(data, tmp_path / "one", layout)
    assert first == tree(tmp_path / "one")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_manifest_tells_every_file(layout: str, data: Path, tmp_path: Path) -> None:
    export(data, tmp_path / "out", layout)
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    samples = manifest["samples"]
    listed = [name for sample in samples for name in sample["files"]] + manifest["tables"]
    assert sorted([*listed, MANIFEST]) == sorted(tree(tmp_path / "out"))
    assert manifest["layout"] == layout and manifest["left_out"] == []
    for sample, path in zip(samples, paths_of(data), strict=True):
        assert data / sample["source"]["file"] == path
        assert sample["source"]["sha256"] == file_digest(path)
        assert sample["kind"] == ("dent" if "anomalous" in path.parts else "good")
        assert (sample["marked"] > 0) == (sample["kind"] == "dent")


def paths_of(data: Path) -> list[Path]:
    return [file.path for file in data_files(data)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_interrupted_export_ends_as_an_undisturbed_one(
    layout: str, data: Path, tmp_path: Path
) -> None:
    export(data, tmp_path / "whole", layout)
    run = Export(data, tmp_path / "cut", ExportConfig(layout, "mm", test_share=0.9))
    for path in run.files[:7]:
        run.write(path)
    export(data, tmp_path / "cut", layout)
    assert tree(tmp_path / "cut") == tree(tmp_path / "whole")
    assert all(any(path.iterdir()) for path in (tmp_path / "cut").rglob("*") if path.is_dir())


def test_files_of_others_are_spared(data: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "out" / "ball" / "train" / "1_template.pcd"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("mine")
    (tmp_path / "out" / "notes.md").write_text("mine too")
    with pytest.raises(DatasetError, match=r"1_template\.pcd is there already"):
        export(data, tmp_path / "out", "real3d-ad")
    assert foreign.read_text() == "mine"
    foreign.unlink()
    export(data, tmp_path / "out", "real3d-ad")
    export(data, tmp_path / "out", "real3d-ad", test_share=0.9)
    assert (tmp_path / "out" / "notes.md").read_text() == "mine too"


def test_an_export_in_another_layout_is_refused(data: Path, tmp_path: Path) -> None:
    export(data, tmp_path / "out", "real3d-ad")
    before = tree(tmp_path / "out")
    with pytest.raises(DatasetError, match="holds an export in the layout 'real3d-ad'"):
        export(data, tmp_path / "out", "mulsen-ad")
    assert tree(tmp_path / "out") == before
    (tmp_path / "out" / MANIFEST).write_text('{"format": "another"}')
    with pytest.raises(DatasetError, match="not the manifest of an export"):
        export(data, tmp_path / "out", "real3d-ad")


@pytest.mark.parametrize(
    "layout, name",
    [
        ("real3d-ad", "template"),
        ("anomaly-shapenet", "part.v2"),
        ("mulsen-ad", "latest"),
        ("mvtec-3d-ad", "xyz_table"),
    ],
)
def test_a_category_that_loaders_misread_is_refused(
    layout: str, name: str, data: Path, tmp_path: Path
) -> None:
    (data / "egg").rename(data / name)
    with pytest.raises(DatasetError, match=f"'{name}'.*rename the folder"):
        export(data, tmp_path / "out", layout)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind, name", [("Edge chip", "edgechip"), ("../../x", "x"), ("7", None)])
def test_a_kind_becomes_a_name_of_letters(
    kind: str, name: str | None, data: Path, tmp_path: Path
) -> None:
    write_json(data / "egg" / "anomalous" / "300.json", {"defects": [{"kind": kind}]})
    export(data, tmp_path / "out", "real3d-ad")
    assert (tmp_path / "out" / "egg" / "gt" / f"6_{name or 'anomalous'}.txt").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out"}


def test_a_kind_that_means_good_is_refused(data: Path, tmp_path: Path) -> None:
    write_json(data / "egg" / "anomalous" / "300.json", {"defects": [{"kind": "good"}]})
    for layout in LAYOUTS:
        with pytest.raises(DatasetError, match="rename the kind"):
            export(data, tmp_path / layout, layout)


def test_coordinates_that_single_precision_roughens_are_refused(data: Path, tmp_path: Path) -> None:
    far = labeled("egg", 300, 0.3).points + 1e6
    write_cloud(data / "egg" / "nominal" / "300.ply", PointCloud(far))
    with pytest.raises(DatasetError, match="move the scans near their origin"):
        export(data, tmp_path / "out", "real3d-ad")
    export(data, tmp_path / "images", "mvtec-3d-ad")  # in the camera's frame they are small


def test_a_cloud_without_a_mark_is_left_out(data: Path, tmp_path: Path) -> None:
    write_labeled(data / "egg" / "anomalous" / "300.ply", labeled("egg", 300, 0.0))
    said = export(data, tmp_path / "out", "mulsen-ad")
    assert [reason for reason in said if reason] == ["its mask marks no point"]
    _, test = read_mulsen(tmp_path / "out", "egg")
    assert sum(read.anomalous for read in test) == ANOMALOUS - 1


def test_a_single_marked_point_is_a_matrix_to_mulsen_loaders(data: Path, tmp_path: Path) -> None:
    cloud = labeled("egg", 300, 0.3)
    cloud.mask[:] = np.arange(len(cloud)) == 11
    write_labeled(data / "egg" / "anomalous" / "300.ply", cloud)
    export(data, tmp_path / "out", "mulsen-ad")
    _, test = read_mulsen(tmp_path / "out", "egg")
    assert np.flatnonzero(test[2].mask).tolist() == [11]


@given(st.integers(0, 30), st.integers(0, 5), st.floats(0.01, 0.99), st.booleans(), st.booleans())
def test_splits(nominal: int, anomalous: int, share: float, validates: bool, other: bool) -> None:
    files = [DataFile(Path(f"{n}"), "a", n >= nominal) for n in range(nominal + anomalous)]
    others = [DataFile(Path("other"), "b", False)] * other
    found = slots([*files, *others], share, validates)[: len(files)]
    assert [slot.file for slot in found] == files
    assert [slot.number for slot in found] == list(range(len(files)))
    good = [slot.split for slot in found if not slot.file.anomalous]
    assert good == sorted(good, key=[Split.TRAIN, Split.VALIDATION, Split.TEST].index)
    assert all(slot.split is Split.TEST for slot in found if slot.file.anomalous)
    check_shares(found, nominal, share, validates)


def check_shares(found: list[Slot], nominal: int, share: float, validates: bool) -> None:
    """Nearly the share asked for is held back, at least one and never all."""
    count = {split: 0 for split in Split}
    for slot in found:
        count[slot.split] += not slot.file.anomalous
    held = count[Split.VALIDATION] + count[Split.TEST]
    if nominal >= 2:
        assert count[Split.TRAIN] >= 1 and held >= 1
        assert abs(held - share * nominal) <= 1
    assert count[Split.VALIDATION] == (held // 2 if validates else 0)


def test_synthesized_samples_are_exported_like_others(data: Path, tmp_path: Path) -> None:
    export(data, tmp_path / "loose", "real3d-ad")
    for path in sorted(data.glob("*/anomalous/*.ply")):
        record = json.loads(path.with_suffix(".json").read_text())
        write_sample(path.with_suffix(".safetensors"), read_labeled(path), record)
        path.unlink()
    export(data, tmp_path / "packed", "real3d-ad")
    loose, packed = tree(tmp_path / "loose"), tree(tmp_path / "packed")
    assert loose.pop(MANIFEST) != packed.pop(MANIFEST) and loose == packed
