"""What an adapter promises by its contract, tried on it: before it runs, and on made images."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from catalog.errors import Sam4misError
from catalog.protocol_words import words
from reproduce.asking.loop import Evaluator
from reproduce.checkpoints.layouts import ALIASES, LAYOUTS
from reproduce.contracts import Adapter, Case, Conduct, Model, Prompt, PromptKind, Sample
from reproduce.models.declaring import conduct, resolve_options
from reproduce.predicting.given import AsGiven
from reproduce.predicting.images import OwnImages
from reproduce.predicting.taken import Painter
from reproduce.runs.spec import RunSpec

if TYPE_CHECKING:
    import torch

NAME = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")
SOURCE = re.compile(r"[\w.-]+/[\w.-]+.* @ [0-9a-f]{7,40}|[\w-]+ \d+\.\d+")
KINDS = get_args(PromptKind)


def said_wrong(adapter: Adapter) -> Iterator[str]:
    """What an adapter says of itself and may not, each with what is expected."""
    lacks = [name for name in Adapter.__annotations__ if not _has(adapter, name)]
    if lacks:
        yield f"add {', '.join(lacks)} (reproduce/contracts/models.py says what)"
        return
    if not NAME.fullmatch(adapter.name):
        yield f"name: lower case, digits and hyphens; got {adapter.name!r}"
    if not isinstance(adapter.version, int) or adapter.version < 1:
        yield "version: a whole number, counted from 1"
    for field, text in (("title", adapter.title), ("agreement", adapter.agreement)):
        if not text.strip():
            yield f"{field}: is empty; say it"
    if not SOURCE.search(adapter.source):
        yield "source: `owner/repository @ commit files` whose behaviour it follows"
    if not adapter.prompts or not set(adapter.prompts) <= set(KINDS):
        yield f"prompts: what the weights were trained for, of {', '.join(KINDS)}"
    if unknown := {ALIASES.get(layout, layout) for layout in adapter.layouts} - set(LAYOUTS):
        yield f"layouts: {', '.join(sorted(unknown))} are none of {', '.join(LAYOUTS)}"
    yield from _options_wrong(adapter)
    if not adapter.does.candidates:
        yield "does: masks for each prompt"
    for variant, mebibytes in adapter.memory_mib.items():
        if mebibytes <= 0:
            yield f"memory_mib[{variant!r}]: measure it or leave it out"


def _has(adapter: Adapter, name: str) -> bool:
    return any(name in vars(one) for one in (adapter, *type(adapter).__mro__[:-1]) if _plain(one))


def _plain(one: Any) -> bool:
    """Whether an object or class keeps its members in a dictionary (with slots: its class does)."""
    return hasattr(one, "__dict__")


def _options_wrong(adapter: Adapter) -> Iterator[str]:
    for option, said in adapter.options.items():
        if not said.description:
            yield f"option {option}: describe it"
        if said.choices is not None and said.default not in said.choices:
            yield f"option {option}: the default {said.default!r} is not among its choices"
        if parts := set(said.changes) - {part.name for part in dataclasses.fields(Conduct)}:
            yield f"option {option}: changes {', '.join(parts)}, which `Conduct` does not have"


def words_unknown(adapter: Adapter) -> Iterator[str]:
    """Words of what it does that claims do not have: a run with them answers no claim."""
    known, every = words(), [adapter.does]
    every += [
        conduct(adapter, {option: value})
        for option, said in adapter.options.items()
        for changed in said.changes.values()
        for value in changed
    ]
    for does in dict.fromkeys(every):
        if does.preprocessing not in known.preprocessing:
            yield f"does: preprocessing {does.preprocessing!r}"
        if does.postprocessing not in known.postprocessing:
            yield f"does: postprocessing {does.postprocessing!r}"


# -------------------------------------------------------------------------------------- tried


def tried_wrong(adapter: Adapter, state: Mapping[str, torch.Tensor]) -> Iterator[str]:
    """What goes wrong when it is built and asked, on a CPU, about made images."""
    import torch

    options = resolve_options(adapter, {})
    torch.set_deterministic_debug_mode("warn")
    for what, changed in (
        ("a tensor that is missing", dict(list(state.items())[1:])),
        ("a tensor that nobody trained", {**state, "nobody.trained.this": torch.zeros(1)}),
    ):
        try:
            adapter.build(changed, options, "cpu", "float32")
        except Sam4misError:
            continue
        except Exception as error:  # whatever the code of somebody else raises
            yield f"build: {what} raises {type(error).__name__}; raise InputError with its name"
            continue
        yield f"build: {what} is not told; load strictly (`reproduce.models.sam.load_strictly`)"
    try:
        model = adapter.build(state, options, "cpu", "float32")
    except Exception as error:  # as above
        yield f"build: the weights do not load ({type(error).__name__}: {error})"
        return
    for sample in _samples(adapter):
        yield from _asked_wrong(adapter, model, sample)


def _samples(adapter: Adapter) -> Iterator[Sample]:
    """A picture, or a volume and a video, each with a bright block."""
    import numpy as np

    values = np.random.default_rng(0).integers(0, 60, (6, 40, 48)).astype(np.uint8)
    values[1:5, 10:24, 12:34] += 150
    if adapter.dimensionality == "2d":
        image = np.repeat(values[2][..., None], 3, axis=2)
        yield Sample.of_image(Case("picture", {}), image, {})
        return
    stored = values.astype(np.float32) if adapter.values == "stored" else values
    yield Sample.of_volume(Case("volume", {}), stored, {}, spacing_mm=(2.0, 1.0, 1.0))


def _prompts(adapter: Adapter, kind: str, sample: Sample) -> list[Prompt]:
    """One prompt of a kind about the bright block."""
    import numpy as np

    plane = None if sample.is_image else 2
    s = float(plane or 0)
    about: dict[str, Any] = {"case": sample.case.id, "label": "block"}
    if kind == "box":
        corners = np.array([[s, 10, 12], [s, 23, 33]])
        return [Prompt(**about, plane=plane, box=corners)]
    if kind == "solid-box":
        return [Prompt(**about, box=np.array([[1.0, 10, 12], [4, 23, 33]]))]
    if kind == "point":
        points = np.array([[s, 16, 20.0]])
        return [Prompt(**about, plane=plane, points=points, point_labels=np.array([1]))]
    if kind == "mask":
        mask = np.zeros(sample.shape[1:], np.bool_)
        mask[10:24, 12:34] = True
        return [Prompt(**about, plane=plane, mask=mask)]
    if kind == "solid-mask":
        solid = np.zeros(sample.shape, np.bool_)
        solid[1:5, 10:24, 12:34] = True
        return [Prompt(**about, mask=solid)]
    return [Prompt(**about, plane=plane, text="block")]


def _asked_wrong(adapter: Adapter, model: Model, sample: Sample) -> Iterator[str]:
    what = sample.case.id
    stacks = adapter.dimensionality == "3d"
    answered, refused = 0, list[str]()
    for kind in adapter.prompts:
        if kind == "mask" and not stacks:
            continue  # logits of the round before: asked by no first prompt
        prompts = [] if kind == "none" else _prompts(adapter, kind, sample)
        try:
            first = _answers(adapter, model, sample, prompts)
            again = _answers(adapter, model, sample, prompts)
        except Sam4misError as error:
            refused.append(f"{kind}: {error}")  # a click after a box, say, is no first question
            continue
        except Exception as error:  # as above
            yield f"{what}, asked by {kind}: {type(error).__name__}: {error}"
            continue
        answered += 1
        if first != again:
            yield f"{what}, asked by {kind}: the second answer is another than the first"
    if not answered:
        yield f"{what}: no kind of prompt was answered. {'; '.join(refused)}".strip()
    if "none" in adapter.prompts:
        return
    wrong = next((kind for kind in ("point", "box", "text") if kind not in adapter.prompts), None)
    if wrong is None:
        return
    try:
        _answers(adapter, model, sample, _prompts(adapter, wrong, sample))
    except Sam4misError:
        return
    except Exception as error:  # as above
        yield (
            f"{what}, asked by {wrong}, which it does not take: {type(error).__name__}; raise "
            + ("InputError that names the case and what it takes")
        )


def _answers(
    adapter: Adapter, model: Model, sample: Sample, prompts: Sequence[Prompt]
) -> dict[str, bytes]:
    """Masks by class, as the loop of every run takes them; it checks sizes, kinds and devices."""
    painter = Painter(sample, 0.5)
    spec = RunSpec(
        kind="predict",
        project=adapter.name,
        title="",
        claims=[],
        checkpoints=[],
        cases=[],
        prompt_sha256=None,
        adapter=adapter.name,
        adapter_version=adapter.version,
        adapter_options={},
        dataset=OwnImages.name,
        dataset_version=1,
        dataset_options={},
        split="all",
        prompt_profile=None,
        seeds=[0],
        rounds=1,
        grid="original",
        objects="separate",
    )
    profile = AsGiven("box") if prompts else None
    held = _One()
    held.sample = sample
    Evaluator(
        spec=spec, dataset=held, model=model, profile=profile, prompts={sample.case.id: prompts}
    ).walk([sample.case], lambda _: painter)
    if not painter.objects:
        raise ValueError("no answer was given")
    return {name: painter.mask(name).tobytes() for name in painter.labels}


class _One(OwnImages):
    """One case that is loaded already."""

    sample: Sample

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        return self.sample
