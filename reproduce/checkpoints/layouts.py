"""How released files wrap their state dict, as data.

A layout says where the state dict lies inside what the file holds (`path`, keys to follow), which
prefix its parameter names carry (`strip`), and which prefix to add so that the names are those of
the whole model (`add`, for releases in several part files). Adapters name the layouts they accept;
a project's checkpoint names the one its file has, or leaves it null to have it recognised.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError, UsageError
from reproduce.contracts import FILE

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Layout:
    """One way of wrapping a state dict. Every key below `path` must start with `strip`.

    parts  prefix to add -> place in the file, for a file that holds several state dicts
    whole  no weights: the file's bytes under the name `add`
    plain  name of a file of JSON -> place of what it would hold in this one, given beside the state
           dict; what is not there, or is no plain data, is left out
    """

    path: tuple[str, ...] = ()
    strip: str = ""
    add: str = ""
    parts: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    whole: bool = False
    plain: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seen_in: str = ""


LAYOUTS: Mapping[str, Layout] = {
    "flat": Layout(seen_in="segment-anything, MedSAM"),
    "lora": Layout(seen_in="SAMed, H-SAM, Sam_LoRA: laid over the base SAM checkpoint"),
    "model": Layout(path=("model",), seen_in="SAM-Med2D, SAM 2"),
    "state_dict": Layout(path=("state_dict",), seen_in="Lightning and MMEngine releases"),
    "model_state_dict": Layout(path=("model_state_dict",), seen_in="lwnet"),
    "ema_model_state_dict": Layout(
        path=("ema_model_state_dict",), seen_in="Hermes: the averaged weights, which are validated"
    ),
    "net": Layout(path=("net",)),
    "module": Layout(strip="module.", seen_in="saved from DataParallel"),
    "model/module": Layout(path=("model",), strip="module."),
    "state_dict/module": Layout(path=("state_dict",), strip="module."),
    "state_dict/model": Layout(path=("state_dict",), strip="model.", seen_in="Lightning modules"),
    "state_dict/net": Layout(path=("state_dict",), strip="net."),
    "model_state_dict/module": Layout(path=("model_state_dict",), strip="module."),
    "decoder_dict": Layout(
        path=("decoder_dict",), add="volume_decoder.", seen_in="ZAP-2.5DSAM: laid over SAM"
    ),
    # Of its four prompt encoders the code asks the last alone.
    "encoder-feature-decoder": Layout(
        parts={
            "image_encoder.": ("encoder_dict",),
            "prompt_encoder.": ("feature_dict", 3),
            "mask_decoder.": ("decoder_dict",),
        },
        seen_in="3DSAM-adapter, ProMISe",
    ),
    "part/image_encoder": Layout(add="image_encoder.", seen_in="Polyp-SAM"),
    "part/prompt_encoder": Layout(add="prompt_encoder.", seen_in="Polyp-SAM"),
    "part/mask_decoder": Layout(add="mask_decoder.", seen_in="Polyp-SAM"),
    "model/high": Layout(path=("model",), add="high.", seen_in="WSI-SAM, beside MobileSAM's file"),
    "model/low": Layout(path=("model",), add="low.", seen_in="WSI-SAM"),
    "model/prompter": Layout(
        path=("model",), add="prompter.", seen_in="PromptNucSeg: its first stage, before SAM's file"
    ),
    "network_weights": Layout(
        path=("network_weights",), seen_in="nnU-Net v2 and what builds on it"
    ),
    **{
        f"nnunet/{part}": Layout(
            path=("network_weights",),
            add=f"{part}.",
            plain={"plans.json": ("init_args", "plans")},
            seen_in="MoME: six files of nnU-Net v2, with the plans in each",
        )
        for part in ("gate", *(f"expert{n}" for n in range(1, 6)))
    },
    "file/plans.json": Layout(whole=True, add=f"{FILE}plans.json", seen_in="nnU-Net v2"),
    "file/inference_session_class.json": Layout(
        whole=True, add=f"{FILE}inference_session_class.json", seen_in="nnInteractive"
    ),
    "file/text_embeddings.npz": Layout(
        whole=True, add=f"{FILE}text_embeddings.npz", seen_in="VoxTell: names and their embeddings"
    ),
    "file/vocab.txt": Layout(
        whole=True, add=f"{FILE}vocab.txt", seen_in="BERT's tokenisers: one piece of a word a line"
    ),
}
ALIASES = {"module.": "module"}


def _is_state(value: Any) -> bool:
    """Whether a value is a non-empty mapping of names to tensors."""
    import torch

    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in value.items())
    )


def _descend(content: Any, layout: Layout) -> Mapping[str, torch.Tensor] | None:
    """The state dict at a layout's path with its prefix, or None where the file has none."""
    if layout.parts:
        return _joined(content, layout.parts)
    for key in layout.path:
        if not isinstance(content, Mapping) or key not in content:
            return None
        content = content[key]
    if not _is_state(content):
        return None
    if layout.strip and not all(name.startswith(layout.strip) for name in content):
        return None
    state: Mapping[str, torch.Tensor] = content
    return state


