"""Answers to the five questions of the survey, made by rule from what is recorded.

Each function takes the catalog and gives a sentence, its evidence and a figure; none holds a number
of its own, and numbers are compared only inside one source under one protocol (`contests`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from catalog import questions
from catalog.naming import dataset_key, short_title
from catalog.questions import Said
from catalog.render import charts
from catalog.render.answer_parts import (
    ENOUGH,
    Answer,
    Drawn,
    Figure,
    as_printed,
    bars,
    evidence,
    said_to,
    shown,
    voices,
)
from catalog.render.charts import Pair
from catalog.render.contests import BOX, POINT, Prompts, Structure, prompts, structures
from catalog.render.labels import label
from catalog.render.views import Catalog

GOOD = 0.80  # Dice from which an answer counts a structure as reached
CLEAR = 0.05  # a difference of Dice that is more than rounding and chance of one split


def answers(catalog: Catalog) -> list[Drawn]:
    """All five, in the survey's order."""
    return [answer(catalog) for answer in _ANSWERS]


def _source(catalog: Catalog, items: Sequence[Structure]) -> str:
    printed = sorted({s.plain.claim.printed_by or "" for s in items})
    names = (catalog.projects[p].project.name if p in catalog.projects else p for p in printed)
    return f"printed by {', '.join(names)}"


def _inside(text: str) -> str:
    """A label as it stands inside a sentence: `Dermoscopy` is `dermoscopy`, `MRI` stays."""
    return text if text[1:] != text[1:].lower() else text.lower()


def without_training(catalog: Catalog) -> Drawn:
    """Plain SAM by modality, inside one source."""
    found, said = structures(catalog), said_to(catalog, 1)
    groups: dict[str, list[Structure]] = {}
    for structure in found:
        groups.setdefault(structure.modality, []).append(structure)
    middle = {m: median(s.plain.claim.fraction for s in g) for m, g in groups.items()}
    order = sorted(groups, key=lambda m: -middle[m])
    reach = sum(s.plain.claim.fraction >= GOOD for s in found)
    figures, drawn = [], []
    text = "No source prints plain SAM structure by structure."
    if order:
        best, worst = order[0], order[-1]
        start = (
            "Yes, in the one source that is recorded"
            if middle[worst] >= GOOD
            else "No, in the one source that is recorded"
            if middle[best] < GOOD
            else "It depends on the images"
        )
        text = (
            f"{start}: with a box made from the reference, plain SAM's median Dice is "
            f"{middle[best]:.2f} for {_inside(label(best))} ({len(groups[best])} structures) and "
            f"{middle[worst]:.2f} for {_inside(label(worst))} ({len(groups[worst])}); "
            f"{reach} of {len(found)} structures reach {GOOD:.2f}."
        )
        pairs = [
            Pair(
                f"{label(m)} ({len(groups[m])})",
                middle[m],
                median(s.adapted.claim.fraction for s in groups[m]),
                f"{100 * middle[m]:.0f} → "
                f"{100 * median(s.adapted.claim.fraction for s in groups[m]):.0f}",
                [(s.plain.claim.fraction, s.adapted.claim.fraction) for s in groups[m]],
            )
            for m in order
        ]
        names = ("SAM", found[0].adapted.project.name)
        title = f"Median Dice over structures, {_source(catalog, found)}"
        words = "; ".join(f"{p.label}: {p.state}" for p in pairs)
        drawn.append(charts.dumbbell("q1", title, f"{words}.", pairs, band=0, names=names))
        rows = [
            [label(m), str(len(groups[m])), f"{p.claimed:.3f}", f"{p.measured:.3f}"]
            for m, p in zip(order, pairs, strict=True)
        ]
        head = ["Modality", "Structures", *(f"{name}, median Dice" for name in names)]
        figures.append(Figure(title=title, head=head, rows=rows))
    inferred = sum(s.plain.claim.protocol.prompt_profile.evidence == "inferred" for s in found)
    return Drawn(
        Answer(
            question=1,
            title=questions.QUESTIONS[1],
            answer=text,
            voices=voices(said),
            evidence=evidence(s.plain for s in found),
            figures=figures,
            missing=[
                f"The exact form of the box is inferred for {inferred} of {len(found)} numbers.",
                "What would change it: numbers with a box that a person or a detector drew.",
                "What would change it: a run of plain SAM on one of these sets.",
            ],
        ),
        drawn,
        said,
    )


