"""Tables of README.md between markers: a digest with a byte budget, made from the registry."""

from __future__ import annotations

import re
from collections.abc import Sequence

from catalog.errors import InputError
from catalog.render.labels import DECIDED
from catalog.render.output import Settings, safe_url
from catalog.render.views import Catalog, PaperView
from catalog.text import clean

#: GitHub cuts a file at 512,000 bytes; a README is read, so it stays far below.
BUDGET = 100_000
#: Rows of the tables, cut further if the budget asks for it.
NEWEST = 25
VERDICTS = 20

NOWHERE = Settings()  # nobody has said where site and repository are
_REGION = re.compile(r"(<!-- sam4mis:(\w+) -->\n)(.*?)(<!-- /sam4mis -->)", re.S)


def cell(text: str | None, most: int = 160) -> str:
    """Text for a Markdown table cell: one line, markup and HTML shown as written.

    >>> cell("a|b <i>*x*</i> [y](z)")
    'a\\\\|b &lt;i&gt;\\\\*x\\\\*&lt;/i&gt; \\\\[y\\\\](z)'
    """
    text = clean(text or "")
    if len(text) > most:
        text = text[: most - 1] + "…"
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_\[\]|~#])", r"\\\1", text)
    # GitHub links bare addresses and names of people; a title is neither
    return text.replace("://", ":&#47;&#47;").replace("@", "&#64;").replace("www.", "www&#46;")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _link(view: PaperView) -> str:
    """The title, linked to the version to cite, or to the newest version that has an identifier."""
    text = cell(view.paper.title)
    newest_first = list(reversed(view.paper.versions))
    for version in [view.cite, *newest_first] if view.cite else newest_first:
        if version.ids.doi and re.fullmatch(r"10\.[^\s()<>|\\]+", version.ids.doi):
            return f"[{text}](https://doi.org/{version.ids.doi})"
        if version.ids.arxiv:
            return f"[{text}](https://arxiv.org/abs/{version.ids.arxiv})"
    return text


def _marks(view: PaperView) -> str:
    """What a reader should know before opening a work."""
    notice = f" — **{view.taken_back.kind}**" if view.taken_back else ""
    return notice + (" (second hand)" if view.second_hand else "")


def _count(n: int, of: int) -> str:
    return f"{n} of {of}"


def numbers(catalog: Catalog) -> str:
    """Counts, each with its denominator."""
    papers, claims = catalog.papers, catalog.claims
    printed = catalog.numbers
    released = catalog.releases
    code = sum(v.work.code is True for v in papers)
    weights = sum(v.work.weights is True for v in papers)
    return _table(
        ("what", "how many"),
        [
            ("works", str(len(papers))),
            (
                "works read from another list only, not confirmed yet",
                _count(sum(v.second_hand for v in papers), len(papers)),
            ),
            ("works with code", _count(code, len(papers))),
            ("works with released weights", _count(weights, len(papers))),
            ("code releases", str(len(catalog.methods))),
            (
                "releases of weights that an adapter runs here",
                _count(sum(line.runs for line in released), len(released)),
            ),
            ("claims of releases, with their place in print", str(len(claims))),
            (
                "claims checked by a run",
                _count(sum(c.state in DECIDED for c in claims), len(claims)),
            ),
            (
                "claims blocked, with the reason",
                _count(sum(c.state == "blocked" for c in claims), len(claims)),
            ),
            ("numbers that others printed about them, kept apart", str(len(catalog.others))),
            (
                "numbers of both that follow from released rows",
                f"{_count(sum(c.recomputed == 'agrees' for c in printed), len(printed))}; "
                f"{sum(c.state in DECIDED for c in printed)} have been run",
            ),
        ],
    )


def verdicts(catalog: Catalog) -> str:
    """Claims with a verdict of a run; controls named as what they are, the self-test left out."""
    rows = []
    for c in [*catalog.claims, *catalog.control_claims]:
        if not (c.verdict and c.verdict.run) or c.project.kind == "selftest":
            continue
        kind = " (positive control)" if c.project.kind == "control" else ""
        measured = "—" if c.verdict.measured is None else f"{100 * c.verdict.measured:.2f} %"
        claimed = f"{c.claim.value:.{c.claim.decimals}f}" + (" %" if c.claim.scale == 100 else "")
        rows.append(
            (
                f"[{cell(c.project.name)}](projects/{c.project.slug}.yaml){kind}",
                cell(c.claim.metric),
                cell(c.claim.dataset) or "—",
                claimed,
                measured,
                f"**{c.state}**",
            )
        )
    if not rows:
        return "No verdict yet.\n"
    head = ("project", "metric", "dataset", "claimed", "measured", "verdict")
    return _table(head, rows[:VERDICTS])


def newest(catalog: Catalog, most: int = NEWEST) -> str:
    """The newest works, with code and weights."""
    rows = [
        (
            (v.date or "—")[:7],
            _link(v) + _marks(v),
            cell(v.authors_short) or "—",
            "yes" if v.work.code else "—" if v.code == "unknown" else v.code,
            "yes" if v.work.weights else "—" if v.weights == "unknown" else v.weights,
        )
        for v in catalog.papers[:most]
    ]
    table = _table(("date", "work", "authors", "code", "weights"), rows)
    left = len(catalog.papers) - len(rows)
    return table + (
        f"\n… and {left} more on the website and in `papers.yaml`.\n" if left > 0 else ""
    )


def addresses(before: str, known: Settings) -> str:
    """The line of addresses. What nobody has set stays as it stands: a placeholder, or the address
    that a build filled in before.

    >>> addresses("[Website](https://X/) · [Repository](https://Y/)", Settings("https://a.org/"))
    '[Website](https://a.org/) · [Repository](https://Y/)'
    """
    for name, address in (("Website", known.site_url), ("Repository", known.repo_url)):
        if (safe := safe_url(address)) and ")" not in safe:
            before = re.sub(rf"\[{name}\]\([^)]*\)", lambda _: f"[{name}]({safe})", before)  # noqa: B023
    return before


SECTIONS = {"numbers": numbers, "verdicts": verdicts, "newest": newest}


def update(text: str, catalog: Catalog, known: Settings = NOWHERE) -> str:
    """README with each region from `<!-- sam4mis:NAME -->` to `<!-- /sam4mis -->` made new.

    Raises `InputError` for a region that nothing fills, or a README over its budget.
    """

    def fill(found: re.Match[str], most: int) -> str:
        name = found[2]
        if name == "addresses":
            return f"{found[1]}{addresses(found[3], known)}{found[4]}"
        if name not in SECTIONS:
            raise InputError(
                f"README.md: nothing fills the region {name!r} "
                f"(expected one of: addresses, {', '.join(SECTIONS)})."
            )
        body = newest(catalog, most) if name == "newest" else SECTIONS[name](catalog)
        return f"{found[1]}{body}{found[4]}"

    for most in (NEWEST, 10, 0):
        done = _REGION.sub(lambda found, most=most: fill(found, most), text)  # type: ignore[misc]
        if len(done.encode()) < BUDGET:
            return done
    raise InputError(
        f"README.md: {len(done.encode())} bytes even with the shortest tables, "
        f"the budget is {BUDGET}. Shorten its prose."
    )
