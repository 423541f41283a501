"""Does a run, or the plan of one, answer a claim? The one function that says so: `compare`.

Planning, running and judging all ask it. It goes through what a claim fixes, field by field:

same       the run did it so
different  it did otherwise
not shown  nothing shows that it did it so (which weights they were, what data a folder held), or
           that the number is printed as recorded
unknown    the claim does not say, or the run does not record it
open       only the run will tell (plans alone)

Classes of `verdict/2`, from the worst answer:

A  all the same, stated, in released code or told by the authors; identity of the weights shown
B  as A, but the split is only described and was drawn again
C  a decisive field was inferred or found by search, an identity is not shown, or the number was
   read in a transcription
D  a decisive field is different or unknown

Precision is not compared: what it changes in a score is part of the measurement, and has a gate.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from catalog.records import Checkpoint, Claim, Compared, Project, ProtocolField, RunOptions
from reproduce.ground import wording
from reproduce.obtaining.identity import Answer as Shown
from reproduce.obtaining.identity import identity, released
from reproduce.runs.spec import OWN
from reproduce.scoring.needs import needs_of

DECISIVE = (
    "metric_profile",
    "prompt_profile",
    "preprocessing",
    "grid",
    "mask_selection",
    "threshold",
    "postprocessing",
)
COUNTED = ("cases", "images", "masks", "classes")
KNOWN = ("stated", "from-code", "author-reply")
NO_PROMPTS = ("none", "none/1", "self/1")  # nobody outside the method gives it any

Class = Literal["A", "B", "C", "D"]
Answer = Literal[Shown, "unknown", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One weights file that was used. sha256 None: it is not on this machine yet (plans alone)."""

    id: str
    sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a run did, or a plan would do, in the words of a claim. None: it is not recorded.

    adapter_options  those that are not at their default
    class_names      the model's name of a class -> the data set's, where they differ
    case_list        hash of which files the cases were (`reproduce.obtaining.identity.case_list`)
    counts           of `COUNTED`; what is not in it is not recorded
    seeds            that prompts were drawn with
    other_prompts    the prompts are none that the profile makes for these weights; how
    reference_filter what was done to the references before they were scored; "none": nothing
    objects          how several regions of one label were counted: union, separate
    rounds           how often each target was asked about
    cut              the cases were cut short; how
    open             fields that only the run will tell
    """

    weights: tuple[Weights, ...]
    adapter: str | None
    adapter_options: Mapping[str, Any] | None
    dataset: str | None
    dataset_options: Mapping[str, Any] | None
    class_names: Mapping[str, Any] | None
    split: str | None
    prompt_profile: str | None
    prompt_grid: str | None
    preprocessing: str | None
    postprocessing: str | None
    grid: str | None
    case_list: str | None = None
    label: str | None = None
    metric: str | None = None
    metric_profile: str | None = None
    mask_selection: str | None = None
    threshold: str | float | None = None
    counts: Mapping[str, int | None] = field(default_factory=dict)
    reference_filter: Mapping[str, Any] | str | None = None
    objects: str | None = None
    rounds: int | None = None
    seeds: tuple[int, ...] = (0,)
    other_prompts: str | None = None
    cut: str | None = None
    open: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every field that a claim fixes, compared. `redrawn`: its split is only described."""

    fields: tuple[Compared, ...]
    redrawn: bool = False

    @property
    def group(self) -> Class:
        """The class; of a plan, the best that its run can reach."""
        answers = {item.answer for item in self.fields}
        if answers & {"different", "unknown"}:
            return "D"
        if "not shown" in answers or any(item.inferred for item in self.fields):
            return "C"
        return "B" if self.redrawn else "A"

    @property
    def reasons(self) -> list[str]:
        """Why the class is not a better one; [] for A."""
        decide: Mapping[Class, Callable[[Compared], bool]] = {
            "D": lambda item: item.answer in ("different", "unknown"),
            "C": lambda item: item.answer == "not shown" or item.inferred,
        }
        if self.group in decide:
            return self._told(decide[self.group])
        return ["the split is described, not released: it was drawn again"] * (self.group == "B")

    @property
    def differences(self) -> list[str]:
        """What was done otherwise: a run with any does not answer the claim."""
        return self._told(lambda item: item.answer == "different")

    def _told(self, wanted: Callable[[Compared], bool]) -> list[str]:
        return [item.reason or item.field for item in self.fields if wanted(item)]


