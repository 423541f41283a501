"""The columns of `statistics/1`: what a run stores so that every score can be recomputed.

One row is one (case, label, scope, slice, object, round, seed, candidate, threshold).

=============  ==========================  =========================================================
 column         type                        meaning
=============  ==========================  =========================================================
 case           string                      case id
 patient        string or null              what cases are clustered by; null: the case itself
 label          string                      class name
 scope          string                      `image` (2D), `slice` of a volume, or a whole `volume`
 slice          int32 or null               index along the first axis; null unless scope is `slice`
 object         int32                       which object of that label was prompted, from 0
 round          int32                       click round, from 0
 seed           int64                       prompt seed
 threshold      float64 or null             a probability; `score > threshold` is foreground;
                                            null: labels were predicted, nothing to threshold
 candidate      int32                       mask candidate in the model's order, from 0
 tp fp fn tn    int64 or null               pixels or voxels inside the valid area; null: failed
 predicted_iou  float64 or null             the model's own estimate for this candidate
 histogram      struct or null              scores of foreground and background pixels, see below
 surfaces       list of struct or null      surface-distance histograms, see below
 components     struct or null              connected components and their overlaps, see below
 failure        string or null              why the case has no counts
=============  ==========================  =========================================================

`histogram` stands in the row of the smallest threshold of its candidate (it is the same for all).
With b bins, bin k counts the pixels whose probability lies in ((k-1)/b, k/b], bin 0 those at 0; so
`probability > k/b` is exactly the bins after k. Only bins that are not empty are stored. Logits are
compared with the logits of the edges, in float32, so that CPU and GPU count alike.

`surfaces` has one entry per definition (`surfel` or `edge`), spacing (`header`, `unit`, `reversed`
or `fixed:1.5`) and dimensions (`2d`, `3d`, `expand`: a 2D mask as a volume of one slice), named
`surfel/header/3d`. Distances are in mm (pixels for `unit`), sorted, each with the summed area of
the surface elements at that distance (mm2, mm in 2D, or a count for `edge`); `reference_*` runs
from the reference surface to the predicted one. Distances to an empty mask are infinite.

`components`: sizes of the connected components of reference and prediction, and the overlaps
between them as parallel lists (index into the first, index into the second, voxels).

Axis order of arrays elsewhere in this package: (N objects, C candidates, H, W) or
(N, C, D, H, W); spacing follows the array's axes.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = "statistics/1"

# Together these name one row; a table in which two rows share them is refused.
KEYS = (
    "case",
    "label",
    "scope",
    "slice",
    "object",
    "round",
    "seed",
    "candidate",
    "threshold",
)
COUNTS = ("tp", "fp", "fn", "tn")


@cache
def arrow_schema() -> pa.Schema:
    """The Arrow schema of a statistics table, its version in the metadata."""
    import pyarrow as pa

    numbers, integers = pa.list_(pa.float64()), pa.list_(pa.int64())
    histogram = pa.struct(
        [
            ("bins", pa.int32()),
            ("index", pa.list_(pa.int32())),
            ("positive", integers),
            ("negative", integers),
        ]
    )
    surface = pa.struct(
        [
            ("definition", pa.string()),
            ("spacing_mm", numbers),
            ("reference_distance", numbers),
            ("reference_area", numbers),
            ("predicted_distance", numbers),
            ("predicted_area", numbers),
        ]
    )
    components = pa.struct(
        [
            ("connectivity", pa.int32()),
            ("reference_size", integers),
            ("predicted_size", integers),
            ("overlap_reference", pa.list_(pa.int32())),
            ("overlap_predicted", pa.list_(pa.int32())),
            ("overlap_voxels", integers),
        ]
    )
    return pa.schema(
        [
            pa.field("case", pa.string(), nullable=False),
            ("patient", pa.string()),
            pa.field("label", pa.string(), nullable=False),
            pa.field("scope", pa.string(), nullable=False),
            ("slice", pa.int32()),
            pa.field("object", pa.int32(), nullable=False),
            pa.field("round", pa.int32(), nullable=False),
            pa.field("seed", pa.int64(), nullable=False),
            ("threshold", pa.float64()),
            pa.field("candidate", pa.int32(), nullable=False),
            ("tp", pa.int64()),
            ("fp", pa.int64()),
            ("fn", pa.int64()),
            ("tn", pa.int64()),
            ("predicted_iou", pa.float64()),
            ("histogram", histogram),
            ("surfaces", pa.list_(surface)),
            ("components", components),
            ("failure", pa.string()),
        ],
        metadata={"schema": SCHEMA_VERSION},
    )
