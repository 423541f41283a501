"""Evaluate cases with a loaded model: load, encode, prompt, predict, count.

This is the inner loop of every run. What it yields depends on the plan alone, never on which worker
runs the cases, in which order, or what was done before.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.ahead import ahead
from reproduce.contracts import (
    Case,
    Dataset,
    Model,
    Prediction,
    Prompt,
    PromptProfile,
    Reference,
    Sample,
)
from reproduce.prompting.regions import SEPARATE
from reproduce.running.planes import next_prompt
from reproduce.running.spec import RunSpec
from reproduce.running.volumes import AutomaticVolume, PromptedVolume

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from reproduce.running.embeddings import EmbeddingCache
    from reproduce.running.planes import Plane
    from reproduce.statistics import StatisticsBuilder

# Objects decoded and held at full size together: 64 of an image of 1024x1024, fewer of larger ones.
PROMPTS_AT_ONCE = 64
PIXELS_AT_ONCE = PROMPTS_AT_ONCE * 1024**2

Prompts = Mapping[tuple[str, int | None], Sequence[Prompt]]  # (case, slice) -> first-round prompts


@dataclass(slots=True)
class Evaluated:
    """What happened besides the statistics. `failed`: case -> reason."""

    cases: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    unprompted: int = 0  # objects with an empty reference, for which no prompt can be made

    def clock(self, name: str, since: float) -> None:
        self.seconds[name] += time.perf_counter() - since


@dataclass(slots=True)
class Evaluator:
    """Everything one worker holds while it evaluates cases of one run."""

    spec: RunSpec
    dataset: Dataset
    model: Model
    profile: PromptProfile | None
    prompts: Prompts
    cache: EmbeddingCache | None = None
    plane: Plane | None = None  # the grid of the prompts; None: that of the image as loaded
    loading_threads: int = 0  # threads that read the next cases while these are predicted
    volumes: dict[str, AutomaticVolume] = field(default_factory=dict)  # of cases not complete yet
    prompted: dict[str, PromptedVolume] = field(default_factory=dict)  # likewise

    def evaluate(
        self,
        cases: Sequence[Case],
        builder: StatisticsBuilder,
        on_case: Callable[[str], None] = lambda _: None,
    ) -> Evaluated:
        """Add the statistics of `cases` (whole batches of the plan) to `builder`. A case that can't
        be read is recorded in the answer's `failed` and left out; anything else that goes wrong is
        raised."""
        done = Evaluated()
        # Whole volumes are large: no more of them at once than there are threads.
        depth = max(self.spec.batch, self.loading_threads)
        if self.dataset.dimensionality == "3d":
            depth = self.loading_threads
        loaded = ahead(self._load, cases, threads=self.loading_threads, depth=depth)
        for together in self.batches(cases):
            waiting: list[tuple[Sample, int | None]] = []
            for case in together:
                begun = time.perf_counter()
                sample = next(loaded)
                if isinstance(sample, InputError):
                    done.failed[case.id] = str(sample)
                else:
                    done.clock("load", begun)
                    done.cases += 1
                    waiting += self._planes(sample)
                on_case(case.id)
            for start in range(0, len(waiting), self.spec.batch):
                self._flush(waiting[start : start + self.spec.batch], builder, done)
        return done

    def batches(self, cases: Sequence[Case]) -> list[Sequence[Case]]:
        """Cases whose planes go through the encoder together: a volume's only with each other."""
        size = self.spec.batch if self.dataset.dimensionality == "2d" else 1
        return [cases[start : start + size] for start in range(0, len(cases), size)]

    def _load(self, case: Case) -> Sample | InputError:
        try:
            return self.dataset.load(case, self.spec.dataset_options)
        except InputError as error:
            return error

    def _planes(self, sample: Sample) -> Iterator[tuple[Sample, int | None]]:
        """The 2D samples of a case: itself, or the slices of a volume worth predicting."""
        import numpy as np

        if self.dataset.dimensionality == "2d":
            yield sample, None
            return
        if self.model.volumetric:
            raise InputError(
                f"adapter {self.spec.adapter}: volumetric models are not run by slice."
            )
        depth = sample.image.shape[0]
        if any(name.endswith("/3d") for name in self.spec.surfaces):
            if self.profile is None:
                self.volumes[sample.case.id] = AutomaticVolume(depth, sample.spacing_mm)
            elif left := sum((sample.case.id, index) in self.prompts for index in range(depth)):
                self.prompted[sample.case.id] = PromptedVolume(
                    left=left,
                    spacing_mm=sample.spacing_mm,
                    reference=self.model.reference(sample, self.spec.grid),
                )
        floats = getattr(self.model, "float_slices", False)  # SAMed's files hold 0-1 as float32
        if sample.image.dtype != np.uint8 and not floats:
            raise InputError(
                f"case {sample.case.id}: slices must be uint8, the volume is {sample.image.dtype}. "
                "Name the data set's option that maps intensities (for example window)."
            )
        for index in range(sample.image.shape[0]):
            # A promptable model is asked only where there is something to prompt; a slice without
            # any object counts nothing in the volume's sums.
            if self.profile is not None and (sample.case.id, index) not in self.prompts:
                continue
            plane = sample.image[index]
            if plane.ndim == 2:
                plane = np.repeat(plane[..., None], 3, axis=2)
            yield (
                replace(
                    sample,
                    image=plane,
                    labels={name: mask[index] for name, mask in sample.labels.items()},
                    valid=None if sample.valid is None else sample.valid[index],
                    spacing_mm=None if sample.spacing_mm is None else sample.spacing_mm[1:],
                ),
                index,
            )

    def _flush(
        self,
        planes: Sequence[tuple[Sample, int | None]],
        builder: StatisticsBuilder,
        done: Evaluated,
    ) -> None:
        import torch

        with torch.inference_mode():
            begun = time.perf_counter()
            embeddings = self._encode([sample for sample, _ in planes])
            done.clock("encode", begun)
            begun = time.perf_counter()
            for (sample, index), embedding in zip(planes, embeddings, strict=True):
                if self.profile is None:
                    self._automatic(sample, index, embedding, builder)
                else:
                    self._prompted(sample, index, embedding, builder, done)
            done.clock("predict", begun)

    def _encode(self, samples: Sequence[Sample]) -> list[Any]:
        encode = getattr(self.model, "encode_samples", None)
        if encode is not None:
            return list(encode(samples))
        images = [sample.image for sample in samples]
        if self.cache is None:
            return self.model.encode(images)
        return self.cache.encode(self.model, images)

    # ------------------------------------------------------------------------------ automatic

    def _automatic(
        self, sample: Sample, index: int | None, embedding: Any, builder: StatisticsBuilder
    ) -> None:
        prediction = self.model.predict(embedding, [], self.spec.grid)
        reference = self.model.reference(sample, self.spec.grid)
        names = [self.spec.labels.get(label, label) for label in prediction.labels]
        truth = _stack(reference, names, sample, prediction.scores)
        valid = _valid(reference, prediction.scores)
        volume = self.volumes.get(sample.case.id)
        if volume is not None:
            volume.keep(prediction.scores, truth, valid)
            if volume.is_complete:
                del self.volumes[sample.case.id]
                volume.count(sample.case, names, prediction.kind, self.spec, builder)
            return
        builder.add(
            case=sample.case.id,
            patient=sample.case.patient,
            labels=names,
            scores=prediction.scores,
            kind=prediction.kind,
            reference=truth,
            valid=valid,
            slice_index=index,
            seed=self.spec.seeds[0],
            predicted_iou=prediction.predicted_iou,
            spacing_mm=sample.spacing_mm if self.spec.grid == "original" else None,
        )

    # ------------------------------------------------------------------------------- prompted

    def _prompted(
        self,
        sample: Sample,
        index: int | None,
        embedding: Any,
        builder: StatisticsBuilder,
        done: Evaluated,
    ) -> None:
        reference = self.model.reference(sample, self.spec.grid)
        asked = list(self.prompts.get((sample.case.id, index), ()))
        pixels = sample.image.shape[0] * sample.image.shape[1]
        for chunk in _chunks(asked, max(1, min(PROMPTS_AT_ONCE, PIXELS_AT_ONCE // pixels))):
            self._rounds(sample, index, embedding, chunk, reference, builder)
        volume = self.prompted.get(sample.case.id)
        if volume is not None:
            volume.left -= 1
            if volume.left == 0:
                del self.prompted[sample.case.id]
                volume.count(sample.case, self.spec, builder)
        if index is None:
            prompted = {(prompt.label, prompt.seed) for prompt in asked}
            silent = [
                (label, seed)
                for label in sample.labels
                for seed in self.spec.seeds
                if (label, seed) not in prompted
            ]
            done.unprompted += len(silent)
            self._unprompted(sample, reference, silent, builder)

    def _rounds(
        self,
        sample: Sample,
        index: int | None,
        embedding: Any,
        prompts: Sequence[Prompt],
        reference: Reference,
        builder: StatisticsBuilder,
    ) -> None:
        assert self.profile is not None
        asked = list(prompts)
        for number in range(self.spec.rounds):
            prediction = self.model.predict(embedding, asked, self.spec.grid)
            for seed in sorted({p.seed for p in asked}):
                chosen = [i for i, p in enumerate(asked) if p.seed == seed]
                counted = self._objects(
                    sample,
                    reference,
                    [asked[i] for i in chosen],
                    prediction.scores[chosen],
                    None if prediction.predicted_iou is None else prediction.predicted_iou[chosen],
                )
                builder.add(
                    case=sample.case.id,
                    patient=sample.case.patient,
                    kind=prediction.kind,
                    valid=_valid(reference, prediction.scores),
                    slice_index=index,
                    round=number,
                    seed=seed,
                    spacing_mm=sample.spacing_mm if self.spec.grid == "original" else None,
                    shapes=sample.case.id not in self.prompted,
                    **counted,
                )
                volume = self.prompted.get(sample.case.id)
                if volume is not None and index is not None:
                    volume.keep(sample.case.id, index, number, seed, prediction.kind, counted)
            if number + 1 < self.spec.rounds:
                asked = self._refined(sample, embedding, asked, prediction)

    def _objects(
        self,
        sample: Sample,
        reference: Reference,
        prompts: Sequence[Prompt],
        scores: torch.Tensor,
        predicted_iou: torch.Tensor | None,
    ) -> dict[str, Any]:
        """What is counted for the prompts of one seed.

        `separate`: every prompted region against its own reference region. `union`: the regions
        of a label together (the largest score of a pixel is foreground exactly where any of them
        is) against the label's whole mask; the predicted IoU is then the mean.
        """
        import torch

        if self.spec.objects == "separate":
            names = [prompt.label for prompt in prompts]
            truth = self._regions(sample, reference, prompts, scores)
            return {
                "labels": names,
                "scores": scores,
                "reference": truth,
                "object_index": [prompt.object_index for prompt in prompts],
                "predicted_iou": predicted_iou,
            }
        members: dict[str, list[int]] = defaultdict(list)
        for i, prompt in enumerate(prompts):
            members[prompt.label].append(i)
        names = list(members)
        if len(names) < len(prompts):
            scores = torch.stack([scores[i].amax(dim=0) for i in members.values()])
            if predicted_iou is not None:
                predicted_iou = torch.stack(
                    [predicted_iou[i].mean(dim=0) for i in members.values()]
                )
        return {
            "labels": names,
            "scores": scores,
            "reference": _stack(reference, names, sample, scores),
            "predicted_iou": predicted_iou,
        }

    def _regions(
        self,
        sample: Sample,
        reference: Reference,
        prompts: Sequence[Prompt],
        scores: torch.Tensor,
    ) -> torch.Tensor:
        """The reference region of each prompt, on the grid that is scored."""
        per: Any = getattr(self.profile, "per", "mask")
        if per not in SEPARATE:
            return _stack(reference, [prompt.label for prompt in prompts], sample, scores)
        from reproduce.prompting.regions import regions

        found: dict[str, NDArray[np.bool_]] = {}
        for label in {prompt.label for prompt in prompts}:
            parts = regions(
                sample.labels[label],
                per,
                getattr(self.profile, "neighbours", 8),
                getattr(self.profile, "min_pixels", 0),
            )
            found |= {f"{label}#{index}": part for index, part in enumerate(parts)}
        names = [f"{prompt.label}#{prompt.object_index}" for prompt in prompts]
        separate = self.model.reference(replace(sample, labels=found), self.spec.grid)
        return _stack(separate, names, sample, scores)

    def _refined(
        self, sample: Sample, embedding: Any, asked: Sequence[Prompt], prediction: Any
    ) -> list[Prompt]:
        """The next round: a click into the error of the mask with the best predicted IoU (or of the
        first), which is fed back as low-resolution logits where the model gives them, unless the
        profile says otherwise."""
        assert self.profile is not None
        # Clicks are placed on the grid of the prompts, whatever grid is scored.
        if self.plane is None and self.spec.grid != "original":
            prediction = self.model.predict(embedding, asked, "original")
        if self.plane is not None:
            prediction = self._on_plane(sample, prediction)
        follows = getattr(self.profile, "follows", "best")
        feeds = getattr(self.profile, "feeds", True)
        refined = []
        cut = 0.0 if prediction.kind == "logit" else 0.5
        for i, prompt in enumerate(asked):
            best = 0
            if prediction.predicted_iou is not None and follows == "best":
                best = int(prediction.predicted_iou[i].argmax().item())
            mask = (prediction.scores[i, best] > cut).cpu().numpy()
            truth = sample.labels[prompt.label]
            following = next_prompt(self.profile, self.plane, prompt, truth, mask)
            if prediction.low_res is not None and feeds:
                low_res = prediction.low_res[i, best][None].float().cpu().numpy()
                following = replace(following, mask_input=low_res)
            refined.append(replace(following, round=prompt.round + 1))
        return refined

    def _on_plane(self, sample: Sample, prediction: Prediction) -> Prediction:
        """Scores on the network's whole input, padding included: where these releases look for
        errors. They are the low-resolution logits in one bilinear step."""
        from torch.nn.functional import interpolate

        assert self.plane is not None
        if prediction.low_res is None:
            raise InputError(
                f"adapter {self.spec.adapter}: no logits on the network's grid to place clicks on; "
                "make prompts on the masks as loaded (--set prompt_grid=original)."
            )
        side = self.plane(next(iter(sample.labels.values()))).mask.shape
        square = interpolate(prediction.low_res, side, mode="bilinear", align_corners=False)
        return replace(prediction, scores=square, kind="logit")

    def _unprompted(
        self,
        sample: Sample,
        reference: Reference,
        silent: Sequence[tuple[str, int]],
        builder: StatisticsBuilder,
    ) -> None:
        """Rows for labels that gave no prompt (empty reference): nothing asked, nothing predicted.
        They say that the case was seen; the metric profile says what an empty case counts."""
        import torch

        for label, seed in silent:
            truth = torch.from_numpy(reference.labels[label])[None]
            for number in range(self.spec.rounds):
                builder.add(
                    case=sample.case.id,
                    patient=sample.case.patient,
                    labels=[label],
                    scores=torch.zeros((1, 1, *truth.shape[1:])),
                    kind="probability",
                    reference=truth,
                    valid=None if reference.valid is None else torch.from_numpy(reference.valid),
                    round=number,
                    seed=seed,
                )


def _chunks(prompts: Sequence[Prompt], size: int) -> Iterator[list[Prompt]]:
    """Prompts in pieces of about `size`; the objects of one label and seed stay together."""
    chunk: list[Prompt] = []
    seen: set[tuple[str, int]] = set()
    ordered = sorted(prompts, key=lambda p: (p.label, p.seed, p.object_index))
    for prompt in ordered:
        key = (prompt.label, prompt.seed)
        if len(chunk) >= size and key not in seen:
            yield chunk
            chunk, seen = [], set()
        chunk.append(prompt)
        seen.add(key)
    if chunk:
        yield chunk


def _stack(
    reference: Reference, names: Sequence[str], sample: Sample, scores: torch.Tensor
) -> torch.Tensor:
    """(N, H, W) bool on the device of the scores. Raises `InputError` for a class it lacks."""
    import numpy as np
    import torch

    unknown = sorted(set(names) - set(reference.labels))
    if unknown:
        raise InputError(
            f"case {sample.case.id}: the model answers for {', '.join(unknown)}, the data set has "
            f"{', '.join(reference.labels) or 'no class'}. Map them with the claim's run.labels."
        )
    masks: list[NDArray[np.bool_]] = [reference.labels[name] for name in names]
    return torch.from_numpy(np.stack(masks)).to(scores.device)


def _valid(reference: Reference, scores: torch.Tensor) -> torch.Tensor | None:
    import numpy as np
    import torch

    if reference.valid is None:
        return None
    return torch.from_numpy(np.ascontiguousarray(reference.valid)).to(scores.device)
