"""The page, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.io import write_labeled
from tests.backend.parts import labeled
from tests.backend.serving.service import Service, running
from tests.browser import Browser


@pytest.fixture(scope="module")
def service(model: Path) -> Iterator[Service]:
    with running(model) as started:
        yield started


@pytest.fixture
def dented(tmp_path: Path) -> Path:
    path = tmp_path / "egg.ply"
    write_labeled(path, labeled("egg", 300, 0.3))
    return path


def test_a_scan_is_scored_and_shown(service: Service, browser: Browser, dented: Path) -> None:
    browser.open(f"{service.address}/")
    browser.wait_for("document.querySelectorAll('#category option').length == 3")
    assert "ball, egg" in browser.text()
    browser.choose_file("#scan", dented)
    browser.click("button")
    browser.wait_for("document.querySelector('#picture').complete && !result.hidden")
    expected = service.score(dented).json()
    assert browser.evaluate("document.querySelector('#decision').textContent") == "Reject"
    assert expected["reasons"][0] in browser.text()
    assert f"{expected['object_score']:.3f}" in browser.text()
    assert f"{expected['anomalous_points']} of 900" in browser.text()
    assert browser.evaluate("document.querySelector('#picture').naturalWidth") > 200
    assert browser.complaints == []
    assert {address.split("/v1")[0].rstrip("/") for address in browser.addresses} <= {
        service.address,
        f"{service.address}/page.css",
        f"{service.address}/page.js",
    }


def test_a_refusal_is_shown_in_words(service: Service, browser: Browser, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.ply"
    damaged.write_bytes(b"ply\nformat ascii 1.0\n<img src=x onerror=alert(1)>")
    browser.open(f"{service.address}/")
    browser.choose_file("#scan", damaged)
    browser.click("button")
    browser.wait_for("document.querySelector('#status').className == 'bad'")
    assert "no line 'end_header'" in browser.text()
    assert browser.evaluate("document.querySelector('#result').hidden") is True
    assert browser.evaluate("document.querySelector('button').disabled") is False
