"""Rows and facts become works: versions, tags with their provenance, links, numbers.

Nothing is decided here that a person should decide: which rows are one work, which value holds
where two facts differ, what is out of scope, which link is wrong, all that is read from
`catalog/decisions`. Where a decision is missing, a finding says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from catalog import addresses as web
from catalog import identifiers
from catalog.errors import Finding, InputError
from catalog.importer import notes, venues
from catalog.importer.decisions import Correction, Decisions, Merge, Page
from catalog.importer.facts import FACTS, Fact
from catalog.importer.rows import Row
from catalog.records import TAG_FIELDS, Ids, Inclusion, Links, Paper, Reported, Tag, Version
from catalog.slugs import slugify, work_slug
from catalog.titles import normal_title
from catalog.vocabulary import canonical


@dataclass(slots=True)
class Works:
    """What an import makes of the list, before it is compared with what is there."""

    papers: list[Paper] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    merges: dict[int, Merge] = field(default_factory=dict)  # row -> the merge it is part of


def build_works(rows: list[Row], facts: dict[int, Fact], decisions: Decisions) -> Works:
    """All works of the list in the order of their leading rows, with ids that are stable."""
    works = Works()
    by_line = {row.line: row for row in rows}
    for merge in decisions.merges:
        for line in merge.rows:
            works.merges[line] = merge
    corrections: dict[int, list[Correction]] = {}
    for correction in decisions.corrections:
        for line in correction.rows:
            corrections.setdefault(line, []).append(correction)
    for row in rows:
        merge_of_row = works.merges.get(row.line)
        if merge_of_row and merge_of_row.rows[0] != row.line:
            continue
        wanted = merge_of_row.rows if merge_of_row else [row.line]
        if gone := [line for line in wanted if line not in by_line]:
            raise InputError(
                f"rows.md: rows {', '.join(map(str, wanted))} were decided to be one work, "
                f"but line {gone[0]} holds no row. Is the file cut short? If its lines have moved, "
                "bring catalog/decisions up to date."
            )
        group = [by_line[line] for line in wanted]
        builder = _Builder(group, facts, corrections, merge_of_row, decisions, works.findings)
        works.papers.append(builder.paper())
    _assign_ids(works.papers)
    return works


def _assign_ids(papers: list[Paper]) -> None:
    """Short name where it is nobody else's; names that differ only in separators are contested."""
    count: dict[str, int] = {}
    for paper in papers:
        if paper.short_name:
            key = slugify(paper.short_name).replace("-", "")
            count[key] = count.get(key, 0) + 1
    taken = {
        slugify(p.short_name)
        for p in papers
        if p.short_name and count[slugify(p.short_name).replace("-", "")] > 1
    }
    for paper in papers:
        author = paper.authors[0] if paper.authors else None
        year = (paper.versions[0].date or "")[:4] if paper.versions else ""
        paper.id = work_slug(paper.title, paper.short_name, author, year, taken)
        taken.add(paper.id)


