"""SAM-Med3D: a 3D SAM that sees a cube of 128 voxels of 1.5 mm and is asked with clicks.

Follows utils/infer_utils.py (`validate_paired_img_gt`): the volume is resampled to 1.5 mm, a cube
cut out around the target and standardised over its positive voxels; clicks fall on the cube's grid,
and the binary answer is brought back by nearest neighbour. The network is that of `medim`, the
authors' package; it takes arrays as (x, y, z), the reverse of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from catalog.errors import InputError
from reproduce.contracts import (
    Adapter,
    Answered,
    Bring,
    Conduct,
    Grid,
    Option,
    Prediction,
    Prompt,
    PromptKind,
    Reference,
    Sample,
    Spacing,
    StackModel,
)

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from reproduce.models.cubes import Cube, Resampled

SIDE = 128
SPACING_MM = 1.5


class SamMed3d(StackModel):
    """A loaded SAM-Med3D; `net` has SAM's three parts in 3D."""

    def __init__(self, net: Any, device: str) -> None:
        self.net = net.eval().requires_grad_(False).to(device)
        self.device = device

    def open(self, sample: Sample) -> Session:
        """Nothing is encoded yet: the cube lies around the target that is asked about."""
        try:
            grid = resampled(sample.shape, sample.spacing)
        except InputError as error:
            raise InputError(f"case {sample.case.id}: {error}") from error
        return Session(self, sample, grid)

    def reference(self, sample: Sample, grid: Grid) -> Reference:
        if grid != "original":
            raise InputError(
                "SAM-Med3D is scored on the original grid: each target has a cube of its own. "
                "Leave out --set grid."
            )
        return Reference(sample.labels, sample.valid)


@dataclass(slots=True)
class Session:
    """One volume. Rounds about one target share the encoding of its cube."""

    model: SamMed3d
    sample: Sample
    grid: Resampled
    volume: NDArray[np.float32] | None = None
    encoded: dict[tuple[int, int, int], torch.Tensor] = field(default_factory=dict)

    def ask(self, prompts: Sequence[Prompt]) -> Answer:
        """Each prompt is answered in its cube: `around` it, or else around its first click."""
        cubes = [self._cube(prompt) for prompt in prompts]
        logits = [self._logits(p, c) for p, c in zip(prompts, cubes, strict=True)]
        return Answer(prompts, cubes, logits)

    def forget(self) -> None:
        """What is left of a target is the encoding of its cube, of use to its other seeds."""
        for origin in list(self.encoded)[:-1]:
            del self.encoded[origin]

    def _cube(self, prompt: Prompt) -> Cube:
        from reproduce.models.cubes import Cube, nearest

        if prompt.points is None:
            raise InputError(
                f"SAM-Med3D needs a click; the prompt for {prompt.label!r} of case {prompt.case} "
                "has none. Choose a profile of points."
            )
        if prompt.around is not None:
            return Cube.between(self.grid, prompt.around, SIDE)
        click = nearest(self.grid.to_resampled(prompt.points[0]))
        return Cube.around(self.grid, click, click, SIDE)

    def _logits(self, prompt: Prompt, cube: Cube) -> tuple[torch.Tensor, torch.Tensor]:
        """(1, l, l, l) low-resolution logits in our order of axes, and the predicted IoU (1,)."""
        import torch

        net, device = self.model.net, self.model.device
        assert prompt.points is not None
        assert prompt.point_labels is not None
        clicks = cube.to_input(prompt.points)[None, :, ::-1].copy()
        points = torch.as_tensor(clicks, dtype=torch.float32, device=device)
        labels = torch.as_tensor(prompt.point_labels[None], device=device)
        low = SIDE // 4
        before = torch.zeros((1, low, low, low), device=device)
        if prompt.mask_input is not None:
            before = torch.as_tensor(prompt.mask_input, device=device)
        sparse, dense = net.prompt_encoder(
            points=[points, labels], boxes=None, masks=before.permute(0, 3, 2, 1)[None]
        )
        logits, quality = net.mask_decoder(
            image_embeddings=self._encoding(cube),
            image_pe=net.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
        )
        return logits[0].permute(0, 3, 2, 1), quality[0]

    def _encoding(self, cube: Cube) -> torch.Tensor:
        import numpy as np
        import torch

        if cube.origin not in self.encoded:
            if self.volume is None:
                self.volume = self.grid.image(self.sample.values)
            values = torch.from_numpy(
                np.ascontiguousarray(cube.cut(self.volume).transpose(2, 1, 0))
            )
            positive = values[values > 0]
            if len(positive) < 2 or not positive.std() > 0:
                raise InputError(
                    f"case {self.sample.case.id}: the part that SAM-Med3D is shown has no positive "
                    "values to standardise by. It takes intensities as stored, above 0 in tissue."
                )
            values = (values - positive.mean()) / positive.std()
            encoded = self.model.net.image_encoder(values[None, None].to(self.model.device))
            self.encoded[cube.origin] = encoded
        return self.encoded[cube.origin]


