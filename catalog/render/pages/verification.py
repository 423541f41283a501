"""Checked numbers: what can be run today, what blocks the rest, states, releases, funnel, log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from catalog.naming import dataset_key, is_dataset
from catalog.ready import Ready
from catalog.records import VerdictChange
from catalog.registry import VERDICT_LOG
from catalog.render import charts
from catalog.render.labels import DECIDED, LIFTED, STATES, label
from catalog.render.output import Output
from catalog.render.pages.projects import claims_chart
from catalog.render.views import Catalog, ClaimView, ProjectView
from catalog.runnable import Line, by_family

#: A data set gets a column when so many methods have claims on it: fewer compare with nothing.
SHARED = 2
FEW = 5  # differences below which their distribution says nothing


def funnel(catalog: Catalog) -> list[tuple[str, float, str]]:
    """Works that pass each stage in turn: (stage, works, `of` text); each is part of the last."""
    papers = catalog.papers
    code = [v for v in papers if v.code == "yes"]
    weights = [v for v in code if v.weights == "yes"]
    claimed = [v for v in weights if v.claims]
    free = [v for v in claimed if any(c.state != "blocked" for c in v.claims)]
    run = [v for v in free if any(c.verdict and c.verdict.run for c in v.claims)]
    decided = [v for v in run if any(c.state in DECIDED for c in v.claims)]
    stages = [
        ("works", papers),
        ("code we have read", code),
        ("public weights", weights),
        ("a claim with its protocol", claimed),
        ("nothing blocks a run", free),
        ("run", run),
        ("verdict", decided),
    ]
    return [(name, float(len(found)), f"{len(found)} of {len(papers)}") for name, found in stages]


def lifted(lines: Iterable[Line]) -> list[tuple[str, list[Line]]]:
    """What would lift the releases that do not run here, the most first: (words, lines)."""
    found: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if line.lifts:
            found[line.lifts].append(line)
    return sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))


@dataclass(frozen=True, slots=True)
class Waiting:
    """Runs of one method on one split that could be made today and take the same preparation."""

    view: ProjectView
    first: ClaimView
    runs: list[Ready]

    @property
    def run(self) -> Ready:
        return self.runs[0]

    @property
    def numbers(self) -> int:
        """How many printed numbers they answer."""
        return sum(len(run.claims) for run in self.runs)

    @property
    def hours(self) -> float | None:
        """All of them one after the other; None where the length of one is not known."""
        known = [run.hours for run in self.runs if run.hours is not None]
        return sum(known) if len(known) == len(self.runs) else None


def waiting(catalog: Catalog) -> list[Waiting]:
    """Runs that nobody has made, least effort first; those of controls are left out."""
    found: dict[tuple[object, ...], Waiting] = {}
    for run in catalog.ready.runs:
        slug, _, name = run.claims[0].partition("/")
        view = catalog.projects.get(slug)
        first = next((c for c in view.numbers if c.claim.id == name), None) if view else None
        if view and first and not view.outside:
            key = (slug, run.dataset, run.split, run.best, *run.by_hand)
            found.setdefault(key, Waiting(view, first, [])).runs.append(run)
    return list(found.values())


def by_steps(items: Iterable[Waiting]) -> list[tuple[str, list[Waiting]]]:
    """Runs by how much a person has to do before them."""
    groups: dict[str, list[Waiting]] = {}
    for item in items:
        steps = len(item.run.by_hand)
        words = {0: "One command does everything", 1: "One step by hand before"}
        groups.setdefault(words.get(steps, "Several steps by hand before"), []).append(item)
    return list(groups.items())


def lifting(claims: Iterable[ClaimView]) -> list[tuple[str, list[tuple[str, list[ClaimView]]]]]:
    """Blocked claims by what would lift the block, then by reason; the most first."""
    found: dict[str, dict[str, list[ClaimView]]] = defaultdict(lambda: defaultdict(list))
    for c in claims:
        if c.state == "blocked":
            reason = c.reason or "no reason recorded"
            found[LIFTED.get(reason, "not recorded")][reason].append(c)
    ordered = sorted(found.items(), key=lambda i: (-sum(map(len, i[1].values())), i[0]))
    return [(what, sorted(by.items(), key=lambda i: -len(i[1]))) for what, by in ordered]


def stale(catalog: Catalog) -> list[tuple[ClaimView, str]]:
    """Claims whose verdict rests on something that has changed since."""
    known = {r.run: r for r in catalog.runs}
    found = []
    for view in catalog.projects.values():
        for c in view.numbers:
            if not c.verdict or not c.verdict.run:
                continue
            run = known.get(c.verdict.run)
            if run is None:
                found.append((c, f"its run {c.verdict.run} is not here"))
                continue
            checkpoint = view.checkpoint(c.claim.checkpoint)
            sha = run.inputs.get("checkpoint_sha256")
            nested = run.inputs.get("checkpoint")
            if sha is None and isinstance(nested, dict):
                sha = nested.get("sha256")
            listed = run.inputs.get("checkpoints")
            if sha is None and isinstance(listed, list):
                sha = next((x["sha256"] for x in listed if x.get("id") == c.claim.checkpoint), None)
            if checkpoint and checkpoint.sha256 and sha and checkpoint.sha256 != sha:
                found.append((c, "the project now names another checkpoint"))
    return found


def _states(claims: Iterable[ClaimView]) -> dict[str, int]:
    counts = Counter(c.state for c in claims)
    return {state: counts[state] for state in STATES if counts[state]}


@dataclass(slots=True)
class Matrix:
    """Data sets that several methods have claims on, by name; who claims; and all that is left."""

    columns: list[tuple[str, str]]  # (key, title)
    rows: list[tuple[ProjectView, list[dict[str, int]]]]  # states in the order of the columns
    alone: list[tuple[ProjectView, list[tuple[str, dict[str, int]]]]]  # (data set as named, states)


def matrix(catalog: Catalog) -> Matrix:
    """Claims of methods by project and data set; most claimed on, and most decided, first."""
    claims: dict[str, dict[str, list[ClaimView]]] = defaultdict(lambda: defaultdict(list))
    for c in catalog.claims:
        if c.claim.dataset and is_dataset(c.claim.dataset):
            claims[dataset_key(c.claim.dataset)][c.project.slug].append(c)
    ran = {
        key
        for key, by in claims.items()
        if any(c.verdict and c.verdict.run for found in by.values() for c in found)
    }
    shared = [k for k, by in claims.items() if k in ran or len(by) >= SHARED]
    shared.sort(key=lambda k: (k not in ran, -len(claims[k]), k))
    rows, alone = [], []
    for view in catalog.methods:
        slug = view.project.slug
        cells = [_states(claims[key].get(slug, [])) for key in shared]
        if any(cells):
            rows.append((view, cells))
        rest: dict[str, list[ClaimView]] = defaultdict(list)
        for c in view.claims:
            name = c.claim.dataset or "data set not recorded"
            if dataset_key(name) not in shared or not is_dataset(name):
                rest[name].append(c)
        if rest:
            alone.append((view, [(name, _states(found)) for name, found in rest.items()]))
    rows.sort(key=lambda row: -sum(map(bool, row[1])))
    return Matrix([(key, catalog.dataset_names[key]) for key in shared], rows, alone)


def changes(log: list[VerdictChange]) -> list[tuple[str, Counter[str], list[VerdictChange]]]:
    """The log by day, newest first: (day, first verdicts by state, changes of a verdict)."""
    days: dict[str, tuple[Counter[str], list[VerdictChange]]] = {}
    for change in log:
        first, changed = days.setdefault(change.date, (Counter(), []))
        if change.before is None and change.after not in DECIDED:
            first[change.after or "withdrawn"] += 1
        else:
            changed.append(change)
    return [(day, *found) for day, found in sorted(days.items(), reverse=True)]


def write(output: Output, catalog: Catalog) -> None:
    claims = catalog.claims
    wait = waiting(catalog)
    stages = funnel(catalog)
    differences = [
        c
        for c in [*claims, *catalog.control_claims]
        if c.verdict and c.verdict.difference is not None
    ]
    values = [
        c.verdict.difference for c in differences if c.verdict and c.verdict.difference is not None
    ]
    log = [
        (r, [c for c in catalog.verdict_of(r) if c.verdict and c.verdict.run == r.run])
        for r in catalog.runs
    ]
    output.page(
        "verification/",
        "verification.html",
        title="Checked numbers",
        description="Which printed numbers were checked, which can be run today and by how much "
        "effort, and what stands in the way of the others.",
        kind="page",
        words="verification verdict claims reproduced lower higher inconclusive blocked ready run",
        deciding=[w for w in wait if w.run.decides],
        deciding_runs=sum(len(w.runs) for w in wait if w.run.decides),
        ready=by_steps(w for w in wait if w.run.decides),
        undecided=[w for w in wait if not w.run.decides],
        left=Counter(reason.partition(" (`")[0] for reason in catalog.ready.left.values()),
        claims=claims,
        control_claims=catalog.control_claims,
        numbers=catalog.numbers,
        released=[c for c in catalog.numbers if c.released],
        counts=Counter(c.state for c in claims),
        others=Counter((c.claim.printed_by, c.project.slug) for c in catalog.others),
        control_chart=claims_chart("controls-chart", catalog.control_claims, prefix=True),
        releases=catalog.releases,
        families=[(label(name), lines) for name, lines in by_family(catalog.releases)],
        lifted=lifted(catalog.releases),
        funnel=stages,
        funnel_chart=charts.bars(
            "funnel-chart",
            "Works that pass each stage",
            "; ".join(f"{name}: {note}" for name, _, note in stages) + ".",
            stages,
            whole=len(catalog.papers),
        ),
        differences=differences,
        few=FEW,
        histogram=charts.histogram(
            "diff-chart",
            "Measured minus claimed",
            f"{len(values)} differences, controls included.",
            values,
        )
        if len(values) >= FEW
        else "",
        blocked=lifting(claims),
        matrix=matrix(catalog),
        changes=changes(catalog.verdict_log),
        current={
            f"{c.project.slug}/{c.claim.id}" for p in catalog.projects.values() for c in p.numbers
        },
        known_runs={run.run for run in catalog.runs},
        log_file=VERDICT_LOG,
        known=catalog.dataset_names,
        stale=stale(catalog),
        log=log,
    )