class _Builder:
    """One work out of its rows (the first leads) and their facts."""

    def __init__(
        self,
        rows: list[Row],
        facts: dict[int, Fact],
        corrections: dict[int, list[Correction]],
        merge: Merge | None,
        decisions: Decisions,
        findings: list[Finding],
    ) -> None:
        self.rows = rows
        self.lead = rows[0]
        self.facts: list[tuple[int, Fact]] = []
        for row in rows:
            fact = facts.get(row.line)
            if fact and all(fact is not seen for _, seen in self.facts):
                self.facts.append((row.line, fact))
        self.corrections = {row.line: corrections.get(row.line, []) for row in rows}
        self.merge = merge
        self.decisions = decisions
        self.findings = findings

    def paper(self) -> Paper:
        title, aliases = self._titles()
        authors, complete = self._authors()
        paper = Paper(
            id="",
            title=title,
            short_name=next((f.short_name for _, f in self.facts if f.short_name), None),
            title_aliases=aliases,
            authors=authors,
            authors_complete=complete,
            versions=self._versions(title),
            links=self._links(),
            reported=self._reported(),
            section=self.lead.section,
            rows=sorted(row.line for row in self.rows),
            inclusion=self._inclusion(),
            sources=self._sources(),
            note=self._notes(),
        )
        for name in TAG_FIELDS:
            setattr(paper, name, self._tag(name))
        return paper

    # ------------------------------------------------------------------------------- parts

    def _correct(self, line: int) -> list[Correction]:
        return self.corrections.get(line, [])

    def _note(self, line: int, code: str, message: str, path: str = "", hint: str = "") -> None:
        self.findings.append(Finding("rows.md", line, path, code, message, hint, "warning"))

    def _notes(self) -> str | None:
        """The facts' notes as a reader understands them, each said once."""
        told = [self._plain(fact.row, fact.note) for _, fact in self.facts]
        return " ".join(dict.fromkeys(filter(None, told))) or None

    def _plain(self, line: int, text: str | None, path: str = "note") -> str | None:
        """A collector's words in a reader's; L052 where the rules for that do not reach."""
        plain = notes.for_readers(text, self.decisions.notes) if text else None
        if word := notes.left_over(plain, self.decisions.notes):
            self._note(
                line,
                "L052",
                f"{word!r} is a word of the collectors: {plain}",
                path,
                "Say it for readers in catalog/decisions/notes.yaml.",
            )
        return plain

    def _sources(self) -> list[str]:
        told = [s for _, f in self.facts for s in f.sources]
        return list(dict.fromkeys([*told, *(page.url for page in self._pages())]))

    def _titles(self) -> tuple[str, list[str]]:
        """The current title and every other one under which readers may know the work."""
        current = self.facts[0][1].title if self.facts else None
        title = current or self.lead.title
        others = [row.title for row in self.rows]
        for _, fact in self.facts:
            others += [*filter(None, [fact.title]), *fact.title_aliases]
        seen = {normal_title(title)}
        aliases = []
        for other in others:
            key = normal_title(other)
            if key not in seen:
                seen.add(key)
                aliases.append(other)
        if aliases and normal_title(self.lead.title) != normal_title(title):
            self._note(self.lead.line, "L036", f"the page has another title: {title!r}", "title")
        return title, aliases

    def _authors(self) -> tuple[list[str], bool]:
        for line, fact in self.facts:
            if fact.authors:
                row = next(r for r in self.rows if r.line == line or line in (fact.row, *fact.rows))
                self._compare_authors(row, fact)
                return list(fact.authors), True
        for page in self._pages():
            if page.authors:
                return list(page.authors), True
        return list(self.lead.authors), not self.lead.et_al

    def _pages(self) -> list[Page]:
        """The pages that people found for rows whose links are wrong."""
        return [c.page for row in self.rows for c in self._correct(row.line) if c.page]

    def _compare_authors(self, row: Row, fact: Fact) -> None:
        if not row.authors:
            return
        listed = slugify(row.authors[0]).split("-")[-1]
        first = slugify(fact.authors[0])
        if listed not in first.split("-") and not first.endswith(listed):
            decided = any(c.authors for c in self._correct(row.line))
            hint = "Decided: the page is right." if decided else "No decision yet."
            self._note(
                row.line,
                "L023",
                f"the list says {row.authors[0]}, the page {fact.authors[0]}",
                "authors",
                hint,
            )
        if row.et_al and len(fact.authors) == 1:
            self._note(row.line, "L024", "et al. for a single author", "authors")
        if not row.et_al and len(row.authors) < len(fact.authors):
            self._note(
                row.line,
                "L025",
                f"the list names {len(row.authors)} author(s), the page {len(fact.authors)}",
                "authors",
            )

    def _versions(self, title: str) -> list[Version]:
        rules = self.decisions.venues
        found: list[Version] = []

        def add(version: Version) -> None:
            for known in found:
                if (known.kind == "preprint" and version.kind == "preprint") or _same_ids(
                    known, version
                ):
                    if known.kind == "preprint" and not _same_ids(known, version):
                        continue
                    _complete(known, version)
                    return
            found.append(version)

        for row in self.rows:
            version = self._row_version(row, title)
            if version.ids == Ids() and not version.url and self._known_elsewhere():
                continue  # a wrong link: the facts know where the work really is
            add(version)
        for _, fact in self.facts:
            if fact.arxiv:
                date = fact.submitted or identifiers.arxiv_month(fact.arxiv)
                add(Version(kind="preprint", ids=Ids(arxiv=fact.arxiv), date=date))
        for _, fact in self.facts:
            if fact.venue or fact.doi_published:
                self._published(fact, found)
        for version in found:
            if version.kind == "unknown" and version.venue:
                version.kind = venues.kind_of(version.venue, rules)
        order = {"preprint": 0, "workshop": 1, "conference": 2, "unknown": 3, "journal": 4}
        found.sort(key=lambda v: (order[v.kind], v.date or ""))
        found[-1].cite = True
        return found

    def _known_elsewhere(self) -> bool:
        return any(fact.arxiv or fact.doi_published for _, fact in self.facts)

    def _row_version(self, row: Row, title: str) -> Version:
        rules = self.decisions.venues
        other = (
            row.title
            if len(self.rows) > 1 and normal_title(row.title) != normal_title(title)
            else None
        )
        dropped = any(c.drop_link_ids for c in self._correct(row.line))
        if dropped:
            self._note(row.line, "L040", "the link belongs to another work", "url", "Not taken.")
            page = next((c.page for c in self._correct(row.line) if c.page), None)
            return Version(
                kind=page.kind if page else "unknown",
                url=page.url if page else None,
                date=row.date,
                title=other,
            )
        ids = Ids(**{i.kind: i.value for i in row.ids if i.kind in Ids.__struct_fields__})
        if ids.arxiv:
            month = identifiers.arxiv_month(ids.arxiv)
            return Version(kind="preprint", ids=ids, date=month, title=other)
        venue, kind = venues.venue_of_address(row.url, row.date[:4], rules)
        if ids.doi and not venue:
            venue, kind = venues.venue_of_doi(ids.doi, row.date[:4], rules)
        landing = bool(row.ids)
        return Version(
            kind=kind,
            ids=ids,
            venue=venue,
            date=row.date,
            title=other,
            url=None if landing else web.landing_of_pdf(row.url) or row.url,
        )

    def _published(self, fact: Fact, found: list[Version]) -> None:
        """Put venue and DOI of the facts on the published version; add it if there is none."""
        rules = self.decisions.venues
        doi = identifiers.doi(fact.doi_published) if fact.doi_published else None
        venue = venues.spelled(fact.venue, rules) if fact.venue else None
        if venue and venue != fact.venue:
            self._note(fact.row, "L037", f"venue {fact.venue!r} is spelled {venue!r}", "venue")
        if doi and not venue:
            venue = venues.venue_of_doi(doi, (found[0].date or "")[:4], rules)[0]
        published = next((v for v in found if v.kind != "preprint"), None)
        if published is None:
            published = Version(kind="unknown", date=venues.year_of(venue))
            found.append(published)
        if published.ids.doi and doi and published.ids.doi != doi:
            self._note(
                fact.row, "L038", f"DOI {published.ids.doi} in the list, {doi} on the page", "doi"
            )
        elif doi:
            published.ids.doi = doi
        if venue:
            published.venue = _more_telling(venue, published.venue)
            published.kind = venues.kind_of(venue, rules)

    def _links(self) -> Links:
        links: dict[str, list[str]] = {}
        listed = list(dict.fromkeys(url for row in self.rows for url in row.codes))
        for decision in self.decisions.code_links:
            if decision.belongs_to is None:
                continue
            if decision.url in listed and any(r.line == decision.row for r in self.rows):
                listed.remove(decision.url)
            if any(r.line == decision.belongs_to for r in self.rows):
                listed.append(decision.url)
        told = [(fact.row, fact.code.rstrip("/")) for _, fact in self.facts if fact.code]
        for line, url in told:
            repository = identifiers.github(url)
            page = f"https://github.com/{repository}" if repository else url
            if page.lower() not in {u.lower() for u in listed}:
                code, message = "L043", f"the list says None, the page names {page}"
                if listed:
                    code, message = "L042", f"the page names {page}, the list {', '.join(listed)}"
                self._note(line, code, message, "code")
                listed.append(page)
        for url in listed:
            kind = "code"
            if not identifiers.github(url):
                decided = self.decisions.links.get(url)
                kind = decided.kind if decided else "page"
                if not decided:
                    self._note(self.lead.line, "L019", f"{url}: no decision what it is", "code")
            links.setdefault(kind, []).append(url)
        return Links(**links)

    def _reported(self) -> list[Reported]:
        """Numbers as printed; one that two rows of a work repeat counts once."""
        numbers: dict[tuple[object, ...], Reported] = {}
        for line, fact in self.facts:
            scales: dict[str, str] = {}
            for correction in self._correct(line):
                scales |= correction.reported_scale
            for number in fact.reported:
                scale = number.scale or scales.get(number.metric)
                key = (number.metric, number.value, scale, fact.row if number.value is None else 0)
                if key not in numbers:
                    numbers[key] = Reported(
                        metric=number.metric,
                        value=number.value,
                        scale=scale,  # type: ignore[arg-type] # checked when the record is read back
                        dataset=self._dataset(fact.row, number.dataset),
                        where=number.where,
                        note=self._remark(fact.row, number.note),
                    )
        return list(numbers.values())

    def _remark(self, line: int, text: str | None) -> str | None:
        """What is said beside a number: a phrase and no sentence, as it was where it was."""
        plain = self._plain(line, text, "reported")
        if not text or not plain:
            return None
        plain = plain if text.endswith(".") else plain.removesuffix(".")
        return plain[0].lower() + plain[1:] if text[0].islower() else plain

    def _dataset(self, line: int, name: str | None) -> str | None:
        name = self._remark(line, name)
        return canonical("datasets", name) if name else None

    def _inclusion(self) -> Inclusion:
        for scope in self.decisions.scope:
            if any(row.line in scope.rows for row in self.rows):
                return Inclusion(decision=scope.decision, reason=scope.reason)
        for line, fact in self.facts:
            if fact.note and ("scope" in fact.note.lower()):
                self._note(
                    fact.row, "L051", "a doubt about the scope without a decision", "inclusion"
                )
                return Inclusion(decision="undecided", reason=self._plain(line, fact.note))
        return Inclusion(decision="include")

    # -------------------------------------------------------------------------------- tags

    def _tag(self, name: str) -> Tag | None:
        candidates: list[tuple[int, list[str], str]] = []
        touched = False
        for line, fact in self.facts:
            values = getattr(fact, name)
            evidence: str = fact.evidence
            for correction in self._correct(line):
                evidence = correction.evidence or evidence
                if name in correction.add:
                    extra = [v for v in correction.add[name] if v not in (values or [])]
                    values = [*(values or []), *extra]
                    touched = touched or bool(extra)
                if name in correction.remove and values:
                    kept = [v for v in values if v not in correction.remove[name]]
                    touched = touched or kept != values
                    values = kept or None
            if values:
                candidates.append((line, [canonical(name, v) for v in values], evidence))
        if not candidates:
            return None
        line, values, evidence = candidates[0]
        for other_line, other, other_evidence in candidates[1:]:
            if set(other) == set(values):
                if other_evidence == "abstract":
                    evidence = "abstract"
                continue
            decided = self.merge.resolve.get(name) if self.merge else None
            if decided:
                values, touched = [canonical(name, v) for v in decided.value], True
                continue
            self.findings.append(
                Finding(
                    FACTS,
                    None,
                    f"rows {line} and {other_line}: {name}",
                    "L050",
                    f"contradiction: {values} and {other}",
                    "Decide it under `resolve` in catalog/decisions/merges.yaml.",
                )
            )
        provenance = "curator" if touched else evidence
        return Tag(values=list(dict.fromkeys(values)), provenance=provenance)  # type: ignore[arg-type] # one of the literals


def _same_ids(one: Version, other: Version) -> bool:
    return any(
        getattr(one.ids, kind) is not None and getattr(one.ids, kind) == getattr(other.ids, kind)
        for kind in Ids.__struct_fields__
    )


def _complete(known: Version, new: Version) -> None:
    """Take from `new` what `known` lacks; of two dates that agree the more precise one."""
    for kind in Ids.__struct_fields__:
        if getattr(known.ids, kind) is None:
            setattr(known.ids, kind, getattr(new.ids, kind))
    if new.date and (not known.date or len(new.date) > len(known.date)):
        known.date = new.date
    known.venue = known.venue or new.venue
    known.url = known.url or new.url
    known.title = known.title or new.title


def _more_telling(venue: str, known: str | None) -> str:
    """`ICCV 2025 Workshops (CVAMD)` read off an address tells more than `ICCV 2025 Workshops`."""
    return known if known and known.startswith(venue) and len(known) > len(venue) else venue