@dataclass(frozen=True, slots=True)
class Answer:
    """Low-resolution logits (1, l, l, l) and predicted IoU (1,) of each prompt in its cube."""

    prompts: Sequence[Prompt]
    cubes: Sequence[Cube]
    logits: Sequence[tuple[torch.Tensor, torch.Tensor]]

    def planes(self, grid: Grid) -> Iterator[Answered]:
        """Planes of the volume (0 or 1, brought back as labels), or of the cubes (logits)."""
        import torch
        from torch.nn.functional import interpolate

        size = (SIDE, SIDE, SIDE)
        full = [
            interpolate(low[None], size=size, mode="trilinear", align_corners=False)[0]
            for low, _ in self.logits
        ]
        quality = torch.stack([estimate for _, estimate in self.logits])
        low_res = torch.stack([low for low, _ in self.logits])
        labels = tuple(prompt.label for prompt in self.prompts)
        members = range(len(labels))
        if grid == "model_input":
            for index in range(SIDE):
                scores = torch.stack([one[:, index] for one in full])
                yield Answered(
                    index, members, Prediction(scores, "logit", labels, quality, low_res)
                )
            return
        masks = [torch.sigmoid(one) > 0.5 for one in full]
        for index in range(self.cubes[0].grid.shape[0]):
            pairs = zip(masks, self.cubes, strict=True)
            scores = torch.stack([cube.plane_of(mask, index) for mask, cube in pairs])
            found = Prediction(scores, "label", labels, quality, low_res)
            yield Answered(index, members, found)


@dataclass(frozen=True, slots=True)
class CutOut:
    """A reference mask in the cube around it (`reproduce.contracts.Brought`)."""

    mask: NDArray[np.bool_]
    cube: Cube

    @property
    def around(self) -> NDArray[np.float64]:
        return self.cube.corners

    def to_input(self, places: NDArray[Any]) -> NDArray[np.float64]:
        return self.cube.to_input(places)

    def to_image(self, places: NDArray[Any]) -> NDArray[np.float64]:
        return self.cube.to_image(places)


def resampled(shape: tuple[int, int, int], spacing: Spacing) -> Resampled:
    """The grid of 1.5 mm. Raises `InputError` where the volume's spacing is not known."""
    from reproduce.models.cubes import Resampled

    planes, rows, columns = spacing
    if planes is None or rows is None or columns is None:
        raise InputError(
            f"SAM-Med3D resamples to {SPACING_MM} mm, and the spacing of the volume is not known. "
            "Use data whose header has it."
        )
    return Resampled(shape, (planes, rows, columns), SPACING_MM)


