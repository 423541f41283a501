"""Words of pages: vocabulary values, verdict states, reasons, the ladders of code and weights."""

from __future__ import annotations

from functools import cache

from catalog.vocabulary import vocabularies

#: The kinds of nothing, which are no values of a vocabulary.
NOTHING = {"unknown": "not recorded", "n/a": "not applicable", "none": "none"}

#: Verdict states in the order they are shown; what each means in a few words.
STATES = {
    "reproduced": "the 90 % interval of measured minus claimed lies inside ±0.01",
    "lower": "measured below the claim by more than the tolerance",
    "higher": "measured above the claim by more than the tolerance",
    "inconclusive": "the interval crosses a bound of the tolerance",
    "not-comparable": "measured, but a decisive convention is unknown or different",
    "blocked": "cannot be run; the reason is recorded",
    "not-attempted": "nothing known to stand in the way; nobody has run it yet",
}

#: States that rest on a run of the checkpoint under a comparable protocol.
DECIDED = ("reproduced", "lower", "higher", "inconclusive")

#: What rows that others released say about a printed number; never a state of a claim.
RELEASED = {
    "agrees": "the printed digits follow from the released rows",
    "differs": "the released rows give other digits",
    "not enough": "there are no rows under it, or no printed number beside them",
}
#: What a row is, from what shows most to what shows least.
ROWS = {
    "masks": "masks, scored by our own core",
    "cases": "cases",
    "slices": "slices or single images of cases",
    "classes": "classes: only the last step of the mean can be checked",
    "tasks": "tasks: only the last step of the mean can be checked",
    "domains": "domains: only the last step of the mean can be checked",
    "data sets": "data sets: only the last step of the mean can be checked",
}

BLOCKED = {
    "no-checkpoint": "No checkpoint was released",
    "dead-link": "The link to the checkpoint is dead",
    "gated-data": "The data need an application",
    "private-data": "The data are private",
    "licence": "A licence does not allow it",
    "protocol-unknown": "The protocol is not known",
    "no-protocol": "No protocol is given with the number",
    "unsafe-checkpoint": "The checkpoint cannot be loaded safely",
    "hardware": "It needs hardware we do not have",
    "manual-download": "The checkpoint has to be downloaded by hand",
    "trained-on-test": "The checkpoint was trained on the test cases",
    "no-adapter": "Nobody has written the adapter yet",
    "no-support": "A reader, prompts or a metric is missing here",
}

#: What would lift a block, by reason: what readers can help with.
LIFTED = {
    "no-checkpoint": "authors release the weights",
    "dead-link": "an address that answers",
    "gated-data": "somebody with access to the data",
    "private-data": "the owners of the data",
    "licence": "a licence that allows it",
    "protocol-unknown": "authors say how they computed it",
    "no-protocol": "authors say how they computed it",
    "unsafe-checkpoint": "weights in a format that opens safely",
    "hardware": "larger hardware",
    "manual-download": "somebody who downloads the file by hand",
    "trained-on-test": "nothing: other weights are needed",
    "no-adapter": "an adapter",
    "no-support": "a reader, a prompt profile or a metric",
}

CODE = {
    "yes": "code",
    "linked": "linked, not read yet",
    "announced": "announced",
    "empty": "empty repository",
    "none": "none found",
    "unknown": "not checked",
}
WEIGHTS = {
    "yes": "public weights",
    "gated": "gated",
    "announced": "announced",
    "dead": "dead link",
    "none": "none found",
    "unknown": "not checked",
}
LICENCES = {
    "commercial": "commercial use allowed",
    "non-commercial": "non-commercial or research only",
    "none": "no licence stated",
    "unknown": "not known",
}


@cache
def _terms() -> dict[str, str]:
    """Value -> label over all vocabularies; a value means the same in each of them."""
    merged: dict[str, str] = {}
    for vocabulary in vocabularies().values():
        for value, term in vocabulary.terms.items():
            merged.setdefault(value, term.label)
    return merged | NOTHING


def label(token: str) -> str:
    """The value as readers see it: `ct` -> `CT`; values outside the vocabularies as they are."""
    return _terms().get(token, token)


def inside(text: str) -> str:
    """A label as it stands inside a sentence: `Dermoscopy` is `dermoscopy`, `MRI` stays."""
    return text if text[1:] != text[1:].lower() else text.lower()
