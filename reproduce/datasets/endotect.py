"""EndoTect's 200 test images with polyps, and 20 of HyperKvasir without one, whose masks are empty.

`images`, `masks`, `negative_images`, `negative_masks`; JPEG images, PNG masks of the same names.
The copy of agaldran/lesion_losses_ood, whose readme says that images were resized (there the
polyp-free ones are called `ulcerative-colitis_*`). An excerpt in the same layout is read as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from reproduce.contracts import Archive, Case, CaseList, Dataset, Sample

COMMIT = "54d860a40e7a397e7ca1c04898d30e4f42b28320"
PARTS = {"all": ("", "negative_"), "polyps": ("",), "negatives": ("negative_",)}


class EndoTect(Dataset):
    """Plugin `endotect`. Masks are JPEG-like grey images thresholded above half of white."""

    name = "endotect"
    version = 1
    title = "EndoTect 2020 test images, with polyp-free ones"
    licence = "CC-BY-4.0"
    access = (
        "Take data_endotect/test of github.com/agaldran/lesion_losses_ood (from HyperKvasir, "
        "CC-BY-4.0) and call ulcerative-colitis_images and _masks negative_images and _masks."
    )
    homepage: str | None = "https://endotect.com/"
    modalities = ("endoscopy",)
    labels = ("polyp",)
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        "all": "images with polyps and without: 200 and 20 in the copy, chosen by its author",
        "polyps": "those with polyps: the test set of EndoTect",
        "negatives": "those without: ulcerative colitis in HyperKvasir",
    }
    may_show_images = True
    archives = (
        Archive(
            file=f"lesion_losses_ood-{COMMIT}.tar.gz",
            urls=(f"https://codeload.github.com/agaldran/lesion_losses_ood/tar.gz/{COMMIT}",),
            folders={
                f"*/data_endotect/test/{there}": here
                for there, here in (
                    ("images", "images"),
                    ("masks", "masks"),
                    ("ulcerative-colitis_images", "negative_images"),
                    ("ulcerative-colitis_masks", "negative_masks"),
                )
            },
            content="7f7256a514c88715615e7c216e2a45c44083d9aa069116c28e4f7896c1efe010",
            source="hashed from the repository at this commit, 2026-11-20",
        ),
    )
    case_lists = tuple(
        CaseList(split, sha256, f"agaldran/lesion_losses_ood @ {COMMIT}, which released this copy")
        for split, sha256 in (
            ("all", "4fd856dc28390327adc047d26e33bcd3b298a347f7d431c3e6b7cc0b414bec65"),
            ("polyps", "77b6e800e6baaf6e3f856a7700c7978b0cbdef965928b7eec40ede72fe278c6b"),
            ("negatives", "ba6d53755fdff786923dce18dcf8f46e0c2d1362c7a9b719b854ca3d15378835"),
        )
    )

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by file name. Raises `InputError` for images without masks and the reverse."""
        from reproduce.readers.pairs import paired_cases

        self.need_split(split)
        found = [
            case
            for part in PARTS[split]
            for case in paired_cases(self, root / f"{part}images", root / f"{part}masks", None)
        ]
        return sorted(found, key=lambda case: case.id)

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image and polyp mask (empty for a polyp-free image)."""
        from reproduce.readers.pairs import load_pair

        return load_pair(case, "polyp")


PLUGIN = EndoTect()
