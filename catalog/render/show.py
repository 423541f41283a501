"""Small readings of records that templates need: identifiers as links, cards as rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

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


def issue_url(reference: str) -> str | None:
    """`owner/name#12` as the address of the issue; None if it is written otherwise."""
    found = re.fullmatch(r"([\w.-]+/[\w.-]+)#(\d+)", reference)
    return f"https://github.com/{found[1]}/issues/{found[2]}" if found else None


def flat(mapping: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested provenance as (dotted name, value) rows; lists on one line."""
    rows: list[tuple[str, Any]] = []
    for key, value in mapping.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            rows += flat(value, f"{name}.")
        elif isinstance(value, list):
            text = ", ".join(map(str, value[:12]))
            rows.append((name, f"{text} … ({len(value)})" if len(value) > 12 else text or "none"))
        else:
            rows.append((name, value))
    return rows
