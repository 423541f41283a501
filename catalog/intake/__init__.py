"""Ways in: pasted BibTeX, RIS, CSL-JSON or identifiers become drafts of records, without a network.

`read` sniffs the format and returns drafts, or raises `FindingsError` naming every problem with its
place in what was pasted. `catalog.intake.draft.Draft.to_paper` turns a draft into a record.
"""

from catalog.intake.draft import Draft
from catalog.intake.reading import decode, read, sniff

__all__ = ["Draft", "decode", "read", "sniff"]
