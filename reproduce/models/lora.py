"""LoRA weights of SAM releases, merged into the layers they belong to.

A pair of matrices A (rank, in) and B (out, rank) stands for adding B @ A to a weight (out, in).
Releases save the pairs by number; the numbering is that of the loops that made them:

- `w_a_000`, `w_b_000`, `w_a_001`, ...: encoder block by block, first q, then v
- `sa_`, `cti_`, `cit_` (SAMed_s): decoder layer by layer, first q, then v, of self attention and
  of the attention from tokens to image and from image to tokens; `fati_` the final attention
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

from catalog.errors import InputError

ENCODER = "image_encoder.blocks.{}.attn.qkv.weight"
DECODER = "mask_decoder.transformer.layers.{}.{}.{}_proj.weight"
FINAL = "mask_decoder.transformer.final_attn_token_to_image.{}_proj.weight"
ATTENTIONS = {
    "sa": "self_attn",
    "cti": "cross_attn_token_to_image",
    "cit": "cross_attn_image_to_token",
}
_NUMBERED = re.compile(r"(w|sa|cti|cit)_([ab])_(\d{3,})")
_FINAL = re.compile(r"fati_([qv])([ab])")


def is_lora(key: str) -> bool:
    """Whether a tensor of that name is half of a pair.

    >>> is_lora("w_a_000"), is_lora("fati_qb"), is_lora("mask_decoder.iou_token.weight")
    (True, True, False)
    """
    return bool(_NUMBERED.fullmatch(key) or _FINAL.fullmatch(key))


def merge(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict with all pairs merged and their tensors gone; other tensors are passed on.

    Raises `InputError` for a half pair, a pair whose layer is absent, shapes that do not fit, and
    layers that were left out in the middle (a truncated file).
    """
    merged = {key: value for key, value in state.items() if not is_lora(key)}
    halves = {key: value for key, value in state.items() if is_lora(key)}
    problems: list[str] = []
    for a_key in sorted(halves):
        if not _is_half(a_key, "a"):
            continue
        b_key, target, part = _partner(a_key)
        if b_key not in halves:
            problems.append(f"{a_key} has no {b_key}")
        elif target not in merged:
            problems.append(f"{a_key} belongs to {target}, which the checkpoint does not have")
        else:
            problem = _add(merged, target, part, halves[a_key], halves[b_key])
            if problem:
                problems.append(f"{a_key}, {b_key}: {problem}")
    problems += [
        f"{key} has no {_other(key)}"
        for key in sorted(halves)
        if _is_half(key, "b") and _other(key) not in halves
    ]
    problems += _gaps(merged, halves)
    if problems:
        raise InputError(
            f"the LoRA tensors do not fit the base checkpoint ({len(halves)} tensors of pairs, "
            f"{len(merged)} others):\n  " + "\n  ".join(problems) + "\nCheck that LoRA file and "
            "base checkpoint belong to the same size of SAM, and that the file is whole."
        )
    return merged


_WRAPPED = re.compile(r"(.*image_encoder\.blocks\.\d+\.attn\.qkv)\.linear_([ab])_([qv])\.weight")