def compare(claim: Claim, project: Project, done: Done) -> Comparison:
    """Everything that `claim` of `project` fixes, beside what was done."""
    fields = [
        *_number(claim),
        *_faults(claim, project),
        *_weights(claim, project, done),
        *_adapter(claim, project, done),
        *_data(project, claim, done),
        *_counts(claim, done),
        *_scored(claim, done),
        *(_protocol(name, getattr(claim.protocol, name), done) for name in DECISIVE),
        *_chosen(claim),
        *_evaluated(claim, done),
        *_prompted(project, claim, done),
    ]
    return Comparison(tuple(fields), redrawn=claim.split_source == "described")


def _number(claim: Claim) -> Iterator[Compared]:
    """A number that nobody has seen where it is printed may be copied wrong: it accuses nobody."""
    if claim.source.transcribed_from:
        reason = f"printed number: read in {claim.source.transcribed_from}, not where it is printed"
        yield Compared(field="printed_number", answer="not shown", reason=reason)


def _faults(claim: Claim, project: Project) -> Iterator[Compared]:
    """What `sam4mis check` refuses equals nothing that a run did, even the same nonsense."""
    from reproduce.judging.words import faults, field_of

    for fault in faults(project, claim):
        yield Compared(field=field_of(fault), answer="unknown", reason=fault.message)


def reader_of(claim: Claim) -> str:
    """The dataset plugin that reads a claim's data; "" where it names no data set."""
    options = claim.run or RunOptions()
    return options.dataset_plugin or _named_like(claim)


def _named_like(claim: Claim) -> str:
    """The plugin that is called like the claim's data set."""
    return (claim.dataset or "").lower().replace(" ", "-")


def dataset_options_of(project: Project, claim: Claim) -> dict[str, Any]:
    """Options of that plugin: those the claim names, the set within a collection, and values as
    stored where the project's adapter starts from them and the plugin keeps them."""
    from reproduce.ground.plugins import plugins

    named = {} if claim.set is None else {"set": claim.set}
    adapter = plugins("adapters").get(project.adapter or "")
    dataset = plugins("datasets").get(reader_of(claim))
    if adapter is not None and adapter.values == "stored" and dataset and dataset.keeps_values:
        named["values"] = "stored"
    return {**named, **(claim.run or RunOptions()).dataset}


def checkpoint_ids(claim: Claim) -> list[str]:
    """Ids of the weights files of a claim, in the order they are laid over each other."""
    named = (claim.run or RunOptions()).checkpoints
    return list(named or ([claim.checkpoint] if claim.checkpoint else []))


def _weights(claim: Claim, project: Project, done: Done) -> Iterator[Compared]:
    wanted, used = checkpoint_ids(claim), [item.id for item in done.weights if item.id != OWN]
    known = {record.id: record for record in project.checkpoints or []}
    if not wanted or not used:
        who = "run" if wanted else "claim"
        yield Compared(
            field="checkpoint", answer="unknown", reason=f"checkpoint: the {who} names none"
        )
    elif wanted != used:
        told = f"checkpoint: claim {_quoted(wanted)}, run {_quoted(used)}"
        yield Compared(field="checkpoint", answer="different", reason=told)
    else:
        for item in done.weights:
            if item.id == OWN:
                told = "a file that no release has was made by whoever ran it"
                yield Compared(field="checkpoint", answer="not shown", reason=told)
                continue
            record = known.get(item.id, Checkpoint(id=item.id))
            answer, reason = _file(record, item.sha256)
            yield Compared(field="checkpoint", answer=answer, reason=reason)


def _file(record: Checkpoint, sha256: str | None) -> tuple[Answer, str | None]:
    if sha256 is not None:
        return identity(record, sha256)
    # A file that is still to be fetched is the recorded one or none, where a hash is recorded.
    answer, reason = identity(record, record.sha256 or "")
    return ("open", None) if answer == "same" else (answer, reason)


def _adapter(claim: Claim, project: Project, done: Done) -> Iterator[Compared]:
    yield _compared("adapter", project.adapter, done.adapter, done)
    if project.adapter is not None and project.adapter == done.adapter:
        wanted = wording.changed_options(project.adapter, (claim.run or RunOptions()).adapter)
        yield from _options("adapter option", wanted, done.adapter_options)


