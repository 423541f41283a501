"""What adapters of SAM 2's predictor for video declare alike."""

from __future__ import annotations

from functools import partial

from reproduce.contracts import Option
from reproduce.models.declaring import DeclaredAdapter

#: An adapter whose model `reproduce.models.sam2_video` builds.
video_adapter = partial(
    DeclaredAdapter,
    layouts=("model", "flat"),
    dimensionality="3d",
    builder="reproduce.models.sam2_video:build",
)


def holes(kept: str | None = None) -> Option:
    """What becomes of small holes; `kept`: the word for keeping them, None: no claim has one."""
    without = "" if kept else " (which no claim's word is for)"
    return Option(
        "filled",
        "holes of up to 8 px of the low-resolution masks: filled, as the released code does "
        f"where its CUDA extension is compiled, or kept{without}",
        ("filled", "kept"),
        {"postprocessing": {"kept": kept} if kept else {}},
    )
