"""Public benchmarks, as ``export`` writes them and as they are published, read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from backend.dataset.benchmark import find_files, read_file
from backend.dataset.export import Export, ExportConfig
from backend.dataset.layouts import LAYOUTS, Split
from backend.dataset.layouts.mvtec_3d_ad import of_the_part
from backend.dataset.layouts.png import format_png
from backend.dataset.layouts.points import format_single_pcd
from backend.errors import DatasetError
from backend.io.measured import only_measured
from backend.io.organised import cloud_from_image
from tests.backend.parts import write_folder

ALL = tuple(Split)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "data", nominal=6, anomalous=2)


def exported(data: Path, out: Path, layout: str) -> None:
    run = Export(data, out, ExportConfig(layout, "mm"))
    for path in run.files:
        run.write(path)
    run.finish()


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_what_export_writes_is_read_back(layout: str, data: Path, tmp_path: Path) -> None:
    exported(data, tmp_path / "out", layout)
    files = find_files(tmp_path / "out", layout, ALL)
    assert len(files) == 2 * (6 + 2)
    counts = {split: sum(f.place.split is split for f in files) for split in Split}
    validation = 2 if LAYOUTS[layout].validates else 0
    assert counts == {Split.TRAIN: 8, Split.VALIDATION: validation, Split.TEST: 8 - validation}
    for file in files:
        case = read_file(file, layout)
        anomalous = file.place.kind == "dent"
        assert case.sample.file.category in ("ball", "egg")
        assert case.sample.file.anomalous == anomalous
        assert case.sample.cloud.mask.any() == anomalous
        assert case.sample.kind == ("dent" if anomalous else "nominal")
        assert 0 < case.sample.cloud.mask.mean() < 0.3 or not anomalous
        assert (case.image is not None) == (layout == "mvtec-3d-ad")


def test_images_know_their_pixels_and_face_the_camera(data: Path, tmp_path: Path) -> None:
    exported(data, tmp_path / "out", "mvtec-3d-ad")
    (file,) = [
        f for f in find_files(tmp_path / "out", "mvtec-3d-ad", (Split.TEST,)) if f.place.number == 7
    ][:1]
    case = read_file(file, "mvtec-3d-ad")
    cloud = case.sample.cloud
    assert case.image is not None and cloud.normals is not None
    assert (case.image[cloud.fields["row"], cloud.fields["column"]] == cloud.mask).all()
    assert (np.einsum("ni,ni->n", cloud.points, cloud.normals) < 0).all()


def test_published_names_of_real3d_ad(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    for name in (
        "airplane/train/1_prototype.pcd",
        "airplane/test/10_good.pcd",
        "airplane/test/11_good_cut.pcd",
        "airplane/test/482_bulge_cut.pcd",
        "airplane/test/482_template.pcd",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(format_single_pcd(points))
    truth = tmp_path / "airplane" / "gt" / "482_bulge_cut.txt"
    truth.parent.mkdir()
    np.savetxt(truth, np.column_stack([points, np.arange(40) < 5]))
    files = find_files(tmp_path, "real3d-ad", ALL)
    assert [(f.place.split.value, f.place.number, f.place.kind) for f in files] == [
        ("train", 1, "good"),
        ("test", 10, "good"),
        ("test", 11, "good"),
        ("test", 482, "bulge"),
    ]
    cloud = read_file(files[-1], "real3d-ad").sample.cloud
    assert cloud.mask.tolist() == [True] * 5 + [False] * 35
    assert cloud.points == pytest.approx(points)


def test_published_names_of_anomaly_shapenet(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    for name in ("train/ashtray0_template0", "test/ashtray0_positive3", "test/1_bulge"):
        path = tmp_path / "pcd" / "ashtray0" / f"{name}.pcd"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(format_single_pcd(points))
    truth = tmp_path / "pcd" / "ashtray0" / "GT" / "1_bulge.txt"
    truth.parent.mkdir()
    np.savetxt(truth, np.column_stack([points, np.arange(20) < 5]), delimiter=",")
    places = {f.path.stem: f.place for f in find_files(tmp_path, "anomaly-shapenet", ALL)}
    assert places["ashtray0_positive3"].kind == places["ashtray0_template0"].kind == "good"
    assert (places["1_bulge"].number, places["1_bulge"].kind) == (1, "bulge")


def test_table_of_mulsen_ad_tells_what_the_points_show(tmp_path: Path) -> None:
    data = write_folder(tmp_path / "data", nominal=3, anomalous=2)
    exported(data, tmp_path / "out", "mulsen-ad")
    table = tmp_path / "out" / "egg" / "RGB" / "GT" / "dent" / "data.csv"
    rows = table.read_text().splitlines()
    number = rows[1].split(",")[0]
    rows[1] = f"{number},1,0,0"
    table.write_text("\n".join(rows))
    kinds = {
        f.place.number: f.place.kind
        for f in find_files(tmp_path / "out", "mulsen-ad", (Split.TEST,))
        if f.place.category == "egg" and f.path.parent.name == "dent"
    }
    assert kinds.pop(int(number)) == "good"
    assert set(kinds.values()) == {"dent"}


def on_a_table() -> tuple[np.ndarray, np.ndarray]:
    """A ball of 20 mm on a tilted table, 0.5 m before the camera, and a crumb beside it; and (H, W)
    where the ball is.
    """
    size = 200
    row, column = np.mgrid[:size, :size]
    x, y = (column - size / 2) * 0.001, (row - size / 2) * 0.001
    z = 0.5 + 0.2 * x
    away = np.hypot(x, y)
    ball = away < 0.02
    z = np.where(ball, z - 0.006 - np.sqrt(np.maximum(0.02**2 - away**2, 0.0)), z)
    crumb = np.hypot(x - 0.06, y) < 0.004
    z = np.where(crumb, z - 0.012, z)
    z += 0.0002 * np.random.default_rng(0).normal(size=z.shape)
    return np.stack([x, y, z], axis=2).astype(np.float32), ball


def test_table_and_crumbs_are_taken_away(tmp_path: Path) -> None:
    image, ball = on_a_table()
    cloud = only_measured(cloud_from_image(image), zero_is_empty=True)
    kept = np.zeros(ball.shape, bool)
    row, column = cloud.fields["row"], cloud.fields["column"]
    kept[row, column] = of_the_part(cloud)
    assert (kept == ball).mean() > 0.999
    alone = np.where(ball[..., None], image, 0).astype(np.float32)
    assert of_the_part(only_measured(cloud_from_image(alone), zero_is_empty=True)).all()
    folder = tmp_path / "bagel" / "test" / "hole"
    for name in ("xyz", "gt"):
        (folder / name).mkdir(parents=True)
    tifffile.imwrite(folder / "xyz" / "000.tiff", image, photometric="rgb")
    truth = np.zeros(ball.shape, np.uint8)
    truth[95:105, 95:105] = 255
    (folder / "gt" / "000.png").write_bytes(format_png(truth))
    (file,) = find_files(tmp_path, "mvtec-3d-ad", (Split.TEST,))
    case = read_file(file, "mvtec-3d-ad")
    assert case.sample.cloud.mask.sum() == 100
    (folder / "gt" / "000.png").write_bytes(format_png(truth[:50]))
    with pytest.raises(DatasetError, match=r"\(50, 200\) pixels, the scan \(200, 200\)"):
        read_file(file, "mvtec-3d-ad")


def test_empty_folder_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no scan of a test split of Real3D-AD"):
        find_files(tmp_path, "real3d-ad", (Split.TEST,))
