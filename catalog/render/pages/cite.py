"""How to cite the catalog: ready to copy, with the state of the data that was used."""

from __future__ import annotations

import json
from typing import Any

from catalog import __version__
from catalog.exports.bibtex import encode
from catalog.render import citing
from catalog.render.output import Output
from catalog.render.views import Catalog

TITLE = (
    "sam4mis: a living catalog of Segment Anything in medical image segmentation that checks "
    "the numbers"
)
AUTHOR = "The sam4mis contributors"


def write(output: Output, catalog: Catalog) -> None:
    known = output.settings
    state = f"Data of {catalog.newest}" + (f", commit {known.commit[:10]}" if known.commit else "")
    address = known.site_url or known.repo_url
    output.page(
        "cite/",
        "cite.html",
        title="Cite this catalog",
        kind="page",
        description="How to cite the catalog and the list that it grew from.",
        words="bibtex ris reference citation",
        forms=forms(catalog.newest, state, address),
        state=state,
        head=citing.script(linked_data(catalog, known.site_url)),
    )


def forms(day: str, state: str, address: str | None) -> list[tuple[str, str]]:
    """(name of the form, text to copy) of each form that the catalog is cited in.

    day      the newest day that the data know, `YYYY-MM-DD`
    address  of the site, else of the repository; None: nobody has set one
    """
    year = day[:4]
    fields = {
        "title": f"{{{encode(TITLE)}}}",
        "author": f"{{{AUTHOR}}}",
        "year": year,
        "version": __version__,
        "note": state,
        "url": address,
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    ris = [
        ("TY", "DATA"),
        ("TI", TITLE),
        ("AU", AUTHOR),
        ("PY", year),
        ("DA", day.replace("-", "/")),
        ("ET", __version__),
        ("N1", state),
        ("UR", address),
        ("ER", ""),
    ]
    csl = {
        "id": "sam4mis",
        "type": "dataset",
        "title": TITLE,
        "author": [{"literal": AUTHOR}],
        "issued": {"date-parts": [[int(part) for part in day.split("-")]]},
        "version": __version__,
        "note": state,
        "URL": address,
    }
    plain = f"{AUTHOR} ({year}). {TITLE} (version {__version__}). {state}."
    return [
        ("Text", plain + (f" {address}" if address else "")),
        ("BibTeX", "\n".join(["@misc{sam4mis,", *lines, "}"])),
        ("RIS", "\n".join(f"{tag}  - {value}" for tag, value in ris if value is not None)),
        (
            "CSL-JSON",
            json.dumps([{k: v for k, v in csl.items() if v}], ensure_ascii=False, indent=1),
        ),
    ]


def linked_data(catalog: Catalog, site: str | None) -> dict[str, Any]:
    """The catalog as a data set in schema.org's words."""
    known = {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "name": TITLE,
        "description": f"{len(catalog.papers)} works on Segment Anything in medical image "
        f"segmentation, {len(catalog.methods)} code releases, {len(catalog.claims)} claims.",
        "creator": {"@type": "Organization", "name": AUTHOR},
        "license": "https://creativecommons.org/publicdomain/zero/1.0/",
        "isAccessibleForFree": True,
        "version": __version__,
        "dateModified": catalog.newest,
        "url": site,
        "distribution": [
            {
                "@type": "DataDownload",
                "encodingFormat": kind,
                "contentUrl": f"{site or '../'}dumps/papers.{suffix}",
            }
            for suffix, (_, kind, _) in citing.BESIDE.items()
        ],
    }
    return {key: value for key, value in known.items() if value}
