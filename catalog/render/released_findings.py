"""What released rows show that printed means do not: twelve findings, computed from the results.

Each takes the results it rests on and gives its words, its figure and the data of the figure; none
holds a number of its own. A registry that lacks the results lacks the finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from catalog.evidence import Answer, Recomputed, Share
from catalog.render import charts
from catalog.render.charts import Pair
from catalog.render.output import signed

Results = Mapping[str, Recomputed]


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding ready for its page: data are rows of text under their heading."""

    anchor: str
    title: str
    text: str
    chart: Markup
    head: Sequence[str]
    data: Sequence[Sequence[str]]
    sources: Sequence[str]


Finding = Callable[[Results], Shown]


def findings(results: Results) -> list[Shown]:
    """All findings whose results are here, in the order of the page."""
    return [find(results) for needed, find in FINDINGS if all(n in results for n in needed)]


def _percent(value: float | None, decimals: int = 2) -> str:
    return "—" if value is None else f"{100 * value:.{decimals}f}"


def _value(answer: Answer) -> float:
    if answer.value is None:
        raise KeyError(f"{answer.name}: no row has a value")
    return answer.value


def _tried(answer: Answer, how: str) -> float:
    """The value of one other way. Raises `KeyError` where it was not tried."""
    found = next((t.value for t in answer.tried if t.how == how), None)
    if found is None:
        raise KeyError(f"{answer.name}: {how} was not tried")
    return found


def _short(path: str) -> str:
    return path.rpartition("dataset_results/")[2].removesuffix(".csv").removesuffix("_metrics")


def _pairs(
    anchor: str, title: str, names: tuple[str, str], pairs: Sequence[Pair]
) -> tuple[Markup, list[str], list[list[str]]]:
    """The figure of pairs with its data: label, both values in percent, note."""
    said = "; ".join(
        f"{p.label}: {names[0]} {_percent(p.claimed)}, {names[1]} {_percent(p.measured)}"
        for p in pairs
    )
    chart = charts.dumbbell(f"{anchor}-chart", title, f"{said}.", pairs, band=0, names=names)
    data = [[p.label, _percent(p.claimed), _percent(p.measured), p.state] for p in pairs]
    return chart, ["what", f"{names[0]}, %", f"{names[1]}, %", "note"], data


def _bars(
    anchor: str,
    title: str,
    rows: Sequence[tuple[str, float, str]],
    head: str,
    whole: float | None = None,
) -> tuple[Markup, list[str], list[list[str]]]:
    said = "; ".join(f"{label}: {note}" for label, _, note in rows)
    chart = charts.bars(f"{anchor}-chart", title, f"{said}.", rows, whole=whole)
    return chart, ["what", head], [[label, note] for label, _, note in rows]


# --------------------------------------------------------------------------------- one by one


def one_name(results: Results) -> Shown:
    """One task name, several data sets."""
    source = results["biomedparse-task-means"]
    means, medians = (source.whole(f"112 tasks, {kind}") for kind in ("means", "medians"))
    tasks = {a.name.partition(",")[0] for a in source.answers}
    several = [  # a name that begins with another's says itself which set it means
        a
        for a in source.answers
        if a.files_left and a.column == "medsam_dice" and not _longer(a.name, tasks)
    ]
    pairs = []
    for a in several:
        task = a.name.partition(",")[0]
        pooled = next(t for t in reversed(a.tried) if t.how.startswith("only "))
        used = f"{len(a.files)} of {len(a.files) + len(a.files_left)} sets"
        pairs.append(Pair(task, _value(a), pooled.value, used))
    chart, head, data = _pairs(
        "one-name",
        "MedSAM's Dice as printed, and over all data sets of that name",
        ("printed", "all sets of the name"),
        pairs,
    )
    picked = {(i.name, tuple(i.files)) for i in means.some_files}
    other = [i for i in medians.some_files if (i.name, tuple(i.files)) not in picked]
    moved = "; ".join(
        f"{i.name} rests on {', '.join(map(_short, i.files))} in the file of medians and on "
        f"{', '.join(_short(f) for n, files in picked if n == i.name for f in files)} in that of "
        "means"
        for i in other
    )
    text = (
        f"{means.agree:,} of {means.of:,} printed means come out of the rows, but for "
        f"{len(several)} of the {len(tasks)} tasks only if one of two "
        f"to four data sets of that name is taken and the others are left. {moved}."
    )
    rows = [[*r, _short(a.files[0])] for r, a in zip(data, several, strict=True)]
    return Shown(
        "one-name",
        "One task name, several data sets",
        text,
        chart,
        [*head, "data set taken"],
        rows,
        ("biomedparse-task-means",),
    )