def adaptation(catalog: Catalog) -> Drawn:
    """An adaptation against plain SAM inside one source; specialists by what works say."""
    found, said = structures(catalog), said_to(catalog, 2)
    better = sum(s.gain > 0 for s in found)
    clear = sum(s.gain >= CLEAR for s in found)
    rows = [
        (f"better by {100 * CLEAR:.0f} points or more", clear),
        (f"better by less than {100 * CLEAR:.0f} points", better - clear),
        ("level or worse", len(found) - better),
    ]
    figures, drawn = [], []
    over = "Over plain SAM: no source prints both structure by structure."
    if found:
        name = found[0].adapted.project.name
        over = (
            f"Over plain SAM: {name} is better in {better} of {len(found)} structures of one "
            f"source, by {100 * CLEAR:.0f} points of Dice or more in {clear}."
        )
        title = f"{name} beside plain SAM, {_source(catalog, found)}"
        figure, chart = bars(
            "q2",
            title,
            [(t, float(n), f"{n} of {len(found)}") for t, n in rows],
            "structures",
            len(found),
        )
        figures.append(figure)
        drawn.append(chart)

    def specialist(item: Said) -> bool:
        return item.bearing.about == "specialist"

    decided = shown(said, specialist)
    against = (
        "Over specialists: shown by evaluations of others."
        if decided.yes
        else "Over specialists: not shown."
    )
    unnamed = {s.paper.id for s in said if s.bearing.about is None and s.bearing.direction == "for"}
    unknown = sum(s.adapted.claim.training_overlap == "unknown" for s in found)
    return Drawn(
        Answer(
            question=2,
            title=questions.QUESTIONS[2],
            answer=f"{over} {against}",
            voices=f"Over specialists. {voices(said, specialist)}",
            evidence=evidence(c for s in found for c in (s.plain, s.adapted)),
            figures=figures,
            missing=[
                f"Whether the adapted model was trained on the test cases is unknown for {unknown} "
                f"of {len(found)} structures.",
                f"{len(unnamed)} works report a win and their record names no opponent.",
                f"{decided.of} evaluations by others compare an adapted SAM with specialists. From "
                f"{ENOUGH} on, and where most of them are for it, this page says that it is shown.",
            ],
            printed=as_printed(catalog, lambda number: number.against_value is not None),
        ),
        drawn,
        said,
    )


def which_prompt(catalog: Catalog) -> Drawn:
    """Prompts inside one model, data set and protocol."""
    found, said = prompts(catalog.numbers), said_to(catalog, 3)
    both = [
        (box, point, one)
        for one in found
        if (box := one.asked(BOX)) is not None and (point := one.asked(POINT)) is not None
    ]
    wins = sum(box > point for box, point, _ in both)
    projects = len({one.project for _, _, one in both})
    gain = median(box - point for box, point, _ in both) if both else 0.0
    text = (
        f"A box over one point: in {wins} of {len(both)} comparisons of {projects} projects, each "
        f"inside one model, data set and protocol, by {100 * gain:.1f} points at the median."
        if both
        else "No project prints a box beside a point."
    )
    ladders = [one for one in found if len(one.steps) > 3]
    whole = {one.dataset for one in ladders}  # not each part of a set that stands there itself
    ladders = [one for one in ladders if one.dataset.rpartition(", ")[0] not in whole]
    clicks = [
        (low, high)
        for one in found
        if (low := one.asked(POINT)) is not None
        and (high := max((v for n, v in one.steps if n.endswith("clicks")), default=None))
    ]
    if clicks:
        more = sum(high > low for low, high in clicks)
        text += f" More clicks over one point: in {more} of {len(clicks)}."
    figures, drawn = [], []
    for number, one in enumerate(ladders):
        title = f"{one.project}, {_set(catalog, one.dataset)}{_model(one)}"
        figure, chart = bars(
            f"q3-{number}", title, [(n, v, f"{100 * v:.1f} %") for n, v in one.steps], one.metric, 1
        )
        figures.append(figure)
        drawn.append(chart)
    numbers = [c for one in found for c in one.by.values()]
    bore = {s.paper.id for s in said}
    compared = {s.paper.id for s in said if s.bearing.better}
    return Drawn(
        Answer(
            question=3,
            title=questions.QUESTIONS[3],
            answer=text,
            voices="",
            evidence=evidence(numbers),
            figures=figures,
            missing=[
                f"{len(compared)} of {len(bore)} works that bear on it name which of two prompts "
                "was better.",
                "What would change it: numbers with prompts that people gave.",
                "Sums over several sets count beside their sets, so comparisons are not "
                "independent of each other.",
            ],
        ),
        drawn,
        said,
    )


def _set(catalog: Catalog, name: str) -> str:
    """The name of a data set for readers; one with more behind it stays as printed."""
    return catalog.dataset_names.get(dataset_key(name), name) if short_title(name) == name else name


def _model(one: Prompts) -> str:
    point = next(iter(one.by.values())).claim.checkpoint
    return f" ({point})" if point else ""


