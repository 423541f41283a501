"""SAM 2 over a stack: an object is asked for on one plane or several and followed through the rest.

Follows facebookresearch/sam2 (`sam2/sam2_video_predictor.py`): planes are squashed to a square and
normalised; what is asked about a plane conditions the memory; the object is then followed forward
from the first such plane and, in a second pass that starts from that conditioning alone, backward
(bowang-lab/MedSAM2 resets its state between the passes). Objects do not see each other.

A later question corrects what stands: on a plane that the object was followed to, what is said is
told with that plane's logits and the memory of the pass that came by; it then conditions the
memory beside what conditioned it before, and the object is followed again. So does the authors'
predictor with `add_all_frames_to_correct_as_cond`, as the network was trained; without, following
an object again overwrites what was corrected (facebookresearch/sam2, issues 719 and 731).

Of the planes followed only what the next ones look at is kept, so the memory of a question does not
grow with the stack, but for low-resolution logits of the backward pass. A correction follows the
object to its plane once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import Answered, Grid, Prediction, Prompt, Reference, Sample, StackModel
from reproduce.models.frames import Frame

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from transformers import Sam2VideoInferenceSession

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels
# Features of planes that are kept for further passes, rounds and targets; planes beyond are encoded
# again. At 1024 px a plane has 16 MiB of them, at 512 px 4 MiB.
KEPT_FEATURES_MIB = 2048
# Low-resolution logits of the backward pass that one question may keep: 8192 planes at 1024 px.
KEPT_LOGITS_MIB = 2048
CHOOSE = "Choose a profile that asks on a plane (--prompts box-largest-plane)."


@dataclass(frozen=True, slots=True)
class Course:
    """How an object is followed, and what becomes of its masks.

    backward  also towards the first plane, in a pass of its own
    remask    both passes start from the mask that the prompts give on their plane
    largest   only the largest component of the stack is kept (26 neighbours)
    """

    backward: bool = True
    remask: bool = False
    largest: bool = False


#: Ways that releases follow an object, by the name of the option `follow`.
COURSES: Mapping[str, Course] = {
    "both": Course(),
    "both-largest": Course(largest=True),
    "both-remasked": Course(remask=True),
    "forward": Course(backward=False),
}
HOLE_PX = 8  # sam2/build_sam.py: fill_hole_area


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> Sam2Video:
    """Options `image_size`, `follow`, `holes` and, where there is one, `pruned`.

    Raises `InputError` listing key mismatches.
    """
    from reproduce.models.sam2 import load

    if dtype != "float32":
        raise InputError(f"SAM 2 runs in float32 here, got {dtype}. Leave out --precision.")
    holes = HOLE_PX if options["holes"] == "filled" else 0
    net = load(state, options["image_size"], holes, pruned=options.get("pruned", 0))
    return Sam2Video(net, COURSES[options["follow"]], device)


class Sam2Video(StackModel):
    """A loaded SAM 2; `side` of its square input in pixels."""

    takes = "uint8"
    side: int

    def __init__(self, net: Any, course: Course, device: str) -> None:
        self.net = net.to(device)  # `reproduce.models.sam2_network.Sam2Network`
        self.course = course
        self.device = device
        self.side = net.config.image_size

    def open(self, sample: Sample) -> VideoSession:
        """Planes are encoded when they are first looked at."""
        return VideoSession(self, sample, Features(self, sample.values))

    def reference(self, sample: Sample, grid: Grid) -> Reference:
        if grid == "original":
            return Reference(sample.labels, sample.valid)
        import numpy as np

        frame = Frame.squashed(*sample.shape[1:], self.side)

        def brought(stack: NDArray[np.bool_]) -> NDArray[np.bool_]:
            return np.stack([frame.resize_mask(plane) for plane in stack])

        labels = {name: brought(mask) for name, mask in sample.labels.items()}
        return Reference(labels, None if sample.valid is None else brought(sample.valid))

    def pixels(self, plane: NDArray[Any]) -> torch.Tensor:
        """(H, W) or (H, W, 3) uint8 -> (3, side, side) float32: Pillow's bicubic, as the authors
        read frames, then ImageNet's mean and deviation."""
        import numpy as np
        import torch
        from PIL import Image

        picture = Image.fromarray(plane).convert("RGB").resize((self.side, self.side))
        unit = torch.from_numpy((np.asarray(picture) / 255.0).astype(np.float32)).permute(2, 0, 1)
        return (unit - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]