def _longer(name: str, tasks: Iterable[str]) -> bool:
    """Whether a task's name is another one's with more behind it: `lung-COVID` beside `lung`."""
    task = name.partition(",")[0]
    return any(task.startswith(f"{other}-") for other in tasks)


def same_mean(results: Results) -> Shown:
    """A mean that matches while its organs do not."""
    source = results["ma-sam-btcv"]
    average = source.answer("average")
    parts = [source.answer(name) for name in average.parts]
    met = [a for a in parts if a.state == "agrees"]
    pairs = [
        Pair(a.name, float(a.printed or 0) / a.scale, _value(a), a.state) for a in (average, *parts)
    ]
    pairs[0] = Pair("average", pairs[0].claimed, pairs[0].measured, "digits met")
    chart, head, data = _pairs(
        "same-mean", "MA-SAM on BTCV, printed and from the log", ("printed", "from rows"), pairs
    )
    text = (
        f"The log's {average.n} volumes give {_percent(average.value, 4)} where {average.printed} "
        f"is printed, so the average matches. Of its {len(parts)} organs, {len(met)} do. The log "
        "is of another run than the table, or the table averages several."
    )
    return Shown(
        "same-mean",
        "A mean that matches, organs that do not",
        text,
        chart,
        head,
        data,
        ("ma-sam-btcv",),
    )


def impossible(results: Results) -> Shown:
    """Values that no mask can have."""
    source = results["medsam-lits-readme"]
    off = [a for a in source.answers if a.refused]
    refused = [r for rows in source.read for r in rows.refused]
    pairs = [
        Pair(
            a.name.removeprefix("MedSAM, "),
            float(a.printed or 0) / a.scale,
            _value(a),
            f"{a.n} of {a.n + a.refused} rows",
        )
        for a in off
    ]
    chart, head, data = _pairs(
        "impossible",
        "Averages as printed, and without the values that cannot be",
        ("printed", "possible rows"),
        pairs,
    )
    named = ", ".join(f"{r.row} {r.value:g}" for r in refused)
    text = (
        f"{len(refused)} values lie above 1, which no overlap can: {named}. "
        f"{len(off)} of {len(source.answers)} printed averages come out only with them; without, "
        f"{off[0].printed} is {_value(off[0]):.4f}."
    )
    return Shown(
        "impossible", "Impossible values", text, chart, head, data, ("medsam-lits-readme",)
    )


BOXES = ("0", "3", "5", "10", "15", "20")


def other_cases(results: Results) -> Shown:
    """Different slices behind each point of a comparison."""
    source = results["sam-vs-medsam-msd"]

    def ask(which: str, box: str, model: str) -> Answer:
        return source.answer(f"{which} slices, box + {box} px, dice_{model}")

    series = [
        (f"{name}, {which} slices", [_value(ask(which, b, model)) for b in BOXES])
        for which in ("all", "common")
        for model, name in (("sam", "SAM"), ("medsam", "MedSAM"))
    ]
    said = "; ".join(f"{n}: {', '.join(_percent(v) for v in line)}" for n, line in series)
    chart = charts.lines(
        "other-cases-chart",
        "Dice over the width of the box",
        f"{said}.",
        [f"+{b} px" for b in BOXES],
        series,
    )
    gain, loss = (
        _value(ask(which, "3", "sam")) - _value(ask(which, "0", "sam"))
        for which in ("all", "common")
    )
    text = (
        f"The tight box was scored on {ask('all', '0', 'sam').n:,} slices, the wider ones on "
        f"{ask('all', '3', 'sam').n:,}. As printed, a box 3 pixels wider changes SAM by "
        f"{signed(gain, 1)} points; on the slices that all widths share, by {signed(loss, 1)} "
        "points. The report that goes with these tables advises a wider box on that ground."
    )
    head = ["box", *(n for n, _ in series), "slices", "slices in common"]
    data = [
        [
            f"+{b} px",
            *(_percent(line[i]) for _, line in series),
            f"{ask('all', b, 'sam').n}",
            f"{ask('common', b, 'sam').n}",
        ]
        for i, b in enumerate(BOXES)
    ]
    return Shown(
        "other-cases",
        "Different cases behind one comparison",
        text,
        chart,
        head,
        data,
        ("sam-vs-medsam-msd", "sam-vs-medsam-report"),
    )


