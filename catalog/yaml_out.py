"""Plain data as YAML that our strict reader reads back as it was.

PyYAML writes for YAML 1.1, where `1e5` is text; the reader follows YAML 1.2, where it is a number.
This dumper quotes every text that either of them would take for something else.
"""

from __future__ import annotations

from typing import Any

import yaml

from catalog import reading


class _Dumper(yaml.SafeDumper):
    """The safe dumper, careful with both versions of YAML."""


_Dumper.yaml_implicit_resolvers = {
    first: [*resolvers, *reading.Loader.yaml_implicit_resolvers.get(first, [])]
    for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
}
for _first, _resolvers in reading.Loader.yaml_implicit_resolvers.items():
    _Dumper.yaml_implicit_resolvers.setdefault(_first, list(_resolvers))


def dump(data: Any, width: int = 100) -> str:
    """`data` (dicts, lists, text, numbers, None) as YAML in the order it has."""
    text: str = yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=width)
    return text


def flow(value: str) -> str:
    """A text as it may stand inside braces or brackets, quoted where it must be.

    >>> flow("MIT"), flow("a, b")
    ('MIT', "'a, b'")
    """
    text: str = yaml.dump(
        [value], Dumper=_Dumper, allow_unicode=True, default_flow_style=True, width=1 << 30
    )
    return text.strip().removeprefix("[").removesuffix("]")