def _options(
    kind: str, wanted: Mapping[str, Any], used: Mapping[str, Any] | None
) -> Iterator[Compared]:
    """The options that differ; one answer where none does."""
    if used is None:
        reason = f"the run does not record its {kind}s"
        yield Compared(field=f"{kind}s", answer="unknown", reason=reason)
        return
    names = [n for n in {**wanted, **used} if not _equal(wanted.get(n), used.get(n))]
    for name in names:
        reason = (
            f"{kind} {name}: claim {wording.value(wanted.get(name, 'default'))}, "
            f"run {wording.value(used.get(name, 'default'))}"
        )
        yield Compared(field=f"{kind}s", answer="different", reason=reason)
    if not names:
        yield Compared(field=f"{kind}s", answer="same")


def _data(project: Project, claim: Claim, done: Done) -> Iterator[Compared]:
    reader = reader_of(claim)
    data = _compared("dataset", reader or None, done.dataset, done)
    if data.answer == "same" and reader != _named_like(claim):
        data = _stand_in(claim, reader)
    elif data.answer == "same":
        data = _files(reader, done)
    yield data
    yield from _options("dataset option", dataset_options_of(project, claim), done.dataset_options)
    yield from _options("class name", (claim.run or RunOptions()).labels, done.class_names)
    yield _compared("split", claim.split, done.split, done)
    if claim.split_source == "unknown":
        reason = "which cases were tested is unknown"
        yield Compared(field="split", answer="unknown", reason=reason)
    if done.cut is not None:
        yield Compared(field="cases", answer="different", reason=done.cut)


def _stand_in(claim: Claim, reader: str) -> Compared:
    """Layouts are shared by many data sets: a plugin that only reads the layout cannot vouch for
    what is in the folder; a stated number of cases can at least contradict it."""
    counted = claim.n.cases is not None or claim.n.images is not None
    return Compared(
        field="dataset",
        answer="not shown" if counted else "unknown",
        reason=f"dataset: read with the layout of {reader!r}; "
        + ("only their number" if counted else "nothing recorded")
        + f" tells that the folder held {claim.dataset!r}",
    )


def _files(reader: str, done: Done) -> Compared:
    """Whether the files that the data set's own reader read are the released ones."""
    from reproduce.ground.plugins import plugins

    dataset = plugins("datasets").get(reader)
    recorded = done.case_list is not None or "case_list" in done.open
    if dataset is None or done.split is None or not recorded:
        reason = "the run does not record which files its cases were"
        return Compared(field="dataset", answer="unknown", reason=reason)
    answer, why = released(dataset, done.split, done.dataset_options or {}, done.case_list)
    return Compared(field="dataset", answer=answer, reason=why)


def _counts(claim: Claim, done: Done) -> Iterator[Compared]:
    """Numbers that the claim states; one that it does not state neither helps nor hinders."""
    for name in COUNTED:
        stated: int | None = getattr(claim.n, name)
        if stated is None or (name == "classes" and claim.label is not None):
            continue  # of one class, the number of classes is that of the table around it
        yield _compared(name, stated, done.counts.get(name), done)
    yield from _all_classes(claim, done)


def _all_classes(claim: Claim, done: Done) -> Iterator[Compared]:
    """Of a model that takes no prompts nothing but the data set says how many classes there are:
    a mean over all is one over all that it lists, or a class was left out."""
    from reproduce.ground.plugins import plugins

    reader = plugins("datasets").get(str(done.dataset))
    over_all = claim.label is None and claim.n.classes is None
    if over_all and reader is not None and reader.labels and done.prompt_profile in NO_PROMPTS:
        yield _compared("classes", len(reader.labels), done.counts.get("classes"), done)


def _scored(claim: Claim, done: Done) -> Iterator[Compared]:
    yield _compared("metric", claim.metric, done.metric, done)
    if claim.label is not None or done.label is not None:
        wanted, used = claim.label or "all classes", done.label or "all classes"
        yield _compared("label", wanted, used, done)


def _protocol(name: str, stated: ProtocolField, done: Done) -> Compared:
    used = getattr(done, name)
    if name == "prompt_profile" and stated.value in NO_PROMPTS and used in NO_PROMPTS:
        used = stated.value
    value = None if stated.evidence == "unknown" else stated.value
    item = _compared(name, value, used, done)
    if item.answer in ("same", "open") and stated.evidence not in KNOWN:
        item.inferred = True
        item.reason = f"{wording.name(name)} {value!r} is inferred"
    return item


