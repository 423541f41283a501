"""Which prediction belongs to which case: by name, never by order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import InputError, PrerequisiteError, UsageError
from reproduce.ground.tables import plain
from reproduce.readers import suffix_of

# What people add to the name of a case to say what a file is. The last is nnU-Net's first channel.
DECORATIONS = frozenset(
    [
        *("mask", "masks", "seg", "segs", "segmentation", "segmentations", "label", "labels"),
        *("pred", "preds", "prediction", "predictions", "predicted", "img", "image", "images"),
        *("gt", "gts", "groundtruth", "ground", "truth", "reference", "ann", "annotation"),
        *("annotations", "manual", "manual1", "manual2", "0000"),
    ]
)
Words = tuple[str, ...]
Owners = Callable[[str, Path], list[str]]


@dataclass(frozen=True, slots=True)
class Pairing:
    """Case id -> file; ids without one; how names were matched where they are not the same."""

    files: dict[str, Path]
    missing: list[str]
    told: str | None = None


def mask_files(folder: Path) -> dict[Path, str]:
    """Mask files of a folder and the folders in it -> path from there without the suffix.

    Raises `PrerequisiteError` where there is no such folder, `InputError` where it has none.
    """
    if not folder.is_dir():
        what = "a file, not a folder" if folder.exists() else "no such folder on this machine"
        raise PrerequisiteError(f"{folder}: {what}; expected masks in it.")
    found = {}
    others = []
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if any(part.startswith(".") for part in place.parts) or not path.is_file():
            continue
        if suffix := suffix_of(path):
            found[path] = plain(place.as_posix())[: -len(suffix)]
        else:
            others.append(place.as_posix())
    if not found:
        other = f" ({', '.join(others[:3])} cannot be read)" if others else ""
        raise InputError(f"{folder}: no mask in it{other}.")
    return found


def pair(
    folder: Path,
    ids: Sequence[str],
    pattern: str | None,
    where: Callable[[Callable[[Sequence[str]], bool]], str],
    otherwise: str = ", or say how with --pattern '{case}_mask.png'",
) -> Pairing:
    """Pair the files of a folder with cases.

    A file belongs to the case whose id is its name; or (without a pattern) to the one case whose
    id is a whole part of its name, parts being runs of letters and digits; or else to the one case
    whose id is that but for words such as `_mask` that all ids have at one end.

    where  says what the cases are of, for messages; it is given a function that says whether the
           files pair with other ids
    otherwise  another way out, for messages

    Raises `InputError` listing files that pair with no case or with several.
    """
    files = mask_files(folder)
    result, problems = _paired(files, _rule(ids, pattern))
    told = None
    if problems and pattern is None and (cores := _cores(ids)):
        core_of, left_out = cores
        by_core, still = _paired(files, _rule(list(core_of), None))
        if not still:
            result = {core_of[core]: path for core, path in by_core.items()}
            problems, told = [], f"by the cases' names without {left_out}"
    if problems:

        def fits(others: Sequence[str]) -> bool:
            return not _paired(files, _rule(others, pattern))[1]

        raise InputError(
            f"{folder}: {len(problems)} of {len(files)} files do not pair with the cases of "
            f"{where(fits)}: {'; '.join(problems[:5])}{' ...' if problems[5:] else ''}. "
            f"Name files like the cases ({', '.join(ids[:3])} ...){otherwise}. "
            "Files are never paired by order."
        )
    longer = next(((i, p) for i, p in result.items() if files[p] != i), None)
    if told is None and longer and pattern is None:
        told = f"by the case's name in the file's: {longer[1].name} is {longer[0]}"
    return Pairing(result, [i for i in ids if i not in result], told)


def _paired(files: Mapping[Path, str], owners: Owners) -> tuple[dict[str, Path], list[str]]:
    """Id -> file, and what does not pair in words."""
    result: dict[str, Path] = {}
    problems = []
    for path, name in files.items():
        of = owners(name, path)
        if len(of) != 1:
            many = f"fits {len(of)} cases ({', '.join(of[:3])})"
            problems.append(f"{path.name} {many if of else 'belongs to no case'}")
        elif of[0] in result:
            problems.append(f"{path.name} and {result[of[0]].name} are both case {of[0]}")
        else:
            result[of[0]] = path
    return result, problems


def _rule(ids: Sequence[str], pattern: str | None) -> Owners:
    """What says which ids a file may belong to."""
    if pattern is not None:
        if "{case}" not in pattern:
            raise UsageError(f"pattern {pattern!r}: expected {{case}} where the case's name goes.")
        return lambda name, path: [
            i for i in ids if f"/{path.as_posix()}".endswith(f"/{pattern.replace('{case}', i)}")
        ]
    known = set(ids)
    by_words: dict[Words, list[str]] = {}
    for i in ids:
        by_words.setdefault(_words(i), []).append(i)
    longest = max(map(len, by_words), default=0)

    def owners(name: str, path: Path) -> list[str]:
        if name in known:
            return [name]
        words = _words(name)
        parts = {
            words[start : start + length]
            for length in range(1, longest + 1)
            for start in range(len(words) - length + 1)
        }
        return [i for part in sorted(parts) for i in by_words.get(part, ())]

    return owners


def _cores(ids: Sequence[str]) -> tuple[dict[str, str], str] | None:
    """Ids without the decorations that all of them have at an end -> id, and what was left out.

    None where there is nothing to leave out, or ids are not told apart without it.
    """
    names = [_words(i) for i in ids]
    before: list[str] = []
    after: list[str] = []
    while _all_decorated(names, 0):
        before.append(names[0][0])
        names = [words[1:] for words in names]
    while _all_decorated(names, -1):
        after.insert(0, names[0][-1])
        names = [words[:-1] for words in names]
    core_of = {"_".join(words): i for words, i in zip(names, ids, strict=True)}
    if not (before or after) or len(core_of) != len(ids):
        return None
    ends = [f"{'_'.join(before)}_"] * bool(before) + [f"_{'_'.join(after)}"] * bool(after)
    return core_of, " and ".join(ends)


def _all_decorated(names: Sequence[Words], end: int) -> bool:
    first = names[0][end : end + 1 or None]
    return (
        bool(first)
        and first[0].lower() in DECORATIONS
        and all(len(words) > 1 and words[end] == first[0] for words in names)
    )


def _words(name: str) -> Words:
    """`p1/slice-003_pred` -> p1, slice, 003, pred."""
    return tuple(re.findall(r"[^\W_]+", name))