def empty_cases(results: Results) -> Shown:
    """What an image without anything to find counts."""
    cells = results["cellvit-pannuke"]
    all_ = cells.answer("pannuke-sam-h-fold-0")
    defined = cells.answer("SAM-H fold 0, images with a Jaccard only")
    lungs = results["i3uex-sam-lung"].answer("summary, Dice")
    as_zero = _tried(lungs, "mean over rows, rows without a value as 0")
    as_one = _tried(lungs, "mean over rows, rows without a value as 1")
    rows = [
        ("CellViT: empty images as 0", _value(all_), f"{_percent(all_.value)} (n {all_.n:,})"),
        ("CellViT: left out", _value(defined), f"{_percent(defined.value)} (n {defined.n:,})"),
        ("Lungs: empty slices left out", _value(lungs), f"{_percent(lungs.value)} (n {lungs.n:,})"),
        ("Lungs: as 0", as_zero, f"{_percent(as_zero)} (n {lungs.n + lungs.empty:,})"),
        ("Lungs: as 1", as_one, f"{_percent(as_one)} (n {lungs.n + lungs.empty:,})"),
    ]
    chart, head, data = _bars(
        "empty", "One set of rows, other rules for empty ones", rows, "Dice, %", 1
    )
    text = (
        f"CellViT counts {all_.n - defined.n} images with nothing to find and nothing found as 0 "
        f"in its Dice and leaves them out of its Jaccard: {all_.value:.4f} is printed, "
        f"{defined.value:.4f} are the images that both means have in common. The lungs of i3uex "
        f"rest on {lungs.n:,} of {lungs.n + lungs.empty:,} slices."
    )
    return Shown(
        "empty", "Empty cases", text, chart, head, data, ("cellvit-pannuke", "i3uex-sam-lung")
    )


def best_of(results: Results) -> Shown:
    """The best of several clicks called the mean."""
    source = results["sam-med3d-brain-lesions"]
    runs = [
        a.name.removesuffix(", best of five")
        for a in source.answers
        if a.name.endswith(", best of five")
    ]
    pairs = [
        Pair(
            run.removesuffix("_validation"),
            _value(source.answer(f"{run}, best of five")),
            _value(source.answer(f"{run}, after click 5")),
            source.answer(f"{run}, best of five").state,
        )
        for run in runs
    ]
    chart, head, data = _pairs(
        "best-of",
        "Mean of the best click, and after the last",
        ("best of five", "fifth click"),
        pairs,
    )
    off = [run for run in runs if source.answer(f"{run}, best of five").state == "differs"]
    first = source.answer(f"{runs[0]}, best of five")
    text = (
        f"“Mean dice” is the mean over {first.n} cases of the best of five clicks, picked with the "
        f"reference: {pairs[0].claimed:.3f} for the unchanged model, {pairs[0].measured:.3f} after "
        f"the fifth click. {len(off)} of {len(runs)} such lines do not come out of their "
        f"{first.n} rows."
    )
    return Shown(
        "best-of",
        "Best of several",
        text,
        chart,
        head,
        data,
        ("sam-med3d-brain-lesions",),
    )


def chance(results: Results) -> Shown:
    """Two unseeded runs of random prompts."""
    source = results["mattjie-sam-2d"]
    fixed = source.whole("second run, prompts without chance")
    random = source.whole("second run, random prompts")
    worst = random.differing[:8]
    rows = [
        (
            i.name,
            abs((i.value or 0) - i.printed),
            f"{signed((i.value or 0) - i.printed)} points",
        )
        for i in worst
    ]
    rows.append(
        (
            f"{fixed.of} means without chance",
            fixed.largest_difference,
            f"at most {100 * fixed.largest_difference:.6f} points",
        )
    )
    chart, head, data = _bars("chance", "One run minus the other", rows, "difference of means")
    text = (
        f"Two unseeded runs of random prompts differ by up to "
        f"{100 * random.largest_difference:.1f} points of Dice although each is a mean over 647 to "
        f"3,692 images ({random.of} means compared); the {fixed.of} means of prompts without "
        f"chance agree to {fixed.largest_difference:.0e}."
    )
    return Shown("chance", "Chance", text, chart, head, data, ("mattjie-sam-2d",))