class Features:
    """Features of the planes of a stack, as `Sam2Network` looks them up in a session's cache."""

    def __init__(self, model: Sam2Video, values: NDArray[Any]) -> None:
        self.model = model
        self.values = values
        self.kept: dict[int, list[torch.Tensor]] = {}
        self.latest: tuple[int, list[torch.Tensor]] = (-1, [])
        self.positions: list[torch.Tensor] = []

    def get_vision_features(self, index: int) -> dict[str, list[torch.Tensor]]:
        """`vision_feats` of a plane, finest level first, and `vision_pos_embeds`, the same for all
        planes."""
        if self.latest[0] != index:
            found = self.kept.get(index)
            if found is None:
                found = self._encoded(index)
                mib = sum(level.nbytes for level in found) / 2**20
                if (len(self.kept) + 1) * mib <= KEPT_FEATURES_MIB:
                    self.kept[index] = [level.cpu() for level in found]
            self.latest = index, [level.to(self.model.device) for level in found]
        return {"vision_feats": self.latest[1], "vision_pos_embeds": self.positions}

    def _encoded(self, index: int) -> list[torch.Tensor]:
        pixels = self.model.pixels(self.values[index])[None].to(self.model.device)
        encoded = self.model.net.get_image_features(pixels)
        self.positions = list(encoded.fpn_position_encoding)
        return list(encoded.fpn_hidden_states)


@dataclass(frozen=True, slots=True)
class Told:
    """What is said about an object on one plane, on the network's input.

    points  (N, 2) x, y with the corners of a box first;  labels (N,): 1 on the object, 0 off it,
            2 and 3 corners
    mask    (H, W) of the plane as loaded; points beside it correct it
    """

    points: NDArray[np.float64] | None = None
    labels: NDArray[np.int64] | None = None
    mask: NDArray[np.bool_] | None = None

    def same(self, other: Told | None) -> bool:
        """Whether nothing else is said."""
        import numpy as np

        if other is None:
            return False
        pairs = (
            (self.points, other.points),
            (self.labels, other.labels),
            (self.mask, other.mask),
        )
        return all(
            a is b or (a is not None and b is not None and np.array_equal(a, b)) for a, b in pairs
        )


