"""What every metric profile says of the cases on which evaluators disagree.

The masks are constructed here, so that each number can be checked by hand; `profiles_document`
is what `sam4mis reproduce profiles` writes for the site.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.ground.plugins import plugins
from reproduce.scoring.engine import score
from reproduce.scoring.profile import MetricProfile

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

SURFACES = (
    "surfel/header/{d}",
    "surfel/unit/{d}",
    "surfel/reversed/{d}",
    "surfel/fixed:1.5/{d}",
    "edge/header/{d}",
    "edge/unit/{d}",
)


@dataclass(frozen=True, slots=True)
class Corner:
    """A constructed run. `say` is what a page prints; `build` makes its statistics."""

    name: str
    say: str
    build: Callable[[], pa.Table]


def corners() -> list[Corner]:
    """The constructed cases, in the order of the page."""
    return [
        Corner("both-empty", "Reference and prediction empty.", lambda: _one(0, 0, 0)),
        Corner("false-positive", "Reference empty, 10 pixels predicted.", lambda: _one(0, 10, 0)),
        Corner("missed", "10 pixels in the reference, nothing predicted.", lambda: _one(0, 0, 10)),
        Corner("one-pixel", "One pixel, found exactly.", lambda: _one(1, 0, 0)),
        Corner("half", "20 pixels in each, 10 in common: 2 x 10 / 40.", lambda: _one(10, 10, 10)),
        Corner(
            "good-and-empty",
            "Two cases: Dice 0.8 (8, 2 and 2 pixels); and one where both masks are empty.",
            lambda: _cases((8, 2, 2), (0, 0, 0)),
        ),
        Corner(
            "good-and-false-positive",
            "Two cases: Dice 0.8; and an empty reference with 10 pixels predicted.",
            lambda: _cases((8, 2, 2), (0, 10, 0)),
        ),
        Corner(
            "absent-class",
            "Class a with Dice 0.8; class b is nowhere, in the reference or predicted.",
            lambda: _classes((8, 2, 2), (0, 0, 0)),
        ),
        Corner(
            "extra-class",
            "Class a with Dice 0.8; class b is not in the reference, 10 pixels are predicted.",
            lambda: _classes((8, 2, 2), (0, 10, 0)),
        ),
        Corner(
            "large-and-small",
            "Two cases: 900 of 1000 pixels right (0.9), and 2 of 10 (0.2).",
            lambda: _cases((900, 100, 100), (2, 8, 8)),
        ),
        Corner(
            "no-prediction", "Two cases: Dice 0.8; and one without a prediction.", _missing_case
        ),
        Corner(
            "slices",
            "A volume of four slices: Dice 1.0 (100 pixels), 0.5 (20 and 20 pixels, 10 in common), "
            "a false positive of 5 pixels, and an empty one.",
            _volume_of_slices,
        ),
        Corner(
            "thick-slices",
            "A box of 3x6x6 voxels of 5x1x1 mm, predicted one slice too deep (5 mm off).",
            _thick_slices,
        ),
        Corner(
            "clicks",
            "Five click rounds with Dice 0.5, 0.7, 0.8, 0.9, 0.6.",
            lambda: _rounds((0.5, 0.7, 0.8, 0.9, 0.6)),
        ),
        Corner(
            "three-masks",
            "Three mask candidates with Dice 0.6, 0.8, 0.7; the model thinks the third is best.",
            _candidates,
        ),
        Corner(
            "soft-map",
            "10 pixels in the reference at probability 0.6, 10 outside at 0.4.",
            _soft_map,
        ),
    ]


def profiles_document() -> dict[str, Any]:
    """Metric profiles with their parameters and their value (or reason) for every corner, and
    prompt profiles."""
    made = [(corner, corner.build()) for corner in corners()]
    return {
        "schema": "profiles/1",
        "corners": [{"name": corner.name, "say": corner.say} for corner, _ in made],
        "profiles": [
            {
                **profile.parameters(),
                "id": profile.id,
                "values": {
                    metric: {c.name: corner_value(profile, metric, t) for c, t in made}
                    for metric in profile.measures
                },
            }
            for profile in plugins("metrics").values()
        ],
        "prompts": [
            {
                "id": f"{profile.name}/{profile.version}",
                "kind": ", then ".join(profile.kinds),
                "rounds": profile.rounds,
                "random": profile.random,
                "description": profile.description,
                "source": profile.source,
            }
            for profile in plugins("prompts").values()
        ],
    }


def corner_value(profile: MetricProfile, metric: str, table: pa.Table) -> Mapping[str, Any]:
    """{"value": number or None (undefined)}, or {"error": why there is none}."""
    try:
        found = score(table, profile, metric, mask_selection=profile.selection or "first")
    except InputError as error:
        return {"error": str(error)}
    value = found.value
    return {"value": None if value is None else round(value, 6)}


# ------------------------------------------------------------------------------------ constructed


def _strip(start: int, length: int, side: int = 64) -> NDArray[np.bool_]:
    """`length` pixels in scan order from `start` in a square of `side`."""
    import numpy as np

    flat = np.zeros(side * side, bool)
    flat[start : start + length] = True
    return flat.reshape(side, side)


def _pair(tp: int, fp: int, fn: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(reference, prediction) with these counts: missed, common and false pixels in a row."""
    return _strip(65, fn + tp), _strip(65 + fn, tp + fp)


