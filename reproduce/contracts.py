"""What plugins and the core agree on.

One file in `reproduce/datasets`, `reproduce/adapters`, `reproduce/metrics` or `reproduce/prompts`
is one plugin; it defines one module-level object `PLUGIN`. Plugins never import each other and
import torch, numpy and readers inside functions, so that listing them costs nothing.

Axis order, everywhere: images are (H, W, 3) RGB uint8; masks are (H, W) bool; volumes are
(D, H, W) with slices along the first axis; spacing is in mm, in the order of the array's axes;
points and boxes are (x, y) in pixels of the image as loaded, boxes are (x0, y0, x1, y1) with the
inclusive/exclusive meaning of x1, y1 fixed by the prompt profile that made them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

Grid = Literal["original", "model_input"]
PromptKind = Literal["none", "box", "point", "mask", "text"]
ScoreKind = Literal["logit", "probability", "label"]


# ------------------------------------------------------------------------------------ datasets


@dataclass(frozen=True, slots=True)
class Case:
    """One image or volume of a dataset, not loaded yet. `files` maps a role to a path."""

    id: str
    files: Mapping[str, Path]
    patient: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """A loaded case.

    image   (H, W, 3) uint8 RGB, or (D, H, W) for a volume (dtype as stored)
    labels  class name -> bool array of the image's spatial shape; an empty mask is a mask
    valid   bool array of that shape: where pixels count (in the field of view, outside labels
            called `ignore`), or None: everywhere
    spacing_mm  one value per spatial axis in array order, or None where the data has none
    """

    case: Case
    image: NDArray[Any]
    labels: Mapping[str, NDArray[np.bool_]]
    valid: NDArray[np.bool_] | None = None
    spacing_mm: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """One file that a data set is distributed in.

    file     its name, as its owners call it
    urls     addresses, tried in order; (): only a person can get it, `Dataset.access` says how
    folders  what is kept: path in the archive -> path below the data set's folder; a first part `*`
             stands for one folder of any name
    sha256, md5, bytes  of the archive; None: not known, or packed anew for every request
    content  sha256 of what `sha256sum` prints of all that is kept, sorted by path below the data
             set's folder; None: the archive's own hash decides
    splits   that need it; (): all do
    source   where address and hashes were read
    """

    file: str
    urls: tuple[str, ...]
    folders: Mapping[str, str]
    source: str
    sha256: str | None = None
    md5: str | None = None
    bytes: int | None = None
    content: str | None = None
    splits: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """What messages call it."""
        return self.file


class Dataset(Protocol):
    """A plugin in `reproduce/datasets`.

    One more member is used where a data set has it: `archives`, the files it is distributed in
    (a tuple of `Archive`), for `sam4mis reproduce fetch-data`.
    """

    name: str
    version: int
    title: str
    licence: str
    access: str  # how a user gets it, one or two sentences
    homepage: str | None
    modalities: tuple[str, ...]
    labels: tuple[str, ...]  # () when they depend on the folder
    dimensionality: Literal["2d", "3d"]
    splits: Mapping[str, str]  # split -> who defined it and what is in it
    may_show_images: bool  # whether its licence lets us publish image excerpts

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """The cases of a split, sorted by id. Raises `InputError` naming what is missing."""

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Read one case. Raises `InputError` naming the file that cannot be read."""


# ------------------------------------------------------------------------------------- prompts


@dataclass(frozen=True, slots=True)
class Prompt:
    """One object to segment and what the model is told about it.

    box     (4,) float (x0, y0, x1, y1) or None
    points  (N, 2) float (x, y) or None;  point_labels (N,) int, 1 foreground, 0 background
    mask_input  low-resolution logits of the previous round, (1, h, w) float, or None
    """

    case: str
    label: str
    slice_index: int | None = None  # None: a 2D image
    object_index: int = 0
    seed: int = 0
    round: int = 0
    box: NDArray[np.float64] | None = None
    points: NDArray[np.float64] | None = None
    point_labels: NDArray[np.int64] | None = None
    mask_input: NDArray[np.float32] | None = None
    oracle: bool = False  # True: the prompt was chosen looking at the answer in a way worth a flag


