"""Edits of papers.yaml: only the record changes, whatever happens meanwhile."""

from __future__ import annotations

import copy
import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from catalog import files
from catalog.editing import (
    append_record,
    apply_edits,
    dump_record,
    edit_lock,
    replace_record,
    update_record,
)
from catalog.editing.dump import scalar
from catalog.errors import FindingsError, InputError
from catalog.records import Ids, Inclusion, Links, Paper, Tag, Version
from catalog.registry import load_papers, parse_papers

COMMENTED = """\
# yaml-language-server: $schema=catalog/schemas/papers.schema.json
# the head stays

papers:  # works
  # before the first
  - id: one  # an id
    title: "One: quoted by hand"   # why not
    short_name: ONE
    # inside one
    authors:
      - A. Author
      - B. Author   # second

  # before the second
  - id: two
    title: >-
      Folded over
      two lines
    note: |
      - id: not-a-record
      text
    # at the end of two
  - {id: three, title: In one line}
# the tail stays
"""


def write(folder: Path, text: str = COMMENTED) -> Path:
    path = folder / "papers.yaml"
    path.write_bytes(text.encode())
    return path


def work(papers: list[Paper], id: str) -> Paper:
    return copy.deepcopy(next(paper for paper in papers if paper.id == id))


def added_and_removed(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = before.splitlines(), after.splitlines()
    return [line for line in new if line not in old], [line for line in old if line not in new]


def test_append_changes_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path)
    append_record(tmp_path, Paper(id="four", title="Four"))
    assert path.read_text() == COMMENTED + "  - id: four\n    title: Four\n"
    assert [paper.id for paper in load_papers(tmp_path)] == ["one", "two", "three", "four"]
    assert load_papers(tmp_path) == parse_papers(path)  # what the cache was given is what is there


