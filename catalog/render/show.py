"""Small readings of records that templates need: identifiers as links, cards as rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import shorten
from typing import Any
from urllib.parse import urlencode

from catalog.metrics import is_length, is_share, percent_decimals
from catalog.records import Claim, ProtocolCard, ProtocolField, Version
from catalog.render.labels import DECIDED
from catalog.render.views import ClaimView, PaperView


def checked(claims: Iterable[ClaimView]) -> int:
    """How many of the claims have a verdict that rests on a comparable run."""
    return sum(c.state in DECIDED for c in claims)


def identifiers(_: PaperView, version: Version) -> list[tuple[str, str, str]]:
    """(kind, text, address) of each identifier of a version that resolves to a page."""
    ids = version.ids
    found = [
        ("arXiv", ids.arxiv, f"https://arxiv.org/abs/{ids.arxiv}"),
        ("DOI", ids.doi, f"https://doi.org/{ids.doi}"),
        ("PubMed", ids.pmid, f"https://pubmed.ncbi.nlm.nih.gov/{ids.pmid}/"),
        ("PMC", ids.pmcid, f"https://pmc.ncbi.nlm.nih.gov/articles/{ids.pmcid}/"),
        ("OpenReview", ids.openreview, f"https://openreview.net/forum?id={ids.openreview}"),
        ("IEEE", ids.ieee, f"https://ieeexplore.ieee.org/document/{ids.ieee}"),
        ("PII", ids.pii, f"https://www.sciencedirect.com/science/article/pii/{ids.pii}"),
    ]
    return [(kind, text, address) for kind, text, address in found if text]


def protocol(claim: Claim) -> list[tuple[str, ProtocolField]]:
    """The conventions behind a claim in the order of the record."""
    fields = claim.protocol.__struct_fields__
    return [(name.replace("_", " "), getattr(claim.protocol, name)) for name in fields]


def card(value: ProtocolCard) -> list[tuple[str, str | None]]:
    """A protocol card as question and answer. None: not seen in the code."""
    return [
        ("Evaluation script", value.eval_script),
        ("Metric code", value.metric_code),
        ("Prompt", value.prompt),
        ("Threshold", value.threshold),
        ("Empty masks", value.empty_cases),
        ("Aggregation", value.aggregation),
        ("Resolution", value.resolution),
        ("Choice of mask", value.mask_selection),
        ("In full", value.convention),
    ]


def offer_address(repo_url: str, project: str, claims: list[str], files: list[str]) -> str:
    """A new issue by somebody who can run claims: which, what a run needs, what they have."""
    body = (
        f"Claims: {', '.join(claims[:12])}{' ...' if len(claims) > 12 else ''}",
        "I have the data: ",
        "My machine (GPU, memory): ",
        *(f"sha256 of {name}, and where I got it: " for name in files[:6]),
        "What the command said: ",
    )
    title = f"I can run {project}"
    return f"{repo_url}/issues/new?" + urlencode({"title": title, "body": "\n".join(body)})


def dispute_address(repo_url: str, claim: str) -> str:
    """The form for an objection to a claim or its verdict, with `project/claim` filled in."""
    return f"{repo_url}/issues/new?" + urlencode(
        {"template": "dispute-verdict.yml", "claim": claim, "title": f"Dispute: {claim}"}
    )


def card_address(repo_url: str, project: str, question: str, answer: str | None) -> str:
    """A new issue about one line of a protocol card: which project, which line, what it says."""
    body = (
        f"Project: {project}",
        f"Line of the protocol card: {question}",
        f"It says: {shorten(answer or 'nothing', 300, placeholder=' ...')}",
        "It should say: ",
        "File, line and commit that show it: ",
    )
    title = f"Correction: {project}, protocol card, {question}"
    return f"{repo_url}/issues/new?" + urlencode({"title": title, "body": "\n".join(body)})


def printed(claim: Claim) -> str:
    """The value as printed, with its unit: percent, or that of a distance."""
    unit: str | None = "%" if claim.scale == 100 else claim.unit
    if unit is None and is_length(claim.metric):
        unit = "(unit not stated)"
    return f"{claim.value:.{claim.decimals}f}" + (f" {unit}" if unit else "")


def claimed(claim: Claim) -> str:
    """A share in percent with its own precision, two decimals at most; what is none as printed."""
    if not is_share(claim):
        return printed(claim)
    return f"{100 * claim.fraction:.{percent_decimals(claim)}f} %"


def duration(hours: float | None) -> str:
    """Hours as a reader says them: `45 s`, `20 min`, `4.7 h`; `not known`."""
    if hours is None:
        return "not known"
    if hours * 3600 < 90:
        return f"{max(hours * 3600, 1):.0f} s"
    return f"{hours * 60:.0f} min" if hours < 1.5 else f"{hours:.1f} h"


def issue_url(reference: str) -> str | None:
    """`owner/name#12` as the address of the issue; None if it is written otherwise."""
    found = re.fullmatch(r"([\w.-]+/[\w.-]+)#(\d+)", reference)
    return f"https://github.com/{found[1]}/issues/{found[2]}" if found else None


def records(mapping: dict[str, Any]) -> list[tuple[str, list[str], list[list[Any]]]]:
    """Lists of objects in provenance as tables: (name, columns, rows).

    Nested objects become dotted columns; None where an object lacks the column.
    """
    tables = []
    for key, value in mapping.items():
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            found = [dict(flat(item)) for item in value if isinstance(item, dict)]
            columns = list(dict.fromkeys(name for row in found for name in row))
            tables.append((key, columns, [[row.get(c) for c in columns] for row in found]))
    return tables


def is_digest(value: Any) -> bool:
    """Whether a value is a SHA-256 in hexadecimal."""
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def printed_by(claim: Claim) -> str | None:
    """Who else printed the number, or where it was quoted; None where it is the project's own."""
    said = []
    if not claim.own:
        said.append(f"printed by {claim.printed_by or 'whom is not known'}")
    if claim.source.transcribed_from:
        said.append(f"transcribed from {claim.source.transcribed_from}")
    return "; ".join(said) or None


def flat(mapping: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested provenance as (dotted name, value) rows; lists on one line."""
    rows: list[tuple[str, Any]] = []
    for key, value in mapping.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            rows += flat(value, f"{name}.")
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            continue  # a table of its own: `records`
        elif isinstance(value, list):
            text = ", ".join(map(str, value[:12]))
            rows.append((name, f"{text} … ({len(value)})" if len(value) > 12 else text or "none"))
        else:
            rows.append((name, "none" if value == {} else value))
    return rows