def cut_out(mask: NDArray[np.bool_], spacing: Spacing) -> CutOut:
    """A (S, H, W) mask in the cube whose middle is that of its bounding box at 1.5 mm."""
    import numpy as np

    from reproduce.models.cubes import Cube

    grid = resampled((mask.shape[0], mask.shape[1], mask.shape[2]), spacing)
    small, first = grid.mask(mask)
    places = np.argwhere(small) + np.array(first)
    if not len(places):  # smaller than a voxel of 1.5 mm: nothing that could be clicked on
        places = np.array([grid.size]) // 2
    cube = Cube.around(grid, places.min(axis=0), places.max(axis=0), SIDE)
    return CutOut(cube.cut(small, first), cube)


def sizes(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """The network's sizes, read off its tensors; those of the release where a tensor is missing."""
    encoder = "image_encoder."
    found: dict[str, Any] = {}
    blocks = {key.split(".")[2] for key in state if key.startswith(f"{encoder}blocks.")}
    position = state.get(f"{encoder}pos_embed")
    tables = {
        int(number): table
        for number in blocks
        if (table := state.get(f"{encoder}blocks.{number}.attn.rel_pos_d")) is not None
    }
    if position is not None and tables:
        grid, width = position.shape[1], position.shape[-1]
        found["encoder_depth"] = len(blocks)
        found["encoder_embed_dim"] = width
        found["encoder_num_heads"] = width // next(iter(tables.values())).shape[1]
        # Blocks that look at everything have a table of the whole grid, not of a window.
        found["encoder_global_attn_indexes"] = [
            number for number, table in sorted(tables.items()) if len(table) == 2 * grid - 1
        ]
    if (neck := state.get(f"{encoder}neck.0.weight")) is not None:
        found["prompt_embed_dim"] = len(neck)
    return found


class SamMed3dAdapter(Adapter):
    """Plugin `sam-med3d`."""

    name = "sam-med3d"
    version = 1
    title = "SAM-Med3D"
    papers: tuple[str, ...] = ("2310.15161",)
    source = (
        "uni-medical/SAM-Med3D @ f3de1fa10da98e46f49f176773d2b1e306ba131f utils/infer_utils.py; "
        "network: medim 0.1"
    )
    prompts: tuple[PromptKind, ...] = ("point",)
    dimensionality: Literal["2d", "3d"] = "3d"
    layouts = ("model_state_dict",)
    values: Literal["uint8", "stored"] = "stored"
    options: Mapping[str, Option] = {
        "crop": Option(
            "reference",
            "where the cube lies: around the reference (released code), or around the first click "
            "(the paper, p. 9, whose further windows nobody has released)",
            ("reference", "click"),
            {"preprocessing": {"reference": "sam-med3d-128-reference", "click": "sam-med3d-128"}},
        ),
    }
    does = Conduct("sam-med3d-128-reference", answers="label", decided=0.5)
    memory_mib: Mapping[str, int] = {"vit_b": 560}
    agreement = (
        "Compared with the authors' code on one real volume (BraTS, 1.5 mm), same seeded weights, "
        "three clicks: largest logit difference 0.0e+00 (largest logit 2.5), largest Dice "
        "difference 0.0e+00. Where a voxel of the file lies exactly between two of 1.5 mm (5 mm "
        "slices), ITK's choice follows the orientation of the file and ours the upper voxel: the "
        "reference in the cube, and with it the cube, can be one voxel off."
    )

    def prompt_grid(self, options: Mapping[str, Any]) -> Bring | None:
        """Clicks are drawn in the cube around the reference; with crop=click on the volume."""
        return None if options.get("crop") == "click" else cut_out

    def build(
        self, state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
    ) -> SamMed3d:
        """Raises `InputError` listing key mismatches."""
        from medim.models.sam_med3d import build_sam3D_vit_b_ori

        from reproduce.models.sam import load_strictly
        from reproduce.models.windows_3d import without_added_queries

        if dtype != "float32":
            raise InputError(f"SAM-Med3D runs in float32, got {dtype}. Leave out --precision.")
        from reproduce.models.unfilled import unfilled

        with unfilled():
            net = build_sam3D_vit_b_ori(**sizes(state))
        load_strictly(net, state)
        without_added_queries(net.image_encoder)
        return SamMed3d(net, device)


PLUGIN = SamMed3dAdapter()
