"""What a run was asked to do otherwise than a claim says, in words.

Such a run measures something, but it does not answer the claim.
"""

from __future__ import annotations

from reproduce import wording
from reproduce.models.declaring import resolve_options
from reproduce.running.planes import declared_grid
from reproduce.running.planning import Recipe, Request


def differing(item: Recipe, request: Request) -> list[str]:
    """Each override that keeps a run from serving the claim of `item`; [] where it serves it."""
    if item.faithful:
        return []
    run = item.claim.run
    own = resolve_options(item.adapter, {} if run is None else run.adapter)
    claimed = {} if run is None else run.dataset
    pairs = [
        (name, own[name], value)
        for name, value in item.adapter_options.items()
        if own[name] != value
    ]
    pairs += [
        (name, claimed.get(name), value)
        for name, value in request.dataset.items()
        if claimed.get(name) != value
    ]
    protocol = item.claim.protocol
    for name, stated, given in (
        ("split", item.claim.split, request.split),
        ("grid", protocol.grid.value or "original", request.grid),
        (
            "prompt_grid",
            declared_grid(item.adapter, item.adapter_options),
            request.prompt_grid,
        ),
        ("prompt profile", protocol.prompt_profile.value, request.prompt_profile),
    ):
        if given is not None and given != stated:
            pairs.append((name, stated, given))
    found = [
        f"{wording.name(name)} is {wording.value(given)}, the claim's is {wording.value(stated)}"
        for name, stated, given in pairs
    ]
    found += item.flags
    if request.limit is not None:
        found.append(f"only the first {request.limit} cases were asked for (--limit)")
    return found or ["something the claim fixes was asked for otherwise (--set)"]
