"""Further measures in one profile: errors of either direction, contours, centre lines, lesions."""

from functools import partial

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

_NONE = Empty(both=NAN, reference=NAN, predicted=NAN)
_ZERO = Empty(both=NAN, reference=0.0, predicted=0.0)
_edge = partial(
    Measure, empty=_NONE, surface="edge/header/3d", surface_2d="edge/header/2d"
)  # distances between edges, in mm

PLUGIN = MetricProfile(
    name="detailed",
    version=1,
    title="Further measures",
    source="sam4mis",
    selection="argmax-predicted-iou",
    measures={
        "sensitivity": Measure("sensitivity", Empty(both=NAN, reference=NAN, predicted=0.0)),
        "specificity": Measure("specificity", Empty(None, None, None)),
        "precision": Measure("precision", Empty(both=NAN, reference=0.0, predicted=NAN)),
        "mcc": Measure("mcc", _ZERO),
        "volume-similarity": Measure("volume-similarity", _ZERO),
        "asd-reference": _edge("asd-reference"),
        "asd-predicted": _edge("asd-predicted"),
        "msd-reference": _edge("msd-reference"),
        "msd-predicted": _edge("msd-predicted"),
        "masd": _edge("assd", combine="mean-fraction"),
        "assd": _edge("assd"),
        "cldice": Measure(
            "cldice", _ZERO, surface="skeleton/unit/3d", surface_2d="skeleton/unit/2d"
        ),
        "boundary-iou": Measure("boundary-iou", _ZERO, surface_2d="band:0.02/unit/2d"),
        "lesion-f1": Measure("lesion-f1", _ZERO, matcher="touching"),
        "lesion-f1-iou": Measure("lesion-f1", _ZERO, overlap=0.5),
    },
    parity=(
        "NumPy, scipy, scikit-image, MONAI and panoptica on random and hostile masks; clDice and "
        "boundary IoU by their authors' formulas"
    ),
    notes=(
        "asd and msd: mean and median distance in mm of the edge voxels of the reference (or the "
        "prediction) from the other edge; masd is the mean of the two means, assd over both.",
        "cldice: skeletons of scikit-image. boundary-iou: bands of 2 % of the image's diagonal, "
        "images only.",
        "lesion-f1: a component (joined over corners) is found where any pixel of it is predicted; "
        "lesion-f1-iou: components match one to one at an IoU of 0.5.",
        "specificity depends on how much background an image shows; it is defined on empty masks.",
    ),
)