class PromptProfile(Protocol):
    """A plugin in `reproduce/prompts`: how prompts are made from a reference mask.

    Everything random is drawn from `numpy.random.default_rng` seeded by (profile, version, case id,
    label, slice, object, seed), so order, batch size and the number of workers cannot change it.

    Three more members are used where a profile has them: `blind` (True: prompts are made for empty
    masks too), `follows` (`best`, the default, or `first`: the candidate whose error is clicked
    into) and `feeds` (False: that candidate's logits are not fed back).
    """

    name: str
    version: int
    kind: PromptKind
    rounds: int
    random: bool
    description: str
    source: str

    def prompts(
        self, case: str, label: str, mask: NDArray[np.bool_], seed: int, slice_index: int | None
    ) -> list[Prompt]:
        """First-round prompts for one (H, W) mask; [] for an empty one."""

    def refine(
        self, prompt: Prompt, mask: NDArray[np.bool_], predicted: NDArray[np.bool_]
    ) -> Prompt:
        """The next round's prompt from the error of the last (only where `rounds` > 1)."""


# ------------------------------------------------------------------------------------ adapters


@dataclass(frozen=True, slots=True)
class Conduct:
    """What an adapter does, in the words of `catalog/data/protocol_words.yaml` that claims use.

    candidates  masks for each prompt
    answers     label: the class is decided by argmax, and no threshold applies

    None: there is no word for it, or (of a run) nothing tells.
    """

    preprocessing: str | None
    postprocessing: str | None = "none"
    candidates: int | None = 1
    answers: ScoreKind | None = "logit"


@dataclass(frozen=True, slots=True)
class Option:
    """A declared switch of an adapter, recorded with every run.

    changes  field of `Conduct` -> value of the switch -> what it is then; what a value does that
             stands in no such table has no word, and a run with it answers no claim
    """

    default: Any
    description: str
    choices: tuple[Any, ...] | None = None
    changes: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model said about N objects (promptable) or N classes (automatic).

    scores  (N, C, h, w) float tensor on the model's device; C mask candidates, in the model's
            order (for SAM with multimask: 3, else 1); h, w are those of the grid asked for
    kind    logit (foreground > 0), probability (0-1), or label (0/1, thresholds do not apply)
    predicted_iou  (N, C) float tensor, or None where the model gives none
    labels  class name of each of the N
    low_res (N, C, l, l) logits that may be fed back as `mask_input`, or None
    """

    scores: torch.Tensor
    kind: ScoreKind
    labels: tuple[str, ...]
    predicted_iou: torch.Tensor | None = None
    low_res: torch.Tensor | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """Ground truth on the grid that is scored: label -> (h, w) bool array; valid (h, w) or None."""

    labels: Mapping[str, NDArray[np.bool_]]
    valid: NDArray[np.bool_] | None = None


class Model(Protocol):
    """A loaded checkpoint. For volumes the core calls it slice by slice unless `volumetric`.

    Two more members are used where a model has them: `encode_samples(samples)` instead of `encode`
    where preprocessing needs more than the image (a field of view, say), and `cacheable = False`
    where computing an embedding is cheaper than reading it back.
    """

    volumetric: bool

    def preprocessing_id(self) -> str:
        """Hash of everything that changes an embedding but is not the image or the checkpoint."""

    def encode(self, images: Sequence[NDArray[np.uint8]]) -> list[Any]:
        """Image embeddings (or whatever `predict` needs), one per (H, W, 3) image."""

    def predict(self, embedding: Any, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        """Scores for all prompts of one image at once; automatic models ignore `prompts`."""

    def reference(self, sample: Sample, grid: Grid) -> Reference:
        """The ground truth brought to the grid that `predict` answers on."""


class Adapter(Protocol):
    """A plugin in `reproduce/adapters`: our wrapper of one method.

    One more member is used where an adapter has it: `prompt_plane(options)`, how masks are brought
    to the network's grid by a release that makes its prompts there (`reproduce.models.declaring`).
    """

    name: str
    version: int
    title: str
    papers: tuple[str, ...]
    source: str  # repository @ commit whose behaviour it follows
    prompts: tuple[PromptKind, ...]  # prompts it was trained for; others only by name, labelled
    dimensionality: Literal["2d", "3d"]
    layouts: tuple[str, ...]  # checkpoint layouts it accepts (reproduce.checkpoints.layouts)
    options: Mapping[str, Option]
    does: Conduct  # with every option at its default; `reproduce.models.declaring.conduct`
    memory_mib: Mapping[str, int]  # variant -> peak on a CPU (`python -m benchmarks memory`)
    agreement: str  # how it was compared with the authors' code, and the largest difference

    def build(
        self, state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
    ) -> Model:
        """Build the model and load `state` strictly. Raises `InputError` listing key mismatches."""


# ------------------------------------------------------------------------------------- metrics


@dataclass(frozen=True, slots=True)
class ProfileId:
    """`name/version` of a metric or prompt profile."""

    name: str
    version: int

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"

    @classmethod
    def parse(cls, text: str) -> ProfileId:
        name, _, version = text.partition("/")
        return cls(name, int(version or 1))