@dataclass(slots=True)
class VideoSession:
    """One stack. Between two questions it keeps the features of planes, and of each object what
    conditions its memory."""

    model: Sam2Video
    sample: Sample
    features: Features
    tracks: dict[tuple[str, int, int, int], Track] = field(default_factory=dict)

    def ask(self, prompts: Sequence[Prompt]) -> VideoAnswer:
        """Objects that were asked about before are corrected by what is new. Raises `InputError`
        for what cannot be asked, before anything is encoded."""
        told: dict[tuple[str, int, int, int], dict[int, Told]] = {}
        asked: dict[tuple[str, int, int], list[int | None]] = {}
        for prompt in prompts:
            name = (prompt.label, prompt.object_index, prompt.seed)
            planes = asked.setdefault(name, [])
            if planes and planes[0] != prompt.plane:
                raise InputError(
                    f"case {prompt.case}: {prompt.label!r} is asked about on plane {planes[0]} "
                    f"and again on {prompt.plane}; SAM 2 follows it from one. {CHOOSE}"
                )
            key = (*name, len(planes))
            planes.append(prompt.plane)
            told[key] = said(prompt, self.sample.shape, self.model.side)
            self._corrects(prompt, told[key], self.tracks.get(key))
        self._fits(told)
        for key, one in told.items():
            track = self.tracks.get(key) or Track(self.model, self.features, self.sample.shape)
            self.tracks[key] = track.further(one)
        return VideoAnswer(self, prompts, [self.tracks[key] for key in told])

    def forget(self) -> None:
        """The next question starts with an empty memory."""
        self.tracks.clear()

    def _corrects(self, prompt: Prompt, told: Mapping[int, Told], track: Track | None) -> None:
        """Raises `InputError` for points on a mask that has not been told yet."""
        known = {} if track is None else track.told
        for plane, one in told.items():
            stands = plane in known and known[plane].mask is not None
            if one.mask is not None and one.points is not None and not stands:
                raise InputError(
                    f"the prompt for {prompt.label!r} of case {prompt.case} has a mask and a box "
                    f"or points on plane {plane}; SAM 2 takes one or the other there, and clicks "
                    "on a mask in a later round."
                )

    def _fits(self, told: Mapping[tuple[str, int, int, int], Mapping[int, Told]]) -> None:
        """Raises `InputError` where there are too many planes to go backward through."""
        if not self.model.course.backward:
            return
        side = self.model.side // 4
        planes = sum(min((*one, *self._planes(key))) for key, one in told.items())
        if planes * side**2 * 4 > KEPT_LOGITS_MIB * 2**20:
            raise InputError(
                f"case {self.sample.case.id}: {planes} planes to go backward through for "
                f"{len(told)} objects need {planes * side**2 * 4 / 2**30:.1f} GiB; "
                f"{KEPT_LOGITS_MIB / 1024:.0f} are there for it. Cut the stack into shorter ones, "
                "or follow objects forward alone (--set adapter.follow=forward)."
            )

    def _planes(self, key: tuple[str, int, int, int]) -> Iterable[int]:
        return self.tracks[key].told if key in self.tracks else ()