def annotation(catalog: Catalog) -> Drawn:
    """What works say was saved; there is no common unit, so only works are counted."""
    said = said_to(catalog, 4)
    works = {s.paper.id for s in said}
    stated = {s.paper.id for s in said if s.bearing.saving}
    saved = as_printed(catalog, lambda number: number.saving or number.labels)
    tally = questions.tally(said)
    decided = shown(said)
    text = (
        "Shown by evaluations of others."
        if decided.yes
        else f"Not shown: {decided.of} evaluations by others take a side, too few to decide."
        if decided.of < ENOUGH
        else "Not shown: at most half of the evaluations by others are for it."
    )
    rows = [
        (
            f"{'neither' if way == 'neutral' else way}, {short}",
            float(tally[voice][way]),
            str(tally[voice][way]),
        )
        for voice, short in (("independent", "by others"), ("own", "by authors"))
        if voice in tally
        for way in questions.DIRECTIONS
        if tally[voice][way]
    ]
    figures, drawn = [], []
    if rows:
        figure, chart = bars(
            "q4", "Works by what they say of saved annotation", rows, "works", len(works)
        )
        figures.append(figure)
        drawn.append(chart)
    return Drawn(
        Answer(
            question=4,
            title=questions.QUESTIONS[4],
            answer=text,
            voices=f"{voices(said)} What was saved is recorded for {len(stated)} of {len(works)} "
            "works, in words and units that cannot be put together.",
            evidence=f"Findings of works, and {len(saved)} numbers printed without a protocol: "
            f"{sum(n.number.saving is not None for n in saved)} state a saving, "
            f"{sum(n.number.labels is not None for n in saved)} how few labels were used. "
            "No printed number with a protocol measures it.",
            figures=figures,
            missing=[
                f"{len(works) - len(stated)} of {len(works)} works name no label, prompt or time "
                "that was saved.",
                "What would change it: time measured with and without the model on the same cases.",
            ],
            printed=saved,
        ),
        drawn,
        said,
    )


#: What evaluation scripts do that keeps their numbers from carrying over, by codes of the cards.
HYGIENE: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "prompts made from the reference",
        ("gt-prompt-box", "gt-prompt-box-jitter", "gt-prompt-point", "gt-prompt-mask",
         "gt-prompt-clicks"),
    ),
    ("split not released", ("split-not-released",)),
    ("evaluation as committed does not run", ("eval-does-not-run",)),
    ("model chosen on the test set", ("selects-on-test",)),
    ("random prompts without a seed", ("unseeded-prompts",)),
    ("training and test share cases", ("train-test-overlap",)),
)  # fmt: skip


def robustness(catalog: Catalog) -> Drawn:
    """How evaluations are done, and what works name as an obstacle."""
    said = said_to(catalog, 5)
    cards = [
        set(p.project.protocol_card.conventions)
        for p in catalog.methods
        if p.project.protocol_card and p.project.protocol_card.conventions
    ]
    counts = [(name, sum(bool(card & set(codes)) for card in cards)) for name, codes in HYGIENE]
    counts.sort(key=lambda pair: -pair[1])
    seen = _obstacles(said, "against")
    lowered = _obstacles(said, "for")
    text = "No evaluation script has been read yet."
    figures, drawn = [], []
    if cards:
        worst = [f"{name} in {n}" for name, n in counts[:3]]
        text = (
            f"The evaluation itself: of {len(cards)} evaluations read in code, {', '.join(worst)}."
        )
        title = f"What {len(cards)} evaluations do, as read in their code"
        figure, chart = bars(
            "q5",
            title,
            [(t, float(n), f"{n} of {len(cards)}") for t, n in counts],
            "evaluations",
            len(cards),
        )
        figures.append(figure)
        drawn.append(chart)
    named = [o for o in questions.OBSTACLES if seen[o] + lowered[o]]
    named.sort(key=lambda o: -(seen[o] + lowered[o]))
    if named:
        most = ", ".join(f"{questions.OBSTACLES[o]} ({seen[o] + lowered[o]})" for o in named[:3])
        text += f" Obstacles that most works name: {most}."
        title = "Obstacles that works name"
        rows = [
            (
                questions.OBSTACLES[o],
                float(seen[o] + lowered[o]),
                f"{seen[o]} stood in the way, {lowered[o]} overcome",
            )
            for o in named
        ]
        figure, chart = bars("q5-obstacles", title, rows, "works")
        figures.append(figure)
        drawn.append(chart)
    hashed = [c for p in catalog.methods for c in p.project.checkpoints or []]
    known = sum(c.sha256 is not None for c in hashed)
    licensed = [p for p in catalog.methods if p.weights in ("yes", "gated")]
    stated = sum(p.weights_licence not in ("unknown", "none") for p in licensed)
    return Drawn(
        Answer(
            question=5,
            title=questions.QUESTIONS[5],
            answer=text,
            voices="",
            evidence=f"{len(cards)} evaluations read in code at a recorded commit, and what works "
            "report.",
            figures=figures,
            missing=[
                f"The licence of the weights is known for {stated} of {len(licensed)} releases "
                "with weights.",
                f"The hash of the file is known for {known} of {len(hashed)} checkpoints.",
                f"Fairness is named by {seen['fairness'] + lowered['fairness']} works, uncertainty "
                f"by {seen['uncertainty'] + lowered['uncertainty']}.",
            ],
            printed=as_printed(catalog, lambda number: number.shift),
        ),
        drawn,
        said,
    )


def _obstacles(said: Sequence[Said], direction: str) -> Counter[str]:
    """How many works name each obstacle in that direction."""
    pairs = {
        (s.paper.id, s.bearing.obstacle)
        for s in said
        if s.bearing.direction == direction and s.bearing.obstacle
    }
    return Counter(obstacle for _, obstacle in pairs)


_ANSWERS = (without_training, adaptation, which_prompt, annotation, robustness)