def _chosen(claim: Claim) -> Iterator[Compared]:
    """Options that a record sets for its runs make the number as conventions do: whoever chose
    them without a page or code that says so searched."""
    options = claim.run or RunOptions()
    given = [name for name in RunOptions.DECIDING if getattr(options, name)]
    if given and (options.evidence not in KNOWN or not options.place):
        reason = f"run.{', run.'.join(given)} of the claim: where that is read is not recorded"
        if options.evidence == "inferred":
            reason = f"run.{', run.'.join(given)} of the claim is inferred"
        yield Compared(field="run_options", answer="same", reason=reason, inferred=True)


def _evaluated(claim: Claim, done: Done) -> Iterator[Compared]:
    """What a metric profile wants done before anything is scored, and how often a prompt profile
    asks. A profile that is unknown, or none, is told as such."""
    from reproduce.ground.plugins import plugins

    scored = claim.protocol.metric_profile.value
    metric = next((m for m in plugins("metrics").values() if m.id == scored), None)
    if metric is not None:
        needs = needs_of(metric, {claim.metric}, {2, 3})
        yield _compared("reference_filter", needs.rule or "none", done.reference_filter, done)
        yield _compared("objects", needs.objects, done.objects, done)
    value = claim.protocol.prompt_profile.value
    prompts = plugins("prompts").get(str(value).partition("/")[0])
    if prompts is not None or value in NO_PROMPTS:
        yield _compared("rounds", 1 if prompts is None else prompts.rounds, done.rounds, done)


def _prompted(project: Project, claim: Claim, done: Done) -> Iterator[Compared]:
    """The grid that prompts are made on is the release's, which its adapter knows."""
    if done.prompt_profile is not None and done.prompt_profile not in NO_PROMPTS:
        yield _compared("prompt_grid", _prompt_grid(project, claim), done.prompt_grid, done)
    yield from _seeds(claim, done)
    if done.other_prompts is not None:
        yield Compared(field="prompt_profile", answer="different", reason=done.other_prompts)


def _seeds(claim: Claim, done: Done) -> Iterator[Compared]:
    """Random prompts are drawn with the claim's seeds, else with the first ones from 0 on: whoever
    may choose them chooses the number."""
    from reproduce.ground.plugins import plugins

    profile = plugins("prompts").get(str(done.prompt_profile).partition("/")[0])
    if profile is None or not profile.random:
        return
    wanted = (claim.run or RunOptions()).seeds or list(range(len(done.seeds)))
    same = bool(done.seeds) and wanted == list(done.seeds)
    reason = f"seeds: expected {wording.value(wanted)}, run {wording.value(list(done.seeds))}"
    answer: Answer = "same" if same else "different"
    yield Compared(field="seeds", answer=answer, reason=None if same else reason)


def _prompt_grid(project: Project, claim: Claim) -> str | None:
    from reproduce.asking.prompt_grid import declared_grid
    from reproduce.ground.plugins import plugins

    adapter = plugins("adapters").get(project.adapter or "")
    return adapter and declared_grid(adapter, (claim.run or RunOptions()).adapter)


def _compared(name: str, stated: Any, used: Any, done: Done) -> Compared:
    """One field; `stated` None is a claim that does not say, `used` None a run that does not."""
    told = wording.name(name)
    if stated is None:
        return Compared(field=name, answer="unknown", reason=f"{told} is unknown")
    if name in done.open:
        return Compared(field=name, answer="open")
    if used is None:
        reason = f"the run does not record its {told}"
        return Compared(field=name, answer="unknown", reason=reason)
    if not _equal(stated, used):
        reason = f"{told}: claim {stated!r}, run {used!r}"
        return Compared(field=name, answer="different", reason=reason)
    return Compared(field=name, answer="same")


def _equal(stated: Any, used: Any) -> bool:
    """Numbers up to the noise of writing them, options as JSON has them, words as they are."""
    numbers = int | float
    if isinstance(stated, numbers) and isinstance(used, numbers):
        if isinstance(stated, bool) or isinstance(used, bool):
            return stated is used
        return math.isclose(float(stated), float(used), abs_tol=1e-9)
    if isinstance(stated, Mapping | list | tuple):
        return json.dumps(stated, sort_keys=True) == json.dumps(used, sort_keys=True)
    return bool(stated == used)


def _quoted(names: list[str]) -> str:
    return ", ".join(map(repr, names))
