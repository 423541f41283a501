"""The registry: works, their code releases, printed numbers and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import UsageError
from catalog.facets import TAG_FACETS, Filters, Work, nearest, without_paper, works
from catalog.lookup import named_claims, named_project
from catalog.records import Claim, Project, Verdict
from catalog.registry import Registry, find_root
from catalog.runnable import Line, releases
from catalog.shipped import stamp_of
from sam4mis.beginning import begin

if TYPE_CHECKING:
    from catalog.search import Index

_FACETS = (*TAG_FACETS, "prompt", "verdict", "licence", "weights-licence")
_OTHERS = {"author": "author", "has_code": "code", "has_weights": "weights", "year": "year"}


def load(root: str | Path | None = None) -> Catalog:
    """Read the registry.

    root
        Its folder. None: `$SAM4MIS_ROOT`, else the clone around the working folder, else the
        snapshot that the installed package carries.

    Takes about a second the first time, then tens of milliseconds, until a record changes.

    Raises `Sam4misError` where there is no registry, or where a record of it is wrong: file, line
    and what was expected.

    >>> catalog = load()
    >>> len(catalog.works) > 800
    True
    """
    begin()
    return Catalog(Registry.load(find_root() if root is None else Path(root).resolve()))


class Catalog:
    """Everything in one registry, read once. Records are plain objects; change none of them.

    root
        The folder that was read.
    works
        All works, in file order, those that were excluded too. A `Work` has `paper` (title,
        authors, versions, tags, links), `projects` (its code releases) and `verdicts`.
    projects
        All code releases. A `Project` has `repository`, `licences`, `checkpoints`, its protocol
        card and `claims`: printed numbers, each with every convention behind it.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.root = registry.root
        self.works: list[Work] = works(registry)
        self.projects: list[Project] = registry.projects

    @cached_property
    def date(self) -> str | None:
        """`YYYY-MM-DD` of the last change of the registry: of an installed snapshot when it was
        built, of a clone what is committed. None where git knows no history."""
        return stamp_of(self.root).date

    def __repr__(self) -> str:
        day = f" of {self.date}" if self.date else ""
        return f"<Catalog{day}: {len(self.works)} works, {len(self.projects)} code releases>"

    def work(self, name: str) -> Work:
        """One work, by its id, short name, arXiv number, DOI or address.

        Raises `Sam4misError` where none or several are called so, with the nearest names.

        >>> load().work("2304.12306").paper.short_name
        'MedSAM'
        """
        from catalog.lookup import find

        found, project = find(name, self.works, [])
        assert found is not None, project
        return found

    def project(self, slug: str) -> Project:
        """One code release by its slug or name in any spelling, or its repository's address.

        Raises `Sam4misError` for one that is not there, with the nearest names.

        >>> load().project("medsam").repository.url
        'https://github.com/bowang-lab/MedSAM'
        """
        return named_project(slug, self.projects)

    def claim(self, name: str) -> Claim:
        """A printed number by `project/claim`.

        `value` is as printed, `fraction` between 0 and 1; `protocol` holds the conventions.

        Raises `Sam4misError` for one that is not there, with the nearest names.

        >>> claim = load().claim("lwnet/validation-dice")
        >>> claim.value, claim.metric, claim.protocol.threshold.evidence
        (80.96, 'dice', 'from-code')
        """
        _, claim = self._named(name)
        return claim

    def verdict(self, claim: str) -> Verdict | None:
        """What the rule says of a claim (`project/claim`): `state`, `reported`, `measured`,
        `comparability`, `reason`. None: no run answers it.

        Raises `Sam4misError` for a claim that is not there.
        """
        project, one = self._named(claim)
        name = f"{project.slug}/{one.id}"
        return next((v for v in self.registry.verdicts if v.claim == name), None)

    def find(self, text: str = "", **filters: str | bool | Iterable[str]) -> list[Work]:
        """Works that hold every word of `text`, best first, and pass the filters.

        text
            Words of a title (old or new), author, tag, name or identifier; forgives typos.
            "": every work that passes, in file order.
        filters
            As `sam4mis list` has them, with `_` for `-`: `modality`, `region`, `target`,
            `dimensionality`, `base_model`, `adaptation`, `contribution`, `supervision`, `task`,
            `dataset`, `prompt`, `verdict`, `licence`, `weights_licence` (a value, or several of
            which one is enough), `year` ("2024", "2023-2025", "2024-"), `author`, `has_code` and
            `has_weights` (True, False).

        Works that were excluded are left out. Raises `Sam4misError` for a filter or a value that
        nobody knows, with the nearest ones.

        >>> catalog = load()
        >>> catalog.find("medsam")[0].paper.id
        'medsam'
        >>> found = catalog.find(modality="ultrasound", has_weights=True)
        >>> all(work.weights for work in found)
        True
        """
        kept = _filters(filters).apply(self._everything)
        if not text:
            return [work for work in kept if not work.of_project]
        if filters:
            from catalog.search import Index

            return [hit.work for hit in Index(kept).search(text)]
        return [hit.work for hit in self._index.search(text)]

    def models(
        self, *, runs: bool | None = None, **filters: str | bool | Iterable[str]
    ) -> list[Line]:
        """Code releases of the field with public weights, by family.

        runs
            True: only those that an adapter runs here; False: only the others.
        filters
            As in `find`, of the works that a release belongs to.

        Each has `project`, `runs`, `why` (it does not run), `lifts` (what would change that) and
        `remarks` (what to look at first).

        >>> "medsam" in [line.project.slug for line in load().models(runs=True)]
        True
        """
        passed = _filters(filters).apply(self._everything)
        slugs = {project.slug for work in passed for project in work.projects}
        return [
            line
            for line in releases(self.projects)
            if runs in (None, line.runs) and (not filters or line.project.slug in slugs)
        ]

    def _named(self, claim: str) -> tuple[Project, Claim]:
        project, found = named_claims(claim, self.projects)
        if len(found) != 1:
            known = [f"{project.slug}/{one.id}" for one in found]
            some = f" It has {len(known)}, such as {known[0]}." if known else " It has none."
            raise UsageError(f"{claim}: expected one printed number, as project/claim.{some}")
        return project, found[0]

    @cached_property
    def _everything(self) -> list[Work]:
        return [*self.works, *without_paper(self.registry, self.works)]

    @cached_property
    def _index(self) -> Index:
        from catalog.search import Index

        return Index.kept(self.registry, Filters().apply(self._everything))


def _filters(given: Mapping[str, str | bool | Iterable[str]]) -> Filters:
    """Keyword arguments as filters. Raises `UsageError` for a name that there is not."""
    filters = Filters()
    for name, value in given.items():
        facet = name.replace("_", "-")
        if facet in _FACETS and not isinstance(value, bool):
            filters.facets[facet] = [value] if isinstance(value, str) else list(value)
        elif name in _OTHERS:
            setattr(filters, _OTHERS[name], value)
        else:
            known = sorted([*(f.replace("-", "_") for f in _FACETS), *_OTHERS])
            near = nearest(name, known) or known
            raise UsageError(f"no filter {name}={value!r}. Did you mean {' or '.join(near)}?")
    return filters
