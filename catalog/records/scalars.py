"""What fields of records are made of: names, digests, counts; and the base of all records."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Struct

NotApplicable = Literal["n/a"]

# In Python `$` also matches before a last line break: the `(?!\n)` behind it keeps that out.
# What names pages, files and anchors: lower case, digits, and . _ + - inside; never a path.
Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._+-]*$(?!\n)")]
# A file inside the folder of the record that names it: no absolute path, none that leads out.
InnerFile = Annotated[
    str, msgspec.Meta(pattern=r"^(?!/)(?!(.*/)?\.\.(/|$))[^\\:\x00-\x1f]+$(?!\n)")
]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
# Who ran something: a name that people choose, such as one at a code host, or an ORCID.
Who = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]


class Record(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all records: strict about unknown fields."""
