"""DOIs read off publishers' addresses, only where the publisher's rule leaves no doubt."""

from __future__ import annotations

import re
from urllib.parse import unquote

from catalog.addresses import on

# Article ids of Nature's journals: s41746-025-01881-y, and before 2018 nmeth.4123, srep12345.
_NATURE = r"s\d{5}-\d{3}-\d{4,5}-[\da-z]|[a-z]{3,9}\.?\d{2,8}(?:\.\d+)?"

# MDPI builds its DOIs as 10.3390/<short name><volume><issue, 2 digits><article, 4 digits>; the
# address has the ISSN instead of the short name. Only journals whose pair we are sure of.
_MDPI = {
    "1999-4893": "a",
    "1099-4300": "e",
    "2306-5354": "bioengineering",
    "2075-4418": "diagnostics",
    "1424-8220": "s",
    "2076-3417": "app",
    "2072-6694": "cancers",
    "2313-433x": "jimaging",
    "2079-9292": "electronics",
    "2072-4292": "rs",
    "2227-7390": "math",
    "2077-0383": "jcm",
    "2504-4990": "make",
}


def doi_of_page(host: str, path: str, query: dict[str, str]) -> tuple[str, str] | None:
    """A DOI and the rule that gives it, only where the publisher's rule leaves no doubt."""
    path = unquote(path)
    if on(host, "nature.com") and (
        match := re.match(rf"/articles/({_NATURE})(?:\.pdf|_reference\.pdf|/.*)?$", path)
    ):
        return f"10.1038/{match[1]}", "nature.com/articles/X is 10.1038/X"
    if on(host, "mdpi.com") and (
        match := re.match(r"(?a)/(\d{4}-\d{3}[\dxX])/(\d+)/(\d+)/(\d+)(?:/|$)", path)
    ):
        short = _MDPI.get(match[1].lower())
        if short:
            number = f"{int(match[2])}{int(match[3]):02d}{int(match[4]):04d}"
            return f"10.3390/{short}{number}", "MDPI: journal, volume, issue, article"
    if on(host, "jmir.org") and (match := re.match(r"(?a)/20(\d\d)/\d+/e(\d{5,})", path)):
        return f"10.2196/{match[2]}", "JMIR: 10.2196/<article number>"
    if on(host, "biorxiv.org", "medrxiv.org") and (
        match := re.search(
            r"(?a)/(?:(10\.\d{4,5})/)?((?:\d{4}\.\d\d\.\d\d\.)?\d{6,8})(?=v\d|\.|/|$)", path
        )
    ):
        return f"{match[1] or '10.1101'}/{match[2]}", "bioRxiv and medRxiv: 10.1101/<number>"
    if on(host, "ssrn.com") and re.fullmatch(r"(?a)\d+", query.get("abstract_id", "")):
        return f"10.2139/ssrn.{query['abstract_id']}", "SSRN: 10.2139/ssrn.<abstract id>"
    if on(host, "preprints.org") and (
        match := re.match(r"(?a)/manuscript/(20\d{4}\.\d{4})/(v\d+)", path)
    ):
        return f"10.20944/preprints{match[1]}.{match[2]}", "preprints.org: number and version"
    if on(host, "researchsquare.com") and (
        match := re.match(r"(?a)/article/(rs-\d+)/(v\d+)", path)
    ):
        return f"10.21203/rs.3.{match[1]}/{match[2]}", "Research Square: number and version"
    if host == "elifesciences.org" and (match := re.match(r"(?a)/articles/(\d{5,})", path)):
        return f"10.7554/elife.{match[1]}", "eLife: 10.7554/eLife.<number>"
    if on(host, "plos.org") and query.get("id", "").startswith("10.1371/"):
        return query["id"], "PLOS: the DOI is in the address"
    # Springer, ACM, Wiley, SPIE, Frontiers, RSNA, IOP, Liebert ...: the address contains the DOI.
    if match := re.search(r"(?a)/(10\.\d{4,9}/.+)$", path):
        return _trim_page(match[1]), "the DOI is in the address"
    return None


def _trim_page(text: str) -> str:
    """A DOI at the end of a publisher's path without the page's own endings."""
    text = re.sub(
        r"(?i)/(?:full|abstract|abs|meta|pdf|epdf|html|xml|fulltext|summary)/?$", "", text
    )
    return re.sub(r"(?i)\.(?:pdf|short|full|abstract|html|full\.pdf)$", "", text)
