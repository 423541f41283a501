"""GitHub issue forms as checked changes of the registry.

GitHub writes a filled form as Markdown: a `### label` line, then the answer or `_No response_`.
Everything in it is untrusted: it is read as text, checked like any record, and comes out as a
change of `papers.yaml` or of one file in `projects/`, never as a command.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import Finding, FindingsError

if TYPE_CHECKING:
    from catalog.intake.draft import Draft

PLACE = "issue"
LIMIT_CHARACTERS = 100_000
_NOTHING = ("_No response_", "None", "")

# form -> labels of its answers, as in .github/ISSUE_TEMPLATE/<form>.yml (a test compares them)
FORMS: dict[str, tuple[str, ...]] = {
    "add-paper": ("Identifier or address", "Reference", "Code", "Weights", "Version of"),
    "add-project": (
        "Repository",
        "Name",
        "Papers",
        "Licence of the code",
        "Licence of the weights",
        "Weights",
        "Base model",
    ),
    "correct-entry": ("Record", "Field", "New value", "Source", "Who you are"),
    "dispute-verdict": ("Claim", "Your name", "What is wrong", "Evidence", "Your number"),
}


@dataclass(slots=True)
class Answers:
    """The answers of one form by label. Problems are collected and told at once."""

    form: str
    answers: dict[str, str]
    findings: list[Finding] = field(default_factory=list)

    def get(self, label: str) -> str:
        """The answer, "" where there is none."""
        return self.answers.get(label, "")

    def lines(self, label: str) -> list[str]:
        """The answer's lines without bullets and blanks."""
        lines = (re.sub(r"^\s*[-*]\s+", "", line).strip() for line in self.get(label).splitlines())
        return [line for line in lines if line]

    def required(self, label: str) -> str:
        """The answer; a finding where it is missing."""
        if not self.get(label):
            self.wrong(label, "is empty.", "Edit the issue and fill it in.")
        return self.get(label)

    def wrong(self, label: str, message: str, hint: str) -> None:
        """Note a problem with one answer."""
        self.findings.append(Finding(PLACE, None, label, "B007", message, hint))

    def done(self) -> None:
        """Raise `FindingsError` if anything is wrong."""
        if self.findings:
            raise FindingsError(self.findings)


@dataclass(frozen=True, slots=True)
class Change:
    """One file before and after. `before` is None for a new file; `title` is for a pull request."""

    path: Path
    before: str | None
    after: str
    title: str


def read_form(body: str, form: str | None = None) -> Answers:
    """The answers of an issue's body; the form is known by its labels where it is not given.

    Raises `FindingsError` for a body that is no form of ours.
    """
    if len(body) > LIMIT_CHARACTERS:
        message = f"has {len(body):,} characters; expected at most {LIMIT_CHARACTERS:,}."
        raise FindingsError([Finding(PLACE, None, "", "B005", message, "Shorten it.")])
    labels = FORMS[form] if form else tuple({label for all_ in FORMS.values() for label in all_})
    answers: dict[str, str] = {}
    label = ""
    for line in body.replace("\r\n", "\n").split("\n"):
        heading = re.fullmatch(r"### (.+)", line.rstrip())
        # a heading inside an answer is text: only labels of ours, each once
        if heading and heading[1] in labels and heading[1] not in answers:
            label = heading[1]
            answers[label] = ""
        elif label:
            answers[label] += line + "\n"
    answers = {name: _answer(text) for name, text in answers.items()}
    known = [
        name for name, own in FORMS.items() if form in (None, name) and set(own) <= set(answers)
    ]
    if not known:
        hint = f"Expected the forms {', '.join(FORMS)}; open the issue again through its form."
        raise FindingsError([Finding(PLACE, None, "", "B002", "is no filled form.", hint)])
    return Answers(known[0], answers)


def _answer(text: str) -> str:
    text = text.strip()
    fenced = re.fullmatch(r"```\w*\n(.*?)\n?```", text, re.DOTALL)  # textareas with `render`
    text = fenced[1].strip() if fenced else text
    return "" if text in _NOTHING else text


def change_of(root: Path, answers: Answers, today: str, look_up: Callable[[str], Draft]) -> Change:
    """The change that a form asks for, checked. Raises as its parts do; writes nothing."""
    from catalog.intake import form_changes

    makers = {
        "add-paper": form_changes.add_paper,
        "add-project": form_changes.add_project,
        "correct-entry": form_changes.correct_entry,
        "dispute-verdict": form_changes.dispute_verdict,
    }
    return makers[answers.form](root, answers, today, look_up)
