"""Pictures for the site: what prompts are, drawn on three kept images, and what a box tells alone.

`reproduce/results/examples/endotect` has the images, small ones that may be shown with credit; no
model is asked. Runs bring their own pictures (`outlines`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from reproduce.contracts import Prompt, Sample
from reproduce.ground.plugins import plugin
from reproduce.judging.examples import FOLDER, examples_document
from reproduce.running.outlines import outline

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DATASET, LABEL, SEED = "endotect", "polyp", 0
CREDIT = "EndoTect 2020, from HyperKvasir (Borgli et al. 2020), CC BY 4.0, made smaller"
SOURCE = "https://doi.org/10.1038/s41597-020-00622-y"
#: name, title, case, and what is given: prompt profile -> words
PICTURES: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    (
        "prompts",
        "One polyp, and what may be given of it",
        "0db231c1-0412-41a9-b902-ede14b1050aa",
        {
            "box-tight": "A tight box around the reference",
            "box-out-20-1024": "The same box, every side 20 pixels out on a grid of 1,024",
            "point-center-edt": "One click, farthest from the edge",
            "point-uniform": "One click, any pixel of it",
            "points-1-1-uniform": "One click on it and one beside it",
            "scribble-skeleton-5": "A scribble along its middle, told as five points",
            "scribble-contour-5": "A scribble round it, told as five points",
        },
    ),
    (
        "one-box-or-each",
        "Two polyps: one box, or a box each?",
        "0ab286ad-3b4f-4c5d-af02-314a2f41a518",
        {
            "box-tight": "One box around all that is marked",
            "box-component": "A box around each piece",
        },
    ),
    (
        "two-middles",
        "A click in the middle: which middle?",
        "03e15c74-4234-4074-bd5b-b4b81834d3d6",
        {
            "point-center-edt": "The pixel farthest from the edge",
            "point-center-mass": "The pixel of it nearest to the centre of mass",
        },
    ),
)


def document(root: Path) -> dict[str, Any]:
    """Worked examples and pictures, for `reproduce/results/examples.json`."""
    return examples_document(root) | {"pictures": pictures(root)}


def pictures(root: Path) -> list[dict[str, Any]]:
    """Every picture with its outline and what is given, in px of the kept image; [] without them.

    `filled` is the Dice of the given box, filled, against the reference: what it tells alone.
    """
    folder = root / FOLDER / DATASET
    if not folder.is_dir():
        return []
    dataset = plugin("datasets", DATASET)
    cases = {case.id: case for case in dataset.cases(folder, "polyps", {})}
    return [
        _picture(name, title, given, dataset.load(cases[case], {}))
        for name, title, case, given in PICTURES
    ]


def _picture(name: str, title: str, given: dict[str, str], sample: Sample) -> dict[str, Any]:
    mask = sample.labels[LABEL][0]
    height, width = mask.shape
    image = sample.case.files["image"]
    return {
        "name": name,
        "title": title,
        "dataset": DATASET,
        "case": sample.case.id,
        "image": f"{DATASET}/{image.parent.name}/{image.name}",
        "width_px": width,
        "height_px": height,
        "credit": CREDIT,
        "source": SOURCE,
        "truth": outline(mask),
        "given": [_given(profile, words, sample, mask) for profile, words in given.items()],
    }


def _given(name: str, words: str, sample: Sample, mask: NDArray[np.bool_]) -> dict[str, Any]:
    profile = plugin("prompts", name)
    prompts: list[Prompt] = profile.prompts(sample.case.id, LABEL, mask, SEED, None)
    return {
        "profile": f"{profile.name}/{profile.version}",
        "words": words,
        "line": name.startswith("scribble"),
        "boxes": [p.box.tolist() for p in prompts if p.box is not None],
        "points": [point for p in prompts if p.points is not None for point in p.points.tolist()],
        "signs": [
            sign for p in prompts if p.point_labels is not None for sign in p.point_labels.tolist()
        ],
        "filled": _filled([p for p in prompts if p.box is not None], mask),
    }


def _filled(prompts: list[Prompt], mask: NDArray[np.bool_]) -> float | None:
    """Dice of the filled boxes against a mask (H, W), pixels named by their centres."""
    import numpy as np

    if not prompts:
        return None
    y, x = np.indices(mask.shape)
    inside = np.zeros(mask.shape, bool)
    for prompt in prompts:
        assert prompt.box_xy is not None
        left, top, right, bottom = prompt.box_xy
        inside |= (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
    dice = 2 * (inside & mask).sum() / (inside.sum() + mask.sum())
    return round(float(dice), 6)
