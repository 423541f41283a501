"""A YAML text changed to hold other data: only what differs is written."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import reading
from catalog.editing.patching import carried, patched, same
from catalog.errors import FindingsError, InputError

FILE = """\
# the head stays
slug: a   # a name

repository: {url: 'https://x', commit: abc,
  read: true}
points:
- id: one  # the first
  note: 'long
    text'
  # inside one
  urls: [a, b]
# between
-   # an item below its dash
  id: two
  note: |
    # no comment
    text
- {id: three, urls: [c]}
empty:
last: end
# the tail stays"""


def changed(change: str, text: str = FILE) -> str:
    """The text after a change written as Python."""
    data = reading.parse(text, "a.yaml").data
    exec(change, {"d": data})
    return patched(text, data, "a.yaml")


def difference(change: str, text: str = FILE) -> tuple[list[str], list[str]]:
    """Lines that came and lines that went."""
    old, new = text.splitlines(), changed(change, text).splitlines()
    return [line for line in new if line not in old], [line for line in old if line not in new]


@pytest.mark.parametrize(
    ("change", "came", "went"),
    [
        ("d['slug'] = 'b'", ["slug: b   # a name"], ["slug: a   # a name"]),
        ("d['empty'] = 1", ["empty: 1"], ["empty:"]),
        ("d['empty'] = [{'a': 1}]", ["  - a: 1"], []),
        ("d['last'] = None", ["last: null"], ["last: end"]),
        ("del d['slug']", [], ["slug: a   # a name"]),
        ("d['repository']['read'] = False", ["  read: false}"], ["  read: true}"]),
        ("d['repository']['moved'] = 'there'", ["  read: true, moved: there}"], ["  read: true}"]),
        (
            "del d['repository']['commit']",
            ["repository: {url: 'https://x',"],
            ["repository: {url: 'https://x', commit: abc,"],
        ),
        ("d['points'][0]['note'] = 'x'", ["  note: x"], ["  note: 'long", "    text'"]),
        ("d['points'][0]['urls'].append('c')", ["  urls: [a, b, c]"], ["  urls: [a, b]"]),
        ("d['points'][0]['urls'] = []", ["  urls: []"], ["  urls: [a, b]"]),
        ("d['points'][2]['urls'] = ['d']", ["- {id: three, urls: [d]}"], []),
        ("d['points'].append({'id': 'four', 'size': 4})", ["- id: four", "  size: 4"], []),
        ("d['points'].insert(0, {'id': 'zero'})", ["- id: zero"], []),
        ("del d['points'][2]", [], ["- {id: three, urls: [c]}"]),
        ("d['points'][1]['note'] = 'short'", ["  note: short"], ["  note: |", "    # no comment"]),
        ("del d['points'][0]['id']", ["- note: 'long"], ["- id: one  # the first"]),
        ("d['points'] = None", ["points: null", "  # between"], ["# between"]),
        ("d['points'][0] = 'word'", ["- word"], []),
    ],
)  # fmt: skip
def test_only_what_differs_is_written(change: str, came: list[str], went: list[str]) -> None:
    new, gone = difference(change)
    assert new[: len(came)] == came
    assert set(went) <= set(gone)
    assert len(new) <= max(len(came), 1)
    text = changed(change)
    assert text.startswith("# the head stays\n")
    assert text.endswith("# the tail stays")


def test_comments_inside_what_goes_are_kept() -> None:
    text = changed("d['points'] = 'none'")
    assert "points: none\n  # inside one\n" in text
    assert "# no comment" not in text  # that was text
    assert "# no comment" not in changed("del d['points'][1]")
    assert "\n# between\n" in changed("del d['points'][0]")
    assert "\n# inside one\n" in changed("del d['points'][0]")


def test_a_comment_behind_a_key_stays_behind_it() -> None:
    assert changed("d['a'] = {'b': [{'c': 1}]}", "a: 1  # why\n") == (
        "a:  # why\n  b:\n    - c: 1\n"
    )
    assert changed("d['a'] = 1", "a:  # why\n  - x\n  # in\n  - y\nb: 2\n") == (
        "a: 1  # why\n  # in\nb: 2\n"
    )
    assert changed("d['a'] = [{'x': 2}]", "a:  # why\n  b: 1\n") == "a:  # why\n  - x: 2\n"


