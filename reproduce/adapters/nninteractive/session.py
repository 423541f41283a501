"""nnInteractive: a session of its authors' package, asked step by step as its viewer would."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from nnInteractive.inference.inference_session import nnInteractiveInferenceSession
from nnInteractive.interaction.point import PointInteraction_stub
from nnInteractive.trainer.nnInteractiveTrainer import nnInteractiveTrainer_stub
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from numpy.typing import NDArray

from catalog.errors import InputError, UsageError
from reproduce.contracts import Prompt, Sample
from reproduce.models.documents import checked_plans, content, json_of, weights_of
from reproduce.models.promptable import fingerprint
from reproduce.models.sam import load_strictly
from reproduce.models.volumes import OwnGrid, Whole

SETTINGS = "inference_session_class.json"
FOREGROUND = 2  # classes that its networks have, whatever the plans say
Step = tuple[Any, ...]


class NnInteractive(OwnGrid):
    """The parts that every session of the package is given."""

    title = "nnInteractive"

    def __init__(self, parts: dict[str, Any], options: Mapping[str, Any], device: str) -> None:
        self.parts, self.options, self.device = parts, dict(options), device
        self.joint = options["overlap"] == "first"

    def preprocessing_id(self) -> str:
        return fingerprint(name="nninteractive", options=self.options)

    def open(self, sample: Sample) -> Session:
        """Raises `InputError` for colours, and for values that are all the same or 0."""
        values = self.varied(sample)
        with quiet(self.device):
            opened = new_session(self.device, self.options["zoom"], values.size)
            opened.initialize_from_loaded_artifacts(self.parts)
            opened.set_image(np.ascontiguousarray(values, np.float32)[None])
            opened.set_target_buffer(torch.zeros(values.shape, dtype=torch.uint8))
        return Session(self, sample, opened)


@dataclass(slots=True)
class Session:
    """One volume. `done`: the steps that the package's session has been through.

    A later round of the same object goes on from there; for another object it begins anew.
    """

    model: NnInteractive
    sample: Sample
    opened: Any
    done: list[Step] = field(default_factory=list)

    def ask(self, prompts: Sequence[Prompt]) -> Whole:
        """Each object in its own right. Raises `InputError` for what it cannot be asked."""
        steps = [self._steps(prompt) for prompt in prompts]  # before anything is computed
        masks = []
        with quiet(self.model.device):
            for asked in steps:
                if self.done != asked[: len(self.done)]:
                    self.opened.reset_interactions()
                    self.done = []
                for step in asked[len(self.done) :]:
                    self._give(step)
                    self.done.append(step)
                masks.append(self.opened.target_buffer > 0)
        if self.model.joint:
            masks = first_kept(masks)
        return Whole(tuple(prompt.label for prompt in prompts), "label", torch.stack(masks))

    def forget(self) -> None:
        """Begin anew with the next question."""
        with quiet(self.model.device):
            self.opened.reset_interactions()
        self.done = []

    def _steps(self, prompt: Prompt) -> list[Step]:
        """What is said about one object, in the order in which it is said."""
        about = f"the prompt for {prompt.label!r} of case {prompt.case}"
        steps: list[Step] = []
        if prompt.box is not None:
            low, high = prompt.box.round().astype(int)
            if low[0] != high[0]:
                raise InputError(
                    f"{about} is a box over several planes; nnInteractive was trained with boxes "
                    "on one plane. (--prompts box-largest-plane)"
                )
            steps.append(("box", *((int(a), int(b) + 1) for a, b in zip(low, high, strict=True))))
        if prompt.mask is not None and prompt.plane is None:
            if prompt.mask.shape != self.sample.shape:
                raise InputError(
                    f"{about} has a mask of {prompt.mask.shape} voxels without a plane; the volume "
                    f"has {self.sample.shape}."
                )
            if steps:  # it would be forgotten
                raise InputError(f"{about} has a box beside a whole mask, which begins anew.")
            steps.append(("initial", prompt.mask.tobytes()))
        elif prompt.mask is not None:
            if not prompt.mask.any():
                raise InputError(f"{about} has a mask that is empty.")
            steps.append(("lasso", prompt.plane, prompt.mask.tobytes()))
        if prompt.points is not None and prompt.point_labels is not None:
            pairs = zip(prompt.points.tolist(), prompt.point_labels.tolist(), strict=True)
            steps += [("point", *place, sign > 0) for place, sign in pairs]
        if not steps:
            raise InputError(f"{about} is empty; nnInteractive needs a click, a box or a mask.")
        return steps

    def _give(self, step: Step) -> None:
        kind, *said = step
        np.random.seed(0)  # the same step gives the same answer, whatever came before
        if kind == "point":
            *place, positive = said
            self.opened.add_point_interaction(tuple(place), include_interaction=positive)
        elif kind == "box":
            self.opened.add_bbox_interaction([list(pair) for pair in said], True)
        elif kind == "initial":
            whole = np.frombuffer(said[0], np.uint8).reshape(self.sample.shape).copy()
            self.opened.add_initial_seg_interaction(whole, run_prediction=True)
        else:
            plane, drawn = said
            shape = self.sample.shape[1:]
            mask: NDArray[np.uint8] = np.frombuffer(drawn, np.uint8).reshape(1, *shape).copy()
            where = [[plane, plane + 1], [0, shape[0]], [0, shape[1]]]
            self.opened.add_lasso_interaction(mask, True, interaction_bbox=where)


def first_kept(masks: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Masks of one shape, each without the voxels that one before it has."""
    taken, left = torch.zeros_like(masks[0]), []
    for mask in masks:
        left.append(mask & ~taken)
        taken |= mask
    return left


