"""The claims that can be run once a user has data and weights: their records name what is here."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.registry import Registry
from reproduce.planning.planned import comparison_of
from reproduce.planning.recipes import Request, _title, find_claims, group, recipe


def test_the_title_of_a_run_is_in_words(root: Path) -> None:
    ((project, claim),) = find_claims(Registry.load(root), "lwnet/validation-dice")
    item = recipe(project, claim, Request(adapter={"flips": True}, grid="original"))
    assert _title(item).endswith("(lwnet-val, on the original grid, with flips)")


@pytest.mark.parametrize(
    ("project", "dataset", "split", "runs"),
    [("samed", "synapse", "test", 3), ("polyp-sam", "polyp", "etis", 1)],
)
def test_claims_resolve_to_splits_and_classes_of_the_plugin(
    root: Path, project: str, dataset: str, split: str, runs: int
) -> None:
    claims = [c for c in find_claims(Registry.load(root), project) if c[1].state != "blocked"]
    found = [recipe(*claim, Request()) for claim in claims]
    assert found
    for item in found:
        assert item.dataset.name == dataset
        assert item.protocol.split == split
        assert item.protocol.split in item.dataset.splits
        assert item.claim.label is None or item.claim.label in item.dataset.labels
        assert comparison_of(item).differences == []
    assert len(group(found)) == runs
    if project == "samed":
        # One surface, that of the whole volume: a 2D one does not fit what is scored.
        assert {s for item in found for s in item.protocol.surfaces} == {"edge/unit/3d"}


def test_clicks_of_sam_med2d_have_a_profile(root: Path) -> None:
    registry = Registry.load(root)
    for name, rounds in (("internal-pt3", 3), ("internal-pt5", 5)):
        (claim,) = find_claims(registry, f"sam-med2d/{name}")
        profile = recipe(*claim, Request()).profile
        assert profile is not None
        assert (profile.rounds, profile.random) == (rounds, True)


def test_surfaces_of_prompted_volumes_are_those_of_the_whole_volume(root: Path) -> None:
    import msgspec

    ((project, claim),) = find_claims(Registry.load(root), "sam-med2d/internal-box")
    field = msgspec.structs.replace(claim.protocol.metric_profile, value="transunet/1")
    protocol = msgspec.structs.replace(claim.protocol, metric_profile=field)
    assert claim.run is not None
    options = msgspec.structs.replace(claim.run, dataset_plugin="npz")
    volume = msgspec.structs.replace(
        claim, metric="hd95", scale=1, protocol=protocol, run=options, split="all"
    )
    assert recipe(project, volume, Request()).protocol.surfaces == ["edge/unit/3d"]