def levels(results: Results) -> Shown:
    """Slices, cases, organs: means of the same rows."""
    dcis = results["medsam-dcis-mri"]
    masks = results["medlsam-structseg-npz"]
    touch = results["touchstone-totalsegmentator"]
    pairs = [
        Pair(
            "MedSAM, DCIS: cases, slices",
            _value(dcis.answer("mean of cases")),
            _value(dcis.answer("mean of slices")),
            "",
        ),
        Pair(
            "MedLSAM: volume, slices",
            _value(masks.answer("over the volume")),
            _value(masks.answer("mean of 18 slices")),
            "",
        ),
        Pair(
            "SegVol: organs, cases",
            _value(touch.answer("SegVol, mean of organ means")),
            _value(touch.answer("SegVol, mean of case means")),
            "",
        ),
    ]
    chart, head, data = _pairs("levels", "One set of rows, two means", ("first", "second"), pairs)
    text = (
        f"The same rows give {pairs[0].claimed:.2f} over cases and {pairs[0].measured:.2f} over "
        f"slices (MedSAM on DCIS), {pairs[1].claimed:.2f} over the volume and "
        f"{pairs[1].measured:.2f} over slices (MedLSAM's own masks, scored by our core), "
        f"{_percent(pairs[2].claimed, 1)} over organs and {_percent(pairs[2].measured, 1)} over "
        "cases (SegVol). A mean without its level is not a number that can be checked."
    )
    sources = ("medsam-dcis-mri", "medlsam-structseg-npz", "touchstone-totalsegmentator")
    return Shown(
        "levels", "Slices, cases, organs", text, chart, head[:3], [r[:3] for r in data], sources
    )


def _range(share: Share) -> str:
    """Least and most in percent; one number where they are the same."""
    least, most = f"{100 * share.least:.1f}", f"{100 * share.most:.1f}"
    return f"{least} %" if least == most else f"{least} to {most} %"


def weights(results: Results) -> Shown:
    """Totals whose weights are not printed."""
    found = results["sam-med2d-weighted-sum"].weighings[0]
    other = results["sam-med3d-table3-overall"].weighings[0]
    unseen = min(other.shares, key=lambda s: s.most)
    heavy = max(found.shares, key=lambda s: s.most)
    rows = [(s.part, s.most, _range(s)) for s in found.shares]
    chart, head, data = _bars(
        "weights", "Weight that each data set can have in the printed sums", rows, "weight", 1
    )
    gaps = [t - u for t, u in zip(found.totals, found.unweighted, strict=True)]
    widest = max(range(len(gaps)), key=lambda i: abs(gaps[i]))
    text = (
        f"The “weighted sum” of SAM-Med2D does not print its weights. One set of weights gives all "
        f"{len(found.totals)} sums, and in every such set {heavy.part} has {_range(heavy)}. "
        f"Unweighted, "
        f"{_percent(found.totals[widest])} would be {_percent(found.unweighted[widest])}, "
        f"{100 * gaps[widest]:.1f} points lower. The {len(other.totals)} overall values of "
        f"SAM-Med3D's Table 3 have one common weight too: {_range(unseen)} for the {unseen.part} "
        "targets."
    )
    return Shown(
        "weights",
        "Weights that are not printed",
        text,
        chart,
        head,
        data,
        ("sam-med2d-weighted-sum", "sam-med3d-table3-overall"),
    )