def _add(builder: Any, reference: Any, predicted: Any, **where: Any) -> None:
    reference = reference[None] if reference.ndim == 2 or reference.shape[0] > 1 else reference
    builder.add(
        kind=where.pop("kind", "label"),
        scores=predicted[None, None],
        reference=reference,
        **where,
    )


def _builder(dims: str = "2d", **options: Any) -> Any:
    from reproduce.statistics import StatisticsBuilder

    names = [name.format(d=dims) for name in SURFACES]
    extra = ["surfel/unit/expand"] if dims == "2d" else []
    return StatisticsBuilder(surface=[*names, *extra], components="full", **options)


def _one(tp: int, fp: int, fn: int) -> pa.Table:
    return _cases((tp, fp, fn))


def _cases(*counts: tuple[int, int, int]) -> pa.Table:
    builder = _builder()
    for index, three in enumerate(counts):
        _add(builder, *_pair(*three), case=f"case-{index}", labels=["a"], spacing_mm=(1.0, 1.0))
    return builder.table()


def _classes(*counts: tuple[int, int, int]) -> pa.Table:
    builder = _builder()
    for name, three in zip("abc", counts, strict=False):
        _add(builder, *_pair(*three), case="case-0", labels=[name], spacing_mm=(1.0, 1.0))
    return builder.table()


def _missing_case() -> pa.Table:
    builder = _builder()
    _add(builder, *_pair(8, 2, 2), case="case-0", labels=["a"], spacing_mm=(1.0, 1.0))
    builder.fail(case="case-1", labels=["a"], reason="constructed: no prediction")
    return builder.table()


def _volume_of_slices() -> pa.Table:
    import numpy as np

    planes = [_pair(100, 0, 0), _pair(10, 10, 10), _pair(0, 5, 0), _pair(0, 0, 0)]
    builder = _builder("3d")
    reference, predicted = (np.stack([pair[k] for pair in planes]) for k in (0, 1))
    _add(
        builder,
        reference,
        predicted,
        case="case-0",
        labels=["a"],
        spacing_mm=(1.0, 1.0, 1.0),
    )
    return builder.table()


def _thick_slices() -> pa.Table:
    import numpy as np

    reference = np.zeros((8, 12, 12), bool)
    reference[2:5, 3:9, 3:9] = True
    builder = _builder("3d")
    _add(
        builder,
        reference,
        np.roll(reference, 1, axis=0),
        case="case-0",
        labels=["a"],
        spacing_mm=(5.0, 1.0, 1.0),
    )
    return builder.table()


def _with_dice(dice: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two masks of 100 pixels with a Dice of a whole number of hundredths."""
    common = round(100 * dice)
    return _pair(common, 100 - common, 100 - common)


def _rounds(dice: tuple[float, ...]) -> pa.Table:
    builder = _builder()
    for number, value in enumerate(dice):
        _add(
            builder,
            *_with_dice(value),
            case="case-0",
            labels=["a"],
            round=number,
            spacing_mm=(1.0, 1.0),
        )
    return builder.table()


def _candidates() -> pa.Table:
    import numpy as np

    builder = _builder()
    # The same 100 pixels are looked for; each candidate has some of them and as many others.
    reference = _strip(0, 100)
    masks = [_strip(100 - round(100 * dice), 100) for dice in (0.6, 0.8, 0.7)]
    builder.add(
        case="case-0",
        labels=["a"],
        kind="label",
        scores=np.stack(masks)[None],
        reference=reference[None],
        predicted_iou=np.array([[0.5, 0.6, 0.9]], np.float32),
        spacing_mm=(1.0, 1.0),
    )
    return builder.table()


def _soft_map() -> pa.Table:
    import numpy as np

    reference = _strip(65, 10)
    probability = np.where(reference, 0.6, np.where(_strip(75, 10), 0.4, 0.0))
    builder = _builder(score_bins=510, thresholds=[0.5])
    _add(
        builder,
        reference,
        probability,
        case="case-0",
        labels=["a"],
        kind="probability",
        spacing_mm=(1.0, 1.0),
    )
    return builder.table()