def number_wrapped(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict saved from a model with its LoRA layers in place, under the numbered names.

    `attn.qkv.qkv.weight` becomes `attn.qkv.weight`, `attn.qkv.linear_a_q.weight` `w_a_000` ...

    >>> import torch
    >>> list(number_wrapped({"image_encoder.blocks.3.attn.qkv.linear_b_v.weight": torch.ones(1)}))
    ['w_b_007']
    """
    renamed = {}
    for key, value in state.items():
        if wrapped := _WRAPPED.fullmatch(key):
            block = int(wrapped[1].split(".")[-3])
            key = f"w_{wrapped[2]}_{2 * block + 'qv'.index(wrapped[3]):03d}"
        renamed[key.replace(".attn.qkv.qkv.", ".attn.qkv.")] = value
    return renamed


def merge_loralib(state: Mapping[str, torch.Tensor], parts: str = "qkv") -> dict[str, torch.Tensor]:
    """A state dict with the pairs of `loralib` layers merged into the weights they stand beside.

    `x.lora_A`, `x.lora_B` change `x.weight` by B @ A over the rank (its `lora_alpha` is 1, as by
    default). In a joint qkv layer the pairs of several parts are stacked; `parts` says of which.

    Raises `InputError` for a half pair, a pair without its weight and shapes that do not fit.

    >>> import torch
    >>> one = {"a.weight": torch.zeros(2, 3), "a.lora_A": torch.ones(4, 3)}
    >>> merge_loralib(one | {"a.lora_B": torch.ones(2, 4)})["a.weight"].tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    merged = {k: v for k, v in state.items() if not k.endswith((".lora_A", ".lora_B"))}
    problems = []
    for layer in sorted({k.rpartition(".")[0] for k in state.keys() - merged.keys()}):
        names = f"{layer}.lora_A", f"{layer}.lora_B", f"{layer}.weight"
        if absent := [name for name in names if name not in state]:
            problems.append(f"{layer}: has no {', '.join(absent)}")
            continue
        a, b, weight = (state[name].double() for name in names)
        rank = b.shape[-1]
        pairs = len(a) // rank
        rows = len(weight) if pairs == 1 else len(weight) // 3
        if (a.shape, b.shape) != ((rank * pairs, weight.shape[1]), (rows * pairs, rank)) or (
            pairs not in {1, len(parts)}
        ):
            shapes = ", ".join(str(tuple(state[name].shape)) for name in names)
            problems.append(f"{layer}: A, B and weight do not fit: {shapes}")
            continue
        weight = weight.clone()
        for number, part in enumerate("q" if pairs == 1 else parts):
            start = rows * "qkv".index(part)
            change = b[rows * number :][:rows] @ a[rank * number :][:rank]
            weight[start : start + rows] += change / rank
        merged[names[2]] = weight.to(state[names[2]].dtype)
    if problems:
        raise InputError(
            "the LoRA tensors do not fit the layers they stand beside:\n  " + "\n  ".join(problems)
        )
    return merged


def _is_half(key: str, half: str) -> bool:
    numbered = _NUMBERED.fullmatch(key)
    return numbered[2] == half if numbered else key.endswith(half)


def _other(key: str) -> str:
    swap = {"a": "b", "b": "a"}
    if numbered := _NUMBERED.fullmatch(key):
        return f"{numbered[1]}_{swap[numbered[2]]}_{numbered[3]}"
    return key[:-1] + swap[key[-1]]


def _partner(a_key: str) -> tuple[str, str, str]:
    """(name of B, name of the weight they change, `q` or `v`)."""
    if final := _FINAL.fullmatch(a_key):
        return _other(a_key), FINAL.format(final[1]), final[1]
    numbered = _NUMBERED.fullmatch(a_key)
    assert numbered is not None
    family, number = numbered[1], int(numbered[3])
    part = "qv"[number % 2]
    if family == "w":
        return _other(a_key), ENCODER.format(number // 2), part
    return _other(a_key), DECODER.format(number // 2, ATTENTIONS[family], part), part


def _add(
    state: dict[str, torch.Tensor], target: str, part: str, a: torch.Tensor, b: torch.Tensor
) -> str | None:
    """Add B @ A to the target, or to the q or v rows of a joint qkv weight."""
    weight = state[target]
    rows = weight.shape[0] // 3 if target.endswith("qkv.weight") else weight.shape[0]
    if a.ndim != 2 or b.shape != (rows, a.shape[0]) or a.shape[1] != weight.shape[1]:
        return (
            f"expected (rank, {weight.shape[1]}) and ({rows}, rank) for {target}; "
            f"got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    start = weight.shape[0] - rows if part == "v" else 0
    change = (b.double() @ a.double()).to(weight.dtype)
    weight = weight.clone()
    weight[start : start + rows] += change
    state[target] = weight
    return None


def _gaps(merged: Mapping[str, torch.Tensor], halves: Mapping[str, torch.Tensor]) -> list[str]:
    """Blocks without their pair, where other blocks have one."""
    families = {m[1] for key in halves if (m := _NUMBERED.fullmatch(key))}
    expected = set()
    for family in families:
        pattern = ENCODER if family == "w" else DECODER
        layers = 0
        while pattern.format(layers, ATTENTIONS.get(family), "q") in merged:
            layers += 1
        expected |= {f"{family}_a_{i:03d}" for i in range(2 * layers)}
    if any(_FINAL.fullmatch(key) for key in halves):
        expected |= {"fati_qa", "fati_va"}
    missing = sorted(expected - halves.keys())
    return [f"{len(missing)} missing: {', '.join(missing)}"] if missing else []
