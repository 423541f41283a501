"""The five questions of the survey: an index, and a page and a file of the API for each."""

from __future__ import annotations

from typing import Any

from catalog import questions
from catalog.records import to_builtins
from catalog.render.answer_parts import Completeness, Drawn, QuestionFile, WorkSays
from catalog.render.answers import answers
from catalog.render.output import Output
from catalog.render.views import Catalog

ADDRESS = "questions/"


def completeness(catalog: Catalog) -> Completeness:
    """How complete the records are that the answers rest on."""
    found = [v.paper.finding for v in catalog.papers if v.paper.finding]
    return Completeness(
        works=len(catalog.papers),
        with_finding=len(found),
        of_other_models=sum(f.models == "other" for f in found),
        models_not_recorded=sum(f.models is None for f in found),
        second_hand=sum(questions.second_hand(f) for f in found),
    )


def write(output: Output, catalog: Catalog) -> None:
    drawn, complete = answers(catalog), completeness(catalog)
    output.page(
        ADDRESS,
        "questions.html",
        title="Five questions",
        description="What the field knows about SAM in medical images: five answers, each made by "
        "rule from the records, with its evidence and what is missing.",
        kind="page",
        words="answers survey reliable adaptation prompt annotation robust",
        answers=drawn,
        complete=complete,
    )
    output.api("questions.json", "list", {"items": [_head(one) for one in drawn]})
    for one in drawn:
        output.page(
            questions.address(one.number),
            "question.html",
            title=one.answer.title,
            description=one.answer.answer,
            kind="page",
            words="question answer finding works for against mixed",
            one=one,
            tally=questions.tally(one.said),
            voices=questions.VOICES,
            says=questions.SAYS.get(one.number, {}),
            listed=questions.listed(one.said),
            bearing_on={s.paper.id for s in one.said},
            complete=complete,
        )
        output.api(
            f"questions/{questions.slug(one.number)}.json",
            "question",
            {"question": to_builtins(_file(one, complete))},
        )


def _head(one: Drawn) -> dict[str, Any]:
    address = questions.address(one.number)
    return {
        "question": one.number,
        "title": one.answer.title,
        "answer": one.answer.answer,
        "page": address,
        "file": f"{address[:-1]}.json",
    }


def _file(one: Drawn, complete: Completeness) -> QuestionFile:
    says = [
        WorkSays(
            work=item.paper.id,
            voice=item.voice,
            finding=item.finding.text,
            certainty=item.finding.certainty,
            second_hand=item.second_hand,
            bearing=item.bearing,
        )
        for item in one.said
    ]
    answer = one.answer
    return QuestionFile(
        **{name: getattr(answer, name) for name in answer.__struct_fields__},
        works=says,
        records=complete,
    )