@pytest.mark.parametrize(
    "text",
    [
        "papers: []\n",
        "papers:\n",
        "papers:",
        "papers: null # none yet\n",
        "# note\npapers: [ ]\n",
        "\ufeffpapers: []\n",
    ],
)
def test_append_to_an_empty_registry(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    append_record(tmp_path, Paper(id="a", title="A"))
    append_record(tmp_path, Paper(id="b", title="B"))
    assert [paper.id for paper in parse_papers(path)] == ["a", "b"]
    written = path.read_text("utf-8")
    assert ("#" in written, "\ufeff" in written) == ("#" in text, "\ufeff" in text)


def test_replace_writes_only_the_fields_that_change(tmp_path: Path) -> None:
    path = write(tmp_path)
    one = work(load_papers(tmp_path), "one")
    one.short_name = "ONE+"
    one.section = "sam"
    replace_record(tmp_path, "one", one)
    new, gone = added_and_removed(COMMENTED, path.read_text())
    assert new == ["    short_name: ONE+", "    section: sam"] or new == [
        "    short_name: 'ONE+'",
        "    section: sam",
    ]
    assert gone == ["    short_name: ONE"]
    assert parse_papers(path)[0] == one


def test_comments_inside_a_changed_field_stay(tmp_path: Path) -> None:
    path = write(tmp_path)
    one = work(load_papers(tmp_path), "one")
    one.title = "Another"
    one.authors = []
    one.short_name = None
    replace_record(tmp_path, "one", one)
    text = path.read_text()
    assert "    title: Another   # why not\n" in text
    assert "# inside one" in text
    assert "# before the second" in text
    assert parse_papers(path)[0] == one


def test_blocks_and_braces_are_edited_too(tmp_path: Path) -> None:
    path = write(tmp_path)
    papers = load_papers(tmp_path)
    two, three = work(papers, "two"), work(papers, "three")
    assert two.note == "- id: not-a-record\ntext\n"
    two.title, three.title = "Second", "Third"
    apply_edits(tmp_path, replace={"two": two, "three": three})
    assert [paper.title for paper in parse_papers(path)][1:] == ["Second", "Third"]
    assert "# at the end of two" in path.read_text()
    assert path.read_text().endswith("# the tail stays\n")


def test_an_edit_back_gives_the_same_bytes(tmp_path: Path, root: Path) -> None:
    path = write(tmp_path, (root / "papers.yaml").read_text("utf-8"))
    before = path.read_bytes()
    papers = load_papers(tmp_path)
    for paper in random.Random(1).sample(papers, 12):
        changed = work(papers, paper.id)
        changed.note = "a note: with #marks and 'quotes'"
        changed.title_aliases = [*paper.title_aliases, "Another title"]
        replace_record(tmp_path, paper.id, changed)
        old_lines, new_lines = before.splitlines(), path.read_bytes().splitlines()
        assert len(set(new_lines) - set(old_lines)) <= 3
        replace_record(tmp_path, paper.id, paper)
        assert path.read_bytes() == before


def test_windows_line_ends_stay(tmp_path: Path) -> None:
    path = write(tmp_path, COMMENTED.replace("\n", "\r\n"))
    two = work(load_papers(tmp_path), "one")
    two.short_name = "X"
    replace_record(tmp_path, "one", two)
    append_record(tmp_path, Paper(id="four", title="Four"))
    content = path.read_bytes()
    assert content.count(b"\r\n") == content.count(b"\n")
    assert [paper.id for paper in parse_papers(path)] == ["one", "two", "three", "four"]


def test_a_taken_or_unknown_id_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    path = write(tmp_path, COMMENTED.replace("short_name: ONE", "aliases: [uno]"))
    before = path.read_bytes()
    for paper in (Paper(id="one", title="x"), Paper(id="uno", title="x")):
        with pytest.raises(FindingsError, match="is taken"):
            append_record(tmp_path, paper)
    with pytest.raises(FindingsError, match="no work 'five'"):
        replace_record(tmp_path, "five", Paper(id="five", title="x"))
    with pytest.raises(FindingsError, match="without an alias"):
        replace_record(tmp_path, "two", Paper(id="zwei", title="x"))
    assert path.read_bytes() == before


def test_a_broken_file_is_never_edited(tmp_path: Path) -> None:
    path = write(tmp_path, COMMENTED + "  oops\n")
    with pytest.raises(FindingsError, match="broken YAML"):
        append_record(tmp_path, Paper(id="four", title="Four"))
    assert path.read_text() == COMMENTED + "  oops\n"


def test_records_in_unequal_columns_are_read_but_not_edited(tmp_path: Path) -> None:
    text = "papers: [{id: a, title: A}, {id: b, title: B}]\n"
    path = write(tmp_path, text)
    assert len(load_papers(tmp_path)) == 2
    with pytest.raises(InputError, match="same column"):
        append_record(tmp_path, Paper(id="c", title="C"))
    assert path.read_text() == text


def test_a_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.yaml"
    real.write_text(COMMENTED)
    real.chmod(0o640)
    (tmp_path / "papers.yaml").symlink_to(real)
    append_record(tmp_path, Paper(id="four", title="Four"))
    assert (tmp_path / "papers.yaml").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert "id: four" in real.read_text()


# --------------------------------------------------------------------------------- round trip

QUICK = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
texts = st.text(max_size=60) | st.sampled_from(
    [
        "no",
        "null",
        "~",
        "2023-04",
        "1e5",
        "0x1F",
        "- a",
        "a: b",
        "#x",
        "a #b",
        "'",
        '"',
        "\\",
        "&a",
        "*a",
        "!t",
        "%",
        "@",
        "`",
        "{a}",
        "[a]",
        ",",
        "?",
        ": ",
        "\u202eevil\u202c",
        "\ufeff",
        "a\nb",
        "a\r\nb",
        "\t",
        "\x85",
        "\u2028",
        "a ",
        " a",
        "|",
        ">",
        "é",
        "\U0001f600",
        "---",
        "...",
        "=",
        "<<",
        "+1",
        ".5",
        "1_0",
        "12:30",
        "NaN",
        ".inf",
        "\x07",
        "n/a",
        "",
        "true",
        "\ud7ff",
        "\ue000",
    ]
)
papers_of_any_text = st.builds(
    Paper,
    id=st.just("x"),
    title=texts,
    note=st.none() | texts,
    authors=st.lists(texts, max_size=3),
    title_aliases=st.lists(texts, max_size=2),
    links=st.builds(Links, code=st.none() | st.lists(texts, max_size=2)),
    modalities=st.none()
    | st.builds(
        Tag, values=st.just("n/a") | st.lists(texts, max_size=3), provenance=st.just("page")
    ),
    versions=st.lists(
        st.builds(
            Version, kind=st.just("journal"), ids=st.builds(Ids, doi=st.none() | texts), venue=texts
        ),
        max_size=2,
    ),
    inclusion=st.builds(Inclusion, decision=st.just("exclude"), reason=texts),
)


@given(papers_of_any_text)
@QUICK
def test_any_text_survives_in_yaml(paper: Paper) -> None:
    dumped = "papers:\n" + dump_record(paper)
    (back,) = yaml.safe_load(dumped)["papers"]  # an independent reader
    assert msgspec.convert(back, Paper) == paper
    assert dumped.isascii() or dumped.replace("\n", "").isprintable()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_survive_in_every_yaml(value: float) -> None:
    text = scalar(value, flow=True)
    assert yaml.safe_load(text) == value
    assert yaml.load(text, Loader=yaml.CSafeLoader) == value


@given(first=papers_of_any_text, second=papers_of_any_text)
@QUICK
def test_any_record_can_become_any_other(first: Paper, second: Paper) -> None:
    from catalog.editing import edit_text

    text = (
        "papers:\n  - id: a\n    title: A\n"
        + dump_record(first)
        + "  # between\n  - id: z\n    title: Z\n"
    )
    papers = [Paper(id="a", title="A"), first, Paper(id="z", title="Z")]
    after, edited = edit_text(text, papers, [], {"x": second})
    assert after == [papers[0], second, papers[2]]
    assert msgspec.convert(yaml.safe_load(edited)["papers"], list[Paper]) == after
    assert edited.startswith("papers:\n  - id: a\n    title: A\n")
    assert edited.endswith("  # between\n  - id: z\n    title: Z\n")


# ------------------------------------------------------------------- full disks, kills, crowds


def test_a_full_disk_leaves_the_file_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path)
    load_papers(tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(InputError, match="the disk is full"):
        append_record(tmp_path, Paper(id="four", title="Four"))
    assert path.read_text() == COMMENTED
    assert sorted(p.name for p in tmp_path.iterdir()) == [".sam4mis", "papers.yaml"]


def test_a_really_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        path = write(disk)
        paper = Paper(id="big", title="x" * 100_000)
        with pytest.raises(InputError, match=r"disk is full|nothing was changed"):
            append_record(disk, paper)
        assert path.read_text() == COMMENTED
        assert [p.name for p in disk.iterdir() if p.name.startswith(".papers")] == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


EDITOR = """
import sys
from pathlib import Path
from catalog.editing import append_record, update_record
from catalog.records import Paper
import msgspec
root, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
for number in range(count):
    append_record(root, Paper(id=f"{name}-{number}", title=f"Work {number} of {name}"))
    def sign(paper):
        return msgspec.structs.replace(paper, authors=[*paper.authors, f"{name} {number}"])
    update_record(root, "one", sign)
"""


def editor(folder: Path, name: str, count: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", EDITOR, str(folder), name, str(count)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def test_two_people_editing_at_once_lose_nothing(tmp_path: Path) -> None:
    path = write(tmp_path)
    processes = [editor(tmp_path, name, 12) for name in ("ann", "bob")]
    assert [process.wait() for process in processes] == [0, 0]
    for process in processes:
        assert process.stdout is not None
        process.stdout.close()
    papers = parse_papers(path)
    assert {p.id for p in papers} == {"one", "two", "three"} | {
        f"{n}-{i}" for n in ("ann", "bob") for i in range(12)
    }
    assert len(papers[0].authors) == 2 + 24
    assert "# before the second" in path.read_text()


def test_a_kill_at_any_moment_leaves_the_old_or_the_new_file(tmp_path: Path) -> None:
    path = write(tmp_path)
    chance = random.Random(0)
    last = 3
    for round_ in range(8):
        process = editor(tmp_path, f"r{round_}", 1000)
        if round_ == 0:  # on a busy machine the first edit may take long
            while path.read_text() == COMMENTED and process.poll() is None:
                time.sleep(0.01)
        time.sleep(chance.uniform(0.05, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        papers = parse_papers(path)  # reads without a finding
        assert len(papers) >= last
        last = len(papers)
        assert path.read_text().startswith(COMMENTED[:60])
    assert last > 3, "no edit ever got through"
    append_record(tmp_path, Paper(id="after", title="The lock is free"))
    assert load_papers(tmp_path) == parse_papers(path)


def test_waiting_for_the_lock_ends_with_a_message(tmp_path: Path) -> None:
    write(tmp_path)
    code = (
        "import sys, time; from pathlib import Path; from catalog.editing import edit_lock\n"
        "with edit_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(3600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(InputError, match="another sam4mis has been editing"),
            edit_lock(tmp_path, wait_s=0.2),
        ):
            pass
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()
    with edit_lock(tmp_path, wait_s=5):  # free again
        pass


def test_update_sees_what_others_wrote(tmp_path: Path) -> None:
    write(tmp_path)
    stale = load_papers(tmp_path)
    two = work(stale, "two")
    two.note = "new"
    replace_record(tmp_path, "two", two)
    seen = update_record(tmp_path, "two", lambda paper: copy.deepcopy(paper))
    assert seen.note == "new"
    with pytest.raises(FindingsError, match="no work"):
        update_record(tmp_path, "gone", lambda paper: paper)