def _documents(content: Any, places: Mapping[str, tuple[str, ...]]) -> dict[str, torch.Tensor]:
    """What a file of weights holds of others, each as its bytes (`reproduce.contracts.FILE`)."""
    import torch

    found: dict[str, torch.Tensor] = {}
    for name, path in places.items():
        part = content
        for key in path:
            part = part.get(key) if isinstance(part, Mapping) else None
        with contextlib.suppress(TypeError, ValueError):
            if part is not None:
                packed = bytearray(json.dumps(part).encode())
                found[FILE + name] = torch.frombuffer(packed, dtype=torch.uint8)
    return found


def _joined(
    content: Any, parts: Mapping[str, tuple[str | int, ...]]
) -> Mapping[str, torch.Tensor] | None:
    """The state dicts of a file together, each below its prefix; None where one is not there."""
    joined: dict[str, torch.Tensor] = {}
    for prefix, path in parts.items():
        part = content
        for key in path:
            try:
                part = part[key]
            except (KeyError, IndexError, TypeError):
                return None
        if not _is_state(part):
            return None
        joined |= {prefix + name: tensor for name, tensor in part.items()}
    return joined


def unwrap(content: Any, layout: str | None, place: str) -> dict[str, torch.Tensor]:
    """Take the state dict out of what a file holds.

    `layout` None: the layouts that fit are tried, those with a prefix first (a file with `module.`
    everywhere also fits `flat`). Raises `InputError` saying what the file holds instead.
    """
    if layout is not None:
        layout = ALIASES.get(layout, layout)
        if layout not in LAYOUTS:
            raise UsageError(f"no checkpoint layout {layout!r}; known: {', '.join(LAYOUTS)}")
        names: Sequence[str] = (layout,)
    else:
        # Parts cannot be recognised: their names say nothing about which part they are.
        names = sorted(
            (n for n, known in LAYOUTS.items() if not known.add),
            key=lambda n: -len(LAYOUTS[n].strip),
        )
    for name in names:
        known = LAYOUTS[name]
        state = _descend(content, known)
        if state is not None:
            named = {known.add + key[len(known.strip) :]: value for key, value in state.items()}
            return named | _documents(content, known.plain)
    asked = f"layout {layout!r}" if layout else "any known layout"
    raise InputError(
        f"{place}: does not have {asked}. It holds {describe(content)}. "
        f"Name the right layout in the project's checkpoint ({', '.join(LAYOUTS)})."
    )


def describe(content: Any) -> str:
    """What a loaded file holds, in one line, for messages."""
    if isinstance(content, Mapping):
        keys = [f"{key!r} ({type(value).__name__})" for key, value in list(content.items())[:5]]
        more = f" and {len(content) - 5} more" if len(content) > 5 else ""
        return f"a mapping with {', '.join(keys) or 'nothing'}{more}"
    return f"a {type(content).__name__}"