def test_a_new_field_goes_behind_the_one_before_it() -> None:
    text = "a: 1\n# of c\nc: 3\n"
    assert patched(text, {"a": 1, "b": 2, "c": 3}, "f") == "a: 1\nb: 2\n# of c\nc: 3\n"
    assert patched(text, {"z": 0, "a": 1, "c": 3}, "f") == "z: 0\na: 1\n# of c\nc: 3\n"
    assert patched("- {a: 1}\n", [{"z": 0, "a": 1}], "f") == "- {z: 0, a: 1}\n"
    assert patched("x:\n- a: 1\n", {"x": [{"z": 0, "a": 1}]}, "f") == "x:\n- z: 0\n  a: 1\n"


def test_windows_line_ends_stay() -> None:
    text = FILE.replace("\n", "\r\n")
    data = reading.parse(text, "f").data
    data["points"] += [{"id": "four"}]
    data["new"] = {"a": {"b": 1}}
    del data["points"][0]["note"]
    after = patched(text, data, "f")
    assert after.count("\r\n") == after.count("\n")
    assert "\r\r" not in after


def test_numbers_and_truth_are_not_mixed_up() -> None:
    assert not same({"a": [1]}, {"a": [True]})
    assert not same(1, 1.0)
    assert patched("a: 1\n", {"a": True}, "f") == "a: true\n"
    assert patched("a: 1\n", {"a": 1.0}, "f") == "a: 1.0\n"


def test_what_a_reader_would_assume_stays_where_somebody_wrote_it() -> None:
    there = {"title": "T", "note": None, "versions": [{"kind": "x", "venue": None}]}
    before = {"title": "T", "versions": [{"kind": "x"}]}
    after = {"title": "T", "short": "S", "versions": [{"kind": "y"}]}
    assert carried(there, before, after) == {
        "title": "T",
        "note": None,
        "short": "S",
        "versions": [{"kind": "y", "venue": None}],
    }
    assert carried({"note": None}, {}, {"note": "N"}) == {"note": "N"}
    assert carried([1, 2, 3], [1, 2, 3], [1, 9, 8, 3]) == [1, 9, 8, 3]


def test_a_layout_that_cannot_be_edited_is_refused() -> None:
    with pytest.raises(InputError, match=r"a\.yaml: this change cannot be made by a program"):
        patched("# nothing yet\n", {"a": 1}, "a.yaml")
    with pytest.raises(FindingsError, match="broken YAML"):
        patched("a: [1\n", {"a": 2}, "a.yaml")


words = st.text(st.sampled_from("ab #:-'\"{}[],&*\né"), max_size=6)
keys = st.sampled_from(["a", "b", "c d", "1", "no", "#x", "k:v"])
trees = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)
records = st.dictionaries(keys, trees, min_size=1, max_size=4)


class Dumper(yaml.SafeDumper):
    """PyYAML as an independent writer, in its own layouts."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@settings(max_examples=400, deadline=None)
@given(
    old=records,
    new=records,
    flow=st.sampled_from([True, False, None]),
    indent=st.sampled_from([2, 4]),
    width=st.sampled_from([10, 1000]),
)
def test_any_data_become_any_other_in_any_layout(
    old: dict[str, Any], new: dict[str, Any], flow: bool | None, indent: int, width: int
) -> None:
    new = {**{name: old[name] for name in list(old)[:1]}, **new}  # something stays
    text = yaml.dump(old, Dumper=Dumper, default_flow_style=flow, indent=indent, width=width)
    text = "# head\n" + text + "# tail\n"
    if not same(reading.parse(text, "f").data, old):
        return  # a word that YAML 1.1 and 1.2 read differently
    after = patched(text, new, "f")
    assert same(reading.parse(after, "f").data, new)
    assert after.startswith("# head\n")
    assert after.endswith("# tail\n")
    assert patched(after, new, "f") == after