@dataclass(slots=True)
class Track:
    """One object: what was said about it, and the memory of the pass under way. Logits are
    (1, 1, side / 4, side / 4).

    shape  (S, H, W) of the stack
    """

    model: Sam2Video
    features: Features
    shape: tuple[int, int, int]
    told: dict[int, Told] = field(default_factory=dict)
    memory: Sam2VideoInferenceSession = field(init=False)

    def __post_init__(self) -> None:
        import torch
        from transformers import Sam2VideoInferenceSession

        self.memory = Sam2VideoInferenceSession(
            inference_device=self.model.device,
            inference_state_device=self.model.device,
            dtype=torch.float32,
        )
        self.memory.processed_frames = dict.fromkeys(range(self.shape[0]))
        self.memory.cache = self.features  # type: ignore[assignment]  # what it is asked for is there
        self.memory.obj_id_to_idx(0)

    @property
    def first(self) -> int:
        """The first plane that something is said about."""
        return min(self.told)

    @property
    def outputs(self) -> dict[str, dict[int, dict[str, torch.Tensor]]]:
        found: dict[str, dict[int, dict[str, torch.Tensor]]] = self.memory.output_dict_per_obj[0]
        return found

    def further(self, told: Mapping[int, Told]) -> Track:
        """The object after what is new of `told`, each plane of it from how the object stood."""
        import torch

        new = {plane: one for plane, one in told.items() if not one.same(self.told.get(plane))}
        if not new:
            return self
        then = Track(self.model, self.features, self.shape, self.told | new)
        conditions = then.outputs["cond_frame_outputs"]
        conditions |= self.outputs["cond_frame_outputs"]
        with torch.inference_mode():
            for plane, one in new.items():
                conditions[plane] = self._asked(plane, one)
                if self.model.course.remask and not self.told:
                    logits = enlarged(conditions[plane]["pred_masks"], self.shape[1:])
                    mask = (logits[0, 0] > 0).cpu().numpy()
                    conditions[plane] = self._asked(plane, Told(mask=mask))
        return then

    def restart(self) -> None:
        """Forget the planes followed; what was asked conditions the next pass alone."""
        self.outputs["non_cond_frame_outputs"].clear()
        self.memory.frames_tracked_per_obj[0].clear()

    def step(self, plane: int, reverse: bool = False) -> torch.Tensor:
        """Logits on the next plane of a pass, or on one that was asked about."""
        followed = self.outputs["non_cond_frame_outputs"]
        logits: torch.Tensor = self.model.net(
            self.memory, frame_idx=plane, reverse=reverse
        ).pred_masks
        if plane in followed:
            followed[plane].pop("high_res_masks")
            far = self.model.net.config.max_object_pointers_in_encoder
            followed.pop(plane + far if reverse else plane - far, None)
        return logits

    def _asked(self, plane: int, told: Told) -> dict[str, torch.Tensor]:
        """What comes of what is said on a plane: by itself, or where the object was followed to as
        a correction of it."""
        import torch

        side, device = self.model.side, self.model.device
        points = mask = before = None
        reverse = bool(self.told) and plane < self.first
        known = bool(self.told) and (not reverse or self.model.course.backward)
        if told.points is not None:
            coordinates = torch.as_tensor(told.points, dtype=torch.float32)[None, None]
            labels = torch.as_tensor(told.labels, dtype=torch.int32)[None, None]
            points = {"point_coords": coordinates.to(device), "point_labels": labels.to(device)}
        else:
            mask = torch.from_numpy(told.mask)[None, None].float()
            if mask.shape[-2:] != (side, side):
                soft = torch.nn.functional.interpolate(
                    mask, (side, side), mode="bilinear", antialias=True
                )
                mask = (soft >= 0.5).float()
            mask = mask.to(device)
        if known:
            self.restart()
            for at in range(self.first, plane - 1 if reverse else plane + 1, -1 if reverse else 1):
                before = self.step(at, reverse)
        output: dict[str, torch.Tensor] = self.model.net.answered(
            self.memory, plane, points, mask, before, reverse, first=not known
        )
        return output


@dataclass(frozen=True, slots=True)
class VideoAnswer:
    """Objects followed through a stack, when it is looked at: backward first, whose logits are kept
    at low resolution on the host, then forward."""

    session: VideoSession
    prompts: Sequence[Prompt]
    tracks: Sequence[Track]

    def planes(self, grid: Grid) -> Iterator[Answered]:
        """Planes from the first that an object is followed to, each with all objects there."""
        model, sample = self.session.model, self.session.sample
        size = sample.shape[1:] if grid == "original" else (model.side, model.side)
        scores = self._scores(size)
        kind: Any = "logit"
        if model.course.largest:
            scores, kind = self._largest(scores, size), "label"
        for plane, found in scores:
            import torch

            members = sorted(found)
            labels = tuple(self.prompts[i].label for i in members)
            yield Answered(
                plane,
                members,
                Prediction(torch.stack([found[i] for i in members]), kind, labels),
            )

    def _scores(self, size: tuple[int, int]) -> Iterator[tuple[int, dict[int, torch.Tensor]]]:
        """Plane and object -> (1, h, w) logits."""
        import torch

        session, course, tracks = self.session, self.session.model.course, self.tracks

        def full(logits: torch.Tensor) -> torch.Tensor:
            return enlarged(logits, size)[0].to(session.model.device)

        with torch.inference_mode():
            for track in tracks:
                track.restart()
            before: dict[int, dict[int, torch.Tensor]] = {}
            if course.backward:
                for plane in range(max((t.first for t in tracks), default=0) - 1, -1, -1):
                    behind = {i: t for i, t in enumerate(tracks) if plane < t.first}
                    before[plane] = {i: t.step(plane, True).cpu() for i, t in behind.items()}
            for track in tracks:
                track.restart()
        for plane in range(session.sample.shape[0]):
            with torch.inference_mode():
                found = {i: full(logits) for i, logits in before.pop(plane, {}).items()}
                ahead = {i: t for i, t in enumerate(tracks) if plane >= t.first}
                found |= {i: full(track.step(plane)) for i, track in ahead.items()}
            if found:
                yield plane, found

    def _largest(
        self, scores: Iterator[tuple[int, dict[int, torch.Tensor]]], size: tuple[int, int]
    ) -> Iterator[tuple[int, dict[int, torch.Tensor]]]:
        """The largest component of each object as 0 and 1; of equal ones the first."""
        import numpy as np
        import torch

        from reproduce.prompting.regions import regions

        planes = self.session.sample.shape[0]
        masks = np.zeros((len(self.prompts), planes, *size), np.bool_)
        seen: list[tuple[int, list[int]]] = []
        for plane, found in scores:
            seen.append((plane, list(found)))
            for i, logits in found.items():
                masks[i, plane] = (logits[0] > 0).cpu().numpy()
        for mask in masks:
            mask[:] = next(iter(regions(mask, "largest")), False)
        device = self.session.model.device
        for plane, members in seen:
            yield (
                plane,
                {i: torch.from_numpy(masks[i, plane])[None].float().to(device) for i in members},
            )


