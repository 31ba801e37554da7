"""Photos are made smaller and lose what came with them; what is none is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from backend.errors import FileFormatError
from backend.instruct.views import photo_bytes
from backend.instruct.views.photos import MAX_PIXELS, SENT_BYTES, SIDE


def sent(path: Path) -> Image.Image:
    data = photo_bytes(path)
    assert len(data) <= SENT_BYTES
    image = Image.open(io.BytesIO(data))
    assert image.format == "JPEG"
    return image


def halves(width: int = 60, height: int = 40) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), (220, 10, 10))
    image.paste((10, 10, 220), (width // 2, 0, width, height))
    return image


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp"])
def test_each_format_becomes_a_picture_without_metadata(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a secret camera"
    path = tmp_path / f"photo.{suffix}"
    halves().save(path, exif=exif)
    assert b"secret" in path.read_bytes()
    data = photo_bytes(path)
    assert b"secret" not in data
    image = sent(path)
    assert not image.getexif()
    pixels = np.asarray(image).astype(int)
    assert pixels[20, 5, 0] > 180 > 60 > pixels[20, 5, 2]
    assert pixels[20, 55, 2] > 180


def test_a_photo_is_turned_upright_and_made_smaller(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # held on its side
    path = tmp_path / "large.jpg"
    halves(3000, 1000).save(path, exif=exif)
    image = sent(path)
    assert image.size == (round(SIDE / 3), SIDE)
    top = np.asarray(image)[10, 10].astype(int)
    assert top[0] > top[2]


def test_noise_is_compressed_until_it_fits(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1500, 2000, 3), dtype=np.uint8)
    path = tmp_path / "noise.png"
    Image.fromarray(noise).save(path, compress_level=0)
    assert sent(path).size == (2000, 1500)


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGBA", (8, 8), (0, 0, 0, 0)),
        Image.new("P", (8, 8), 0),
        Image.fromarray(np.linspace(0, 60000, 64).reshape(8, 8).astype(np.uint16)),
    ],
    ids=["transparent", "palette", "16 bits"],
)
def test_other_kinds_of_pixels_are_taken_too(tmp_path: Path, image: Any) -> None:
    path = tmp_path / "other.png"
    image.save(path)
    pixels = np.asarray(sent(path))
    assert pixels.shape == (8, 8, 3)
    if image.mode == "RGBA":
        assert pixels.min() > 250, "what is transparent becomes white"


def test_what_is_no_photo_is_refused_by_its_name(tmp_path: Path) -> None:
    whole = io.BytesIO()
    halves(600, 400).save(whole, format="PNG")
    for name, data, message in (
        ("text.png", b"this is text", "no picture that can be read; save it as one of JPEG, PNG"),
        ("empty.jpg", b"", "no picture"),
        ("cut.png", whole.getvalue()[: len(whole.getvalue()) // 2], "damaged"),
        ("huge.png", _header(20_000, 20_000), f"more than the limit of {MAX_PIXELS}"),
        ("vector.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(FileFormatError, match=f"{name}: .*{message}"):
            photo_bytes(path)
    with pytest.raises(FileFormatError, match="cannot be read"):
        photo_bytes(tmp_path / "missing.png")


def _header(width: int, height: int) -> bytes:
    """A small PNG that says that it is large."""
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, format="PNG")
    data = bytearray(buffer.getvalue())
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    import zlib

    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)
