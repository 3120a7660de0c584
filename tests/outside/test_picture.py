"""The pictures: what their scripts print, and what the papers say."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PICTURES = sorted((ROOT / "docs/pictures").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"


def drawn(name):
    return list(ElementTree.parse(ROOT / f"docs/pictures/{name}.svg").iter())


@pytest.fixture(params=PICTURES, ids=lambda picture: picture.stem)
def picture(request):
    return request.param


def test_every_picture_is_found():
    assert [picture.stem for picture in PICTURES] == ["overview", "patch", "states"]


def test_a_picture_is_what_its_script_prints(picture):
    script = picture.with_suffix(".py")
    command = [sys.executable, "-BEs", script]
    printed = subprocess.run(command, env={}, capture_output=True, check=True).stdout
    assert printed == picture.read_bytes(), f"python3 {script} > {picture}"


def test_a_picture_needs_nothing_but_itself(picture):
    parts = drawn(picture.stem)

    assert {part.tag.removeprefix(SVG) for part in parts} == {
        "svg", "title", "desc", "style", "defs", "marker", "path", "rect", "text",
    }  # fmt: skip
    for part in parts:
        for name, value in part.items():
            assert "href" not in name
            assert all(url == "#head" for url in re.findall(r"url\((.*?)\)", value))


def test_a_picture_has_a_light_and_a_dark_dress(picture):
    """Every colour is a class, and each class has both."""
    parts = drawn(picture.stem)
    (style,) = [part.text for part in parts if part.tag == f"{SVG}style"]
    day, night = style.split("@media (prefers-color-scheme: dark)")
    by_day, by_night = (set(re.findall(r"\.([\w-]+)\{", dress)) for dress in (day, night))

    assert by_day == by_night
    for part in parts:
        assert not {"fill", "stroke"} & set(part.keys())
        assert part.get("class") is None or part.get("class") in by_day
    assert re.findall(r"#\w+", day) != re.findall(r"#\w+", night)


def test_every_status_in_the_picture_is_told():
    texts = {part.text for part in drawn("overview") if part.tag == f"{SVG}text"}
    shown = {text for text in texts if re.fullmatch(r"\d{3}", text)}

    assert {"200", "201", "202", "400", "401", "409", "429", "503"} <= shown
    answers = (ROOT / "docs/answers.md").read_text()
    assert shown <= set(re.findall(r"^\| (\d{3}) \|", answers, re.MULTILINE))


def test_the_picture_shows_scim_the_roster_and_leavers():
    told = " ".join(part.text or "" for part in drawn("overview"))
    assert all(word in told for word in ("SCIM", "Roster", "leavers", "Amazon Connect"))
