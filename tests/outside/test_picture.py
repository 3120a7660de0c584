"""The picture of an event's path: what its script prints, and what the README says."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs/overview.svg"
SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_is_what_its_script_prints():
    script = [sys.executable, "-I", ROOT / "docs/overview.py"]
    printed = subprocess.run(script, env={}, capture_output=True, check=True).stdout
    assert printed == PICTURE.read_bytes(), "python3 docs/overview.py > docs/overview.svg"


def test_the_picture_needs_nothing_but_itself():
    drawn = list(ElementTree.parse(PICTURE).iter())

    assert {part.tag.removeprefix(SVG) for part in drawn} == {
        "svg", "title", "desc", "defs", "marker", "path", "rect", "text",
    }  # fmt: skip
    for part in drawn:
        for name, value in part.items():
            assert "href" not in name
            assert all(url == "#head" for url in re.findall(r"url\((.*?)\)", value))


def test_every_status_in_the_picture_is_in_the_readme():
    texts = {text.text for text in ElementTree.parse(PICTURE).iter(f"{SVG}text")}
    drawn = {text for text in texts if re.fullmatch(r"\d{3}", text)}

    assert {"200", "201", "400", "401", "409", "429", "503"} <= drawn
    told = re.findall(r"^\| (\d{3}) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert drawn <= set(told)
