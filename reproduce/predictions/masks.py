"""A predicted file as one mask (or probability map) per class, on the reference's grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError, UsageError
from reproduce.contracts import Geometry
from reproduce.predictions.request import Request, Resample
from reproduce.predictions.truths import Truth
from reproduce.readers import ClassMap, MaskFile, difference
from reproduce.readers.classes import Key, declared_in
from reproduce.readers.rules import class_numbers, distinct, one_class, probabilities

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Masks = dict[str, "NDArray[Any]"]


def predicted_masks(
    request: Request, found: MaskFile, truth: Truth, names: ClassMap | None
) -> Masks:
    """Masks of all classes of the reference; an object that the file lacks is empty.

    found  as it was read, or an array that was given
    names  what class numbers mean in the reference; None: nothing says it

    Raises `InputError` naming the file for another grid and for numbers or segments that are no
    class, `UsageError` where nothing says which number is which class.
    """
    found = _on_grid(found, truth.geometry, request.resample)
    if request.kind == "probability":
        if len(truth.masks) != 1:
            raise InputError(f"{found.path}: one probability map for {len(truth.masks)} classes.")
        return {next(iter(truth.masks)): probabilities(found, request.scale or 1)}
    if found.segments:
        return _segments(found, truth, request)
    own = _names(request, truth, names)
    if own is None:
        (only,) = truth.masks
        return {only: one_class(found, label=only)}
    return _numbers(found, truth, own, request)


def _names(request: Request, truth: Truth, names: ClassMap | None) -> ClassMap | None:
    """What class numbers mean in the predictions: as asked for, else what labels.json or
    dataset.json beside them says, else as in the reference; None: there is one class.

    Raises `UsageError` where nothing says it, or other classes are named than the reference has.
    """
    if request.labels:
        return ClassMap.of(request.labels, "--label")
    found = declared_in(request.predictions) or names
    if found is not None:
        wanted = set(request.classes)
        if set(found.classes) <= set(truth.masks) or (wanted and wanted <= set(found.classes)):
            return found
    if len(truth.masks) == 1:
        return None
    raise UsageError(
        f"the reference has the classes {', '.join(truth.masks)}: say which number is which, "
        + " ".join(f"--label {n}={name}" for n, name in enumerate(list(truth.masks)[:2], 1))
        + " ..."
    )


def _numbers(found: MaskFile, truth: Truth, names: ClassMap, request: Request) -> Masks:
    """The classes of a file of numbers. With a choice of classes, other numbers are background."""
    import numpy as np

    wanted = request.classes or tuple(truth.masks)
    wrong = sorted(set(names.classes) - set(truth.masks))
    if wrong and not request.classes:
        common = [name for name in names.classes if name in truth.masks]
        both = " ".join(f"--class {name}" for name in common)
        raise InputError(
            f"{found.path}: classes {', '.join(wrong)} are not in the reference, which has "
            f"{', '.join(truth.masks)}." + (f" Score those that both have: {both}" if both else "")
        )
    known = {key for keys in names.classes.values() for key in keys} | {0, *names.ignore}
    others = sorted(set(distinct(class_numbers(found))) - known)
    if others and request.classes:
        background: Mapping[str, tuple[Key, ...]] = {f"{n}?": (n,) for n in others}
        names = ClassMap({**names.classes, **background}, names.ignore)
    elif others and request.labels:
        raise InputError(
            f"{found.path}: label numbers {others[:8]} are not in the map {names.told()}. Name "
            f"them with --label, or score only some classes: --class {next(iter(names.classes))}"
        )
    masks: Masks = dict(names.read(found).masks)
    empty = np.zeros(found.geometry.shape, bool)
    return {name: masks.get(name, empty) for name in truth.masks if name in wanted or name in masks}


def _segments(found: MaskFile, truth: Truth, request: Request) -> Masks:
    """Named segments by class; `labels` may map segment numbers, from 1, to classes."""
    import numpy as np

    labels = {str(number): str(name) for number, name in request.labels.items()}
    named: dict[str, NDArray[np.bool_]] = {}
    for number, (segment, mask) in enumerate(found.segments.items(), start=1):
        name = labels.get(str(number), labels.get(segment, segment))
        named[name] = named[name] | mask if name in named else mask
    if len(named) == 1 and len(truth.masks) == 1:
        named = {next(iter(truth.masks)): next(iter(named.values()))}
    unknown = sorted(set(named) - set(truth.masks))
    if unknown and not request.classes:
        raise InputError(
            f"{found.path}: segments {', '.join(unknown)} are no class of the reference "
            f"({', '.join(truth.masks)}). Say which is which with --label "
            f"'1={next(iter(truth.masks))}' ..."
        )
    empty = np.zeros(found.geometry.shape, bool)
    return {name: named.get(name, empty) for name in truth.masks}


def _on_grid(found: MaskFile, reference: Geometry, resample: Resample | None) -> MaskFile:
    """The mask on the reference's grid. Raises `InputError` with the difference."""
    geometry = found.geometry
    # A 2D case as a volume of one slice, or the reverse, is the same grid.
    if geometry.shape != reference.shape and geometry.shape[-2:] == reference.shape[-2:]:
        lead = {geometry.shape[:-2], reference.shape[:-2]}
        if lead == {(), (1,)}:
            return found.moved(
                Geometry(reference.shape), lambda array: array.reshape(reference.shape)
            )
    off = difference(geometry, reference)
    if off is None:
        return found
    if resample is None:
        raise InputError(
            f"{found.path}: the prediction lies on another grid than the reference: {off}. Bring "
            "it to the reference's grid, or ask for it by name: --resample nearest (recorded)."
        )
    from reproduce.readers.resampling import resampled

    return resampled(found, reference)