def enlarged(logits: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(1, 1, h, w) logits at the size (H, W) of the plane."""
    from torch.nn.functional import interpolate

    return interpolate(logits, size, mode="bilinear", align_corners=False)


def said(prompt: Prompt, shape: tuple[int, int, int], side: int) -> dict[int, Told]:
    """What a prompt says, plane by plane. Raises `InputError` for what SAM 2 cannot be asked."""
    import numpy as np

    planes, height, width = shape
    what = f"the prompt for {prompt.label!r} of case {prompt.case}"
    if prompt.is_empty or prompt.mask_input is not None:
        got = (
            "text" if prompt.text else "nothing" if prompt.is_empty else "logits of a round before"
        )
        raise InputError(
            f"{what}: expected points, a box or a mask on a plane, got {got}. {CHOOSE}"
        )
    if prompt.box is not None and prompt.box[0, 0] != prompt.box[1, 0]:
        first, last = prompt.box[:, 0]
        raise InputError(
            f"{what}: a box over planes {first:.0f} to {last:.0f}; SAM 2 takes one on a plane. "
            f"{CHOOSE}"
        )
    if prompt.mask is not None and prompt.plane is None and planes > 1:
        raise InputError(f"{what} has a mask and does not say on which of {planes} planes it lies.")
    frame = Frame.squashed(height, width, side)
    found: dict[int, Told] = {}
    if prompt.mask is not None:
        found[prompt.plane or 0] = Told(mask=prompt.mask)
    places: list[tuple[int, NDArray[np.float64], int]] = []
    if prompt.box_xy is not None and prompt.box is not None:
        corners = prompt.box_xy.reshape(2, 2)
        places += [(int(prompt.box[0, 0]), corners[i], 2 + i) for i in range(2)]
    if prompt.points is not None and prompt.point_labels is not None:
        for place, label in zip(prompt.points, prompt.point_labels, strict=True):
            places.append((int(place[0]), place[:0:-1], int(label)))
    for plane in sorted({plane for plane, _, _ in places}):
        here = [(xy, label) for at, xy, label in places if at == plane]
        found[plane] = Told(
            frame.to_input(np.stack([xy for xy, _ in here])),
            np.array([label for _, label in here], np.int64),
            prompt.mask if plane in found else None,
        )
    outside = [plane for plane in found if not 0 <= plane < planes]
    if outside:
        raise InputError(
            f"{what} lies on plane {outside[0]}; the stack has planes 0 to {planes - 1}."
        )
    return found
