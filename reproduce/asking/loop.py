"""Evaluate cases with a loaded model: load, open, ask round by round, count.

This is the inner loop of every run, for images, volumes and video alike. What it yields depends on
the plan alone, never on which worker runs the cases, in which order, or what was done before.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.asking.ledger import Ledger, OnMasks
from reproduce.asking.objects import Counted, by_class, stacked
from reproduce.asking.replay import Identity
from reproduce.asking.rounds import Rounds, View
from reproduce.asking.session import PlaneSession
from reproduce.asking.taking import Taker
from reproduce.contracts import (
    Answered,
    Bring,
    Case,
    Dataset,
    Model,
    Plane,
    PlaneModel,
    Prompt,
    PromptProfile,
    Reference,
    Sample,
    Session,
    StackModel,
)
from reproduce.ground.ahead import ahead
from reproduce.runs.spec import RunSpec

if TYPE_CHECKING:
    from reproduce.asking.embeddings import EmbeddingCache
    from reproduce.statistics import StatisticsBuilder

# Masks decoded and held at full size together: 64 of an image of 1024x1024, fewer of larger ones.
PROMPTS_AT_ONCE = 64
PIXELS_AT_ONCE = PROMPTS_AT_ONCE * 1024**2


@dataclass(slots=True)
class Evaluated:
    """What happened besides the statistics. `failed`: case -> reason."""

    cases: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    unprompted: int = 0  # targets of planes with an empty reference, about which nothing is asked

    def clock(self, name: str, since: float) -> None:
        self.seconds[name] += time.perf_counter() - since


@dataclass(slots=True)
class Evaluator:
    """Everything one worker holds while it evaluates cases of one run."""

    spec: RunSpec
    dataset: Dataset
    model: Model
    profile: PromptProfile | None
    prompts: Mapping[str, Sequence[Prompt]]  # case -> prompts of the first round
    cache: EmbeddingCache | None = None
    bring: Bring | None = None  # to the grid of the prompts; None: that of the data as loaded
    loading_threads: int = 0  # threads that read the next cases while these are predicted
    recorded: Mapping[Identity, Prompt] | None = None  # prompts of later rounds, of a replay
    on_prompts: Callable[[Sequence[Prompt]], None] = lambda _: None  # told of every later round
    on_masks: OnMasks | None = None  # shown everything that is counted

    def evaluate(
        self,
        cases: Sequence[Case],
        builder: StatisticsBuilder,
        on_case: Callable[[str], None] = lambda _: None,
    ) -> Evaluated:
        """Add the statistics of `cases`, whole batches of the plan, to `builder`; as `walk`."""
        return self.walk(cases, lambda sample: self._ledger(sample, builder), on_case)

    def walk(
        self,
        cases: Sequence[Case],
        taker: Callable[[Sample], Taker],
        on_case: Callable[[str], None] = lambda _: None,
    ) -> Evaluated:
        """Ask about `cases`, whole batches of the plan; a taker of each is given the answers.

        A case that cannot be read is recorded in the answer's `failed` and left out; anything else
        that goes wrong is raised."""
        done = Evaluated()
        # Whole volumes are large: no more of them at once than there are threads.
        depth = max(self.spec.batch, self.loading_threads)
        if self.dataset.dimensionality == "3d":
            depth = self.loading_threads
        loaded = ahead(self._load, cases, threads=self.loading_threads, depth=depth)
        for together in self.batches(cases):
            takers: list[Taker] = []
            views: list[View] = []
            for case in together:
                begun = time.perf_counter()
                sample = next(loaded)
                if isinstance(sample, InputError):
                    done.failed[case.id] = str(sample)
                else:
                    done.clock("load", begun)
                    done.cases += 1
                    takers.append(taker(sample))
                    views += self._views(sample, takers[-1])
                on_case(case.id)
            self._ask(views, done)
            for one in takers:
                one.close()
                done.unprompted += one.absent
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

    # ----------------------------------------------------------------------------------- views

    @property
    def by_plane(self) -> bool:
        """Whether each plane is asked about by itself (planning refuses other prompts then)."""
        return isinstance(self.model, PlaneModel)

    def _ledger(self, sample: Sample, builder: StatisticsBuilder) -> Ledger:
        labels = list(sample.labels) if self.profile is not None else []
        return Ledger(
            sample=sample,
            builder=builder,
            labels=labels,
            reference=self._reference(sample),
            original=self.spec.grid == "original",
            rounds=self.spec.rounds,
            seeds=self.spec.seeds,
            whole=not self.by_plane,
            on_masks=self.on_masks,
        )

    def _reference(self, sample: Sample) -> Callable[[int], Reference]:
        """The ground truth of a plane on the grid that is scored; the last asked for is kept."""
        if isinstance(self.model, StackModel):
            stack = self.model.reference(sample, self.spec.grid)

            def of_stack(index: int) -> Reference:
                valid = None if stack.valid is None else stack.valid[index]
                return Reference({n: m[index] for n, m in stack.labels.items()}, valid)

            return of_stack
        model, kept = self.model, dict[int, Reference]()

        def of_plane(index: int) -> Reference:
            if index not in kept:
                kept.clear()
                kept[index] = model.reference(sample.plane(index), self.spec.grid)
            return kept[index]

        return of_plane

    def _views(self, sample: Sample, taker: Taker) -> Iterator[View]:
        """What of a case is worth asking about."""
        self._checked(sample)
        prompts = self.prompts.get(sample.case.id, ())
        counted = list(sample.counted_planes())
        if not self.by_plane:
            if self.profile is None or prompts:
                yield View(sample, counted, prompts, taker)
            return
        on: dict[int, list[Prompt]] = defaultdict(list)
        for prompt in prompts:
            on[_its_plane(prompt, sample)].append(prompt)
        for index in counted:
            if self.profile is None or index in on:
                yield View(sample, [index], on[index], taker)

    def _checked(self, sample: Sample) -> None:
        import numpy as np

        if self.model.takes == "uint8" and sample.values.dtype != np.uint8:
            raise InputError(
                f"case {sample.case.id}: the model takes planes of uint8, these are "
                f"{sample.values.dtype}. Name the data set's option that maps intensities (for "
                "example window)."
            )

    # ---------------------------------------------------------------------------------- asking

    def _ask(self, views: Sequence[View], done: Evaluated) -> None:
        import torch

        with torch.inference_mode():
            for start in range(0, len(views), self.spec.batch):
                together = views[start : start + self.spec.batch]
                begun = time.perf_counter()
                sessions = self._open(together)
                done.clock("encode", begun)
                begun = time.perf_counter()
                for view, session in zip(together, sessions, strict=True):
                    if self.profile is None:
                        self._automatic(view, session)
                        continue
                    rounds = Rounds(
                        self.spec,
                        self.model,
                        self.profile,
                        self.bring,
                        self.on_prompts,
                        self.recorded,
                    )
                    for chunk in self._chunks(view):
                        rounds.ask(view, session, chunk)
                done.clock("predict", begun)

    def _open(self, views: Sequence[View]) -> list[Session]:
        """A session a view. Planes that are asked about by themselves are encoded together."""
        if isinstance(self.model, StackModel):
            return [self.model.open(view.sample) for view in views]
        model = self.model
        planes = [_coloured(view.sample.plane(view.planes[0])) for view in views]
        return [
            PlaneSession(model, view.planes, {view.planes[0]: embedding}.__getitem__)
            for view, embedding in zip(views, self._encoded(model, planes), strict=True)
        ]

    def _encoded(self, model: PlaneModel, planes: Sequence[Plane]) -> list[Any]:
        return model.encode(planes) if self.cache is None else self.cache.encode(model, planes)

    def _chunks(self, view: View) -> Iterator[list[Prompt]]:
        """Prompts in pieces that fit the memory; objects of one label and seed stay together."""
        if isinstance(self.model, StackModel) and self.model.joint:
            for seed in dict.fromkeys(prompt.seed for prompt in view.prompts):
                yield [prompt for prompt in view.prompts if prompt.seed == seed]
            return
        planes, height, width = view.sample.shape
        pixels = height * width * (1 if self.by_plane else planes)
        size = max(1, min(PROMPTS_AT_ONCE, PIXELS_AT_ONCE // pixels))
        chunk: list[Prompt] = []
        seen: set[tuple[str, int]] = set()
        for prompt in sorted(view.prompts, key=lambda p: (p.label, p.seed, p.object_index)):
            key = (prompt.label, prompt.seed)
            if len(chunk) >= size and key not in seen:
                yield chunk
                chunk, seen = [], set()
            chunk.append(prompt)
            seen.add(key)
        if chunk:
            yield chunk

    def _automatic(self, view: View, session: Session) -> None:
        case, seed = view.sample.case.id, self.spec.seeds[0]
        for answered in self._unasked(view, session):
            prediction = answered.prediction
            names = [self.spec.labels.get(name, name) for name in prediction.labels]
            if len(set(names)) < len(names):
                raise InputError(
                    f"case {case}: several classes of the model are one of the data set: "
                    f"{', '.join(names)}. run.labels gives each a class of its own."
                )
            truth = None
            if (reference := view.taker.reference(answered.index)) is not None:
                truth = stacked(reference.labels, names, case, prediction.scores.device)
            counted = Counted(prediction, names, [0] * len(names))
            view.taker.count(answered.index, 0, seed, counted, truth)

    def _unasked(self, view: View, session: Session) -> Iterator[Answered]:
        """What the model says of its own accord; of one whose first stage finds the objects, what
        the second says about those, or about the ones that a replay has."""
        model = self.model
        if not (isinstance(model, PlaneModel) and model.finds):
            if view.prompts:
                raise InputError(
                    f"case {view.sample.case.id}: the replayed prompts are what a first stage "
                    "found, and this model has none. Name a prompt profile, or the model of "
                    "that run."
                )
            yield from session.ask([]).planes(self.spec.grid)
            return
        assert isinstance(session, PlaneSession)
        prompts, (index,) = view.prompts, view.planes
        if self.spec.replayed is None:
            plane = None if view.sample.is_image else index
            prompts = model.find(session.embedding(index), view.sample.case.id, plane)
            self.on_prompts(prompts)
        for answered in session.ask(prompts).planes(self.spec.grid):
            told = by_class(model.finds, prompts, answered.prediction)
            yield replace(answered, prediction=told)


def _its_plane(prompt: Prompt, sample: Sample) -> int:
    """The plane that a prompt is about. Raises `InputError` where it is about several, or says
    none of a volume: a model that sees one plane at a time cannot be asked that."""
    what = f"case {prompt.case}: the prompt for {prompt.label!r}"
    if prompt.plane is None and not sample.is_image:
        raise InputError(
            f"{what} names no plane, and the model sees one at a time. Choose a prompt profile of "
            "planes."
        )
    places = [part for part in (prompt.box, prompt.points) if part is not None]
    if any((part[:, 0] != (prompt.plane or 0)).any() for part in places):
        raise InputError(
            f"{what} reaches beyond plane {prompt.plane or 0}, and the model sees one at a time. "
            "Choose a prompt profile of planes."
        )
    return prompt.plane or 0


def _coloured(plane: Plane) -> Plane:
    """A grey plane with its one channel three times, as all these networks take it."""
    import numpy as np

    if plane.image.ndim == 3:
        return plane
    return replace(plane, image=np.repeat(plane.image[..., None], 3, axis=2))
