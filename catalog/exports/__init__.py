"""Ways out: every format is a pure function from papers to text."""

from catalog.exports.bibtex import to_bibtex
from catalog.exports.csl import to_csl_json
from catalog.exports.json_ import json_schema, to_json
from catalog.exports.ris import to_ris
from catalog.exports.table import to_csv

FORMATS = {
    "bibtex": to_bibtex,
    "ris": to_ris,
    "csl-json": to_csl_json,
    "csv": to_csv,
    "json": to_json,
}

__all__ = [
    "FORMATS",
    "json_schema",
    "to_bibtex",
    "to_csl_json",
    "to_csv",
    "to_json",
    "to_ris",
]