@contextmanager
def quiet(device: str) -> Iterator[None]:
    """The package talks on stdout, sets PyTorch's switches for the whole process, and draws where
    it refines from numpy's numbers of the process."""
    threads, tuned = torch.get_num_threads(), torch.backends.cudnn.benchmark
    drawn = np.random.get_state()
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        torch.backends.cudnn.benchmark = tuned
        np.random.set_state(drawn)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def new_session(device: str, zoom: bool, voxels: int) -> Any:
    """Without undo; it keeps what was said as a tensor, or packed in very large volumes."""
    large = voxels > nnInteractiveInferenceSession.AUTO_TENSOR_MAX_VOXELS
    return nnInteractiveInferenceSession(
        torch.device(device),
        torch_n_threads=torch.get_num_threads(),
        do_autozoom=zoom,
        enable_undo=False,
        interactions_storage="blosc2" if large else "tensor",
    )


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> NnInteractive:
    """From weights, plans and settings. Raises `InputError` naming what does not fit."""
    if dtype != "float32":
        raise InputError(f"nnInteractive chooses its precision itself, got {dtype}.")
    plans = json_of(state, "plans.json")
    name = options["configuration"]
    if name not in (known := plans.get("configurations", {})):
        raise UsageError(f"option configuration: no {name!r} in the plans; {', '.join(known)}")
    checked_plans(plans)  # the package imports and calls what they name
    manager = PlansManager(plans)
    configuration = manager.get_configuration(name)
    with quiet(device):
        reader = new_session(device, options["zoom"], 0)
        with TemporaryDirectory() as folder:  # it reads its settings from a folder
            json_of(state, SETTINGS)
            Path(folder, SETTINGS).write_bytes(content(state, SETTINGS))
            said, radius, thickness, decay, padding = reader._load_capability_and_runtime_defaults(
                folder
            )
        reader._apply_capability(said)
        with torch.device("meta"):
            net = nnInteractiveTrainer_stub.build_network_architecture(
                manager, configuration, 1 + reader.num_interaction_channels, FOREGROUND, False
            )
    load_strictly(net, weights_of(state))
    parts = {
        "capability_content": said,
        "point_interaction": PointInteraction_stub(radius, True),
        "preferred_scribble_thickness": thickness,
        "interaction_decay": decay,
        "pad_mode_data": padding,
        "network": net.eval().to(device),
        "plans_manager": manager,
        "configuration_manager": configuration,
        "dataset_json": None,
        "trainer_name": "nnInteractiveTrainer_stub",
        "label_manager": None,
        "license": "",
    }
    return NnInteractive(parts, options, device)