def other_branch(results: Results) -> Shown:
    """A fine-tuned model beside the unchanged one, in rows that the report does not use."""
    source = results["medical-sam3-brats-met"]
    groups: dict[tuple[str, str], dict[str, Answer]] = {}
    for a in source.answers:
        group, prompt, model = a.name.split(", ")
        groups.setdefault((group, prompt), {})[model] = a
    better = [g for g, by in groups.items() if _value(by["sam3"]) > _value(by["medsam3"])]
    pairs = [
        Pair(f"{group}, {prompt}", _value(by["sam3"]), _value(by["medsam3"]), f"n {by['sam3'].n}")
        for (group, prompt), by in groups.items()
        if prompt == "box"
    ]
    chart, head, data = _pairs(
        "other-branch",
        "Dice with a box, unchanged and fine-tuned",
        ("SAM 3", "Medical SAM3"),
        pairs,
    )
    rows = next(r.rows for r in source.read if r.reader == "slices")
    text = (
        f"Another branch holds {rows:,} rows. In them the unchanged SAM 3 is better than the "
        f"fine-tuned model in {len(better)} of {len(groups)} comparisons by label, contrast, case "
        "and prompt. The report of the main branch, on other data, prints a gain."
    )
    return Shown(
        "other-branch", "The other branch", text, chart, head, data, ("medical-sam3-brats-met",)
    )


def last_digits(results: Results) -> Shown:
    """Printed digits that are next to the right ones."""
    asked = [
        ("i3uex-sam-lung", "README, Dice"),
        ("i3uex-sam-lung", "README, Jaccard"),
        ("medical-sam3-five-sets", "comparison report, box"),
        ("medical-sam3-five-sets", "comparison report, text"),
        ("medical-sam3-five-sets", "evaluation report, box"),
        ("medical-sam3-five-sets", "evaluation report, text"),
    ]
    answers = [results[source].answer(name) for source, name in asked]
    rows = [
        (
            f"{source.partition('-')[0]}: {a.name}",
            abs(float(a.printed or 0) / a.scale - _value(a)),
            f"{a.printed} / {_percent(a.value, 4)}",
        )
        for (source, _), a in zip(asked, answers, strict=True)
    ]
    chart, head, data = _bars("digits", "How far apart", rows, "printed / from rows")
    off = [a for a in answers if a.state == "differs"]
    text = (
        f"{len(off)} of {len(answers)} printed numbers are off in the last digit: "
        + ", ".join(f"{a.printed} for {_percent(a.value, 3)}" for a in off)
        + ". One report rounds the same means that the other cuts off."
    )
    return Shown(
        "digits",
        "Last digits",
        text,
        chart,
        head,
        data,
        ("i3uex-sam-lung", "medical-sam3-five-sets"),
    )


def spread(results: Results) -> Shown:
    """Where a printed plus or minus comes from."""
    source = results["medsam2-amos-autoprompt"]
    mean = source.answer("last run, mean of the organ means")
    kinds = [
        ("the 15 organ means", "last run, spread of the organ means"),
        ("the 30 scan means", "last run, spread of the scan means"),
        ("all 450 values", "last run, spread of all values"),
    ]
    rows = [
        (f"over {k}", _value(source.answer(n)), f"± {_value(source.answer(n)):.3f}")
        for k, n in kinds
    ]
    chart, head, data = _bars("spread", "Standard deviation of one run", rows, "spread of Dice")
    text = (
        f"0.69 ± 0.17 is printed. One run of the log has mean {_value(mean):.4f}, and its spread "
        f"is {rows[0][1]:.3f} over the organ means, {rows[1][1]:.3f} over scans and "
        f"{rows[2][1]:.3f} over all values. Which run the paper took is not said, so this shows "
        "nothing yet."
    )
    return Shown(
        "spread", "Where the ± comes from", text, chart, head, data, ("medsam2-amos-autoprompt",)
    )


FINDINGS: tuple[tuple[tuple[str, ...], Finding], ...] = (
    (("biomedparse-task-means",), one_name),
    (("ma-sam-btcv",), same_mean),
    (("medsam-lits-readme",), impossible),
    (("sam-vs-medsam-msd",), other_cases),
    (("cellvit-pannuke", "i3uex-sam-lung"), empty_cases),
    (("sam-med3d-brain-lesions",), best_of),
    (("mattjie-sam-2d",), chance),
    (("medsam-dcis-mri", "medlsam-structseg-npz", "touchstone-totalsegmentator"), levels),
    (("sam-med2d-weighted-sum", "sam-med3d-table3-overall"), weights),
    (("medical-sam3-brats-met",), other_branch),
    (("i3uex-sam-lung", "medical-sam3-five-sets"), last_digits),
    (("medsam2-amos-autoprompt",), spread),
)
