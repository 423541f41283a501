"""Lists of boxes as people save them: any spreadsheet, COCO, names of other machines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import InputError
from reproduce.ground.tables import cases_named, read_table
from reproduce.predicting.listed import read_rows
from reproduce.predictions.groups import read_groups

LINES = ("Image,Label,X0,Y0,X1,Y1", "größe.png,polyp,1.5,2,30,40", "b.png,polyp,0,0,9.25,9")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_table_says_the_same_however_it_was_saved(
    separator: str, encoding: str, ending: str, tmp_path: Path
) -> None:
    text = ending.join(line.replace(",", separator) for line in LINES) + ending + ending
    if separator != ",":
        text = text.replace(".5", ",5").replace(".25", ",25")
    path = tmp_path / "boxes.csv"
    path.write_bytes(text.encode(encoding))
    (first, one), (_, two) = read_rows(path, "box")
    assert (first, one.label, one.place) == ("größe.png", "polyp", "boxes.csv:2")
    assert one.corners == ((1.5, 2, None), (30, 40, None))
    assert two.corners == ((0, 0, None), (9.25, 9, None))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            b"image,x0,y0,x1,y1\na,1,5,2,3,4\n",
            r":2: expected 5 cells as in the heading, .*semicolons",
        ),
        ("image,x0,y0,x1,y1\nä,1,2,3,4\n".encode("latin-1"), r"byte 19\). Save it as 'CSV UTF-8'"),
        (b"image,x,y,width,height\na,1,2,3,4\n", r"x1 is x0 \+ width - 1"),
        (b"filename,xmin,ymin,xmax,ymax\na,1,2,3,4\n", "Call xmin, ymin, xmax, ymax so"),
        (b"image,x0,y0,x1,y1\na,1,2,,4\nb,1,2,inf,4\n", r":2: x1 '' is no .*:3: x1 'inf' is no"),
        (b'image,x0,y0,x1,y1\n"a"b,1,2,3,4\n', "cannot be read as CSV"),
        (b"image,x0,y0,x1,x0\na,1,2,3,4\n", "columns stand twice: x0"),
        (b"", "got none"),
    ],
)
def test_a_table_that_cannot_be_meant_is_told_with_the_way_out(
    content: bytes, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "boxes.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=told):
        read_rows(path, "box")


def coco(tmp_path: Path, *annotations: dict[str, Any], **image: Any) -> Path:
    path = tmp_path / "coco.json"
    images = [{"id": 7, "file_name": "a.png"} | image]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": []}))
    return path


def test_annotations_that_cannot_be_boxes_are_named(tmp_path: Path) -> None:
    fine = {"id": 1, "image_id": 7, "bbox": [1, 2, 3, 4]}
    ((name, row),) = read_rows(coco(tmp_path, fine, height=40, width=50), "box")
    assert (name, row.corners, row.size) == ("a.png", ((1, 2, None), (4, 6, None)), (40, 50))
    wrong = [
        fine | {"id": 2, "image_id": 8},
        {"id": 3, "image_id": 7, "segmentation": [[0, 0, 4, 0, 4, 4]]},
        fine | {"id": 4, "bbox": []},
    ]
    with pytest.raises(
        InputError, match=r"without: annotation 2, annotation 3, annotation 4\. A f"
    ):
        read_rows(coco(tmp_path, fine, *wrong), "box")


def test_names_of_other_machines_are_found_and_never_guessed() -> None:
    known = {"a": "a", "a.jpg": "a", "sub/b": "sub/b", "é": "é"}

    def named(*names: str) -> tuple[dict[str, str], list[str]]:
        return cases_named(names, known)

    assert named("a.jpg", "sub/b.png", "e\u0301") == (
        {"a.jpg": "a", "sub/b.png": "sub/b", "e\u0301": "é"},
        [],
    )
    assert named("/home/me/a.jpg")[0] == {"/home/me/a.jpg": "a"}
    assert named(r"C:\data\sub\b.tif")[0] == {r"C:\data\sub\b.tif": "sub/b"}
    # one of them is another image of that name, and nothing says which
    assert named("train/a.jpg", "test/a.jpg") == ({}, ["train/a.jpg", "test/a.jpg"])
    assert named("a.jpg", "test/a.jpg") == ({"a.jpg": "a"}, ["test/a.jpg"])
    assert named("c.jpg") == ({}, [])


def test_groups_are_read_from_any_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    path.write_text("Image;Patient;Scanner\nscans/b.png;1;X\na.png;2;\n", "utf-16")
    groups = read_groups(path, ["a", "b"])
    assert groups.patients == {"a": "2", "b": "1"}
    assert groups.columns == {"Scanner": {"X": ["b"]}}
    assert read_table(path).decimal_comma
