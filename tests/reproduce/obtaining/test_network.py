"""A server may do what it likes: a transfer ends, and what it accepts is whole."""

from __future__ import annotations

import functools
import io
import json
import shutil
import tarfile
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
from stress import __main__ as stress
from stress import net
from stress.hosts import ACTS, Acts, etag, files, head
from stress.serving import Behaviour, Handler

from catalog.errors import InputError, PrerequisiteError
from catalog.records import Checkpoint
from reproduce.obtaining import transfer
from reproduce.obtaining.budget import Budget
from reproduce.obtaining.damage import damage
from reproduce.obtaining.transfer import UnreachableError, note_of
from reproduce.obtaining.weights import located, obtain, record_lines

CONTENT = Random(3).randbytes(400_000)
OTHER = Random(4).randbytes(400_000)


def fetch(url: str, part: Path, **budget: Any) -> None:
    """Without pauses, with small limits."""
    settled = {"pause_s": 0.0, "window_s": 0.3, "tries": 2, "whole_s": 60.0} | budget
    transfer.download(url, part, quiet=True, budget=Budget(**settled))


@pytest.mark.parametrize("act", ACTS)
def test_each_behaviour_ends_and_the_next_fetch_has_the_file(act: str, tmp_path: Path) -> None:
    assert net.attack(tmp_path / "cache", Random(f"5/{act}"), [act]) is None


def test_a_short_attack_holds(tmp_path: Path) -> None:
    assert stress.main(["net", "--seed", "17", "--tries", "12", "--out", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "net-17.json").read_text("utf-8"))
    assert (report["tried"], report["held"], report["broke"]) == (12, 12, 0)


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("drips", "less than 1,024 bytes a second came"),
        ("drips_headers", "less than 1,024 bytes a second came"),
        ("drips_chunk_lengths", "less than 1,024 bytes a second came"),
        ("goes_on_for_ever", "less than 1,024 bytes a second came"),
        ("ignores_range_and_cuts", r"the connection was cut 2 times"),
        ("endless", "more than 2,097,152 bytes came"),
        ("endless_chunks", r"more than 2,097,152 bytes came.*export SAM4MIS_FETCH_GIB=1"),
    ],
)
def test_what_has_no_end_is_told(
    server: tuple[str, Behaviour], tmp_path: Path, act: str, told: str
) -> None:
    address, does = server
    does.acts["/w"] = getattr(Acts(CONTENT, OTHER, Random(1)), act)
    with pytest.raises(InputError, match=told):
        fetch(f"{address}/w", tmp_path / "part", largest_gib=2 / 1024)


def test_all_tries_have_one_end(server: tuple[str, Behaviour], tmp_path: Path) -> None:
    """Each of them brings something, none the file."""
    address, does = server

    def brings_a_little(asked: Handler) -> None:
        head(asked, 200, Content_Length=10**9, ETag=etag(CONTENT))
        while not asked.server.gone.wait(0.01):
            asked.wfile.write(CONTENT[:5000])

    does.acts["/w"] = brings_a_little
    with pytest.raises(InputError, match=r"not finished after 0.000278 hours. .* are kept"):
        fetch(f"{address}/w", tmp_path / "part", whole_s=1.0)


def test_a_limit_can_be_raised(
    server: tuple[str, Behaviour], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, does = server
    does.content["/w"] = CONTENT
    does.hide_length.add("/w")
    monkeypatch.setenv("SAM4MIS_FETCH_GIB", "0.0001")
    with pytest.raises(InputError, match="export SAM4MIS_FETCH_GIB=1"):
        fetch(f"{address}/w", tmp_path / "part")
    monkeypatch.setenv("SAM4MIS_FETCH_GIB", "1")
    fetch(f"{address}/w", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT


def cut_then(asked: Handler, content: bytes, **headers: str) -> None:
    head(asked, 200, Content_Length=len(content), **headers)
    asked.wfile.write(content[:150_000])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"ETag": etag(CONTENT)}, {"ETag": etag(OTHER)}),
        ({"ETag": etag(CONTENT)}, {}),
        (
            {"Last_Modified": "Sun, 01 Nov 2026 10:00:00 GMT"},
            {"Last_Modified": "Mon, 02 Nov 2026 10:00:00 GMT"},
        ),
        ({"ETag": 'W/"1"'}, {}),
        ({}, {}),
    ],
)
def test_halves_of_two_files_never_meet(
    server: tuple[str, Behaviour], tmp_path: Path, first: dict[str, str], second: dict[str, str]
) -> None:
    """The file changes after a cut, and the server goes on as if it had not."""
    address, does = server
    ranges = []

    def act(asked: Handler) -> None:
        ranges.append(asked.headers.get("Range"))
        if len(ranges) == 1:
            cut_then(asked, CONTENT, **first)
        elif asked.headers.get("Range"):
            span = f"bytes 150000-{len(OTHER) - 1}/{len(OTHER)}"
            head(asked, 206, Content_Length=250_000, Content_Range=span, **second)
            asked.wfile.write(OTHER[150_000:])
        else:
            head(asked, 200, Content_Length=len(OTHER), **second)
            asked.wfile.write(OTHER)

    does.acts["/w"] = act
    fetch(f"{address}/w", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == OTHER
    assert ranges[-1] is None


def test_a_part_belongs_to_one_address(server: tuple[str, Behaviour], tmp_path: Path) -> None:
    address, does = server
    does.content |= {"/a": CONTENT, "/b": OTHER}
    does.cut_after["/a"] = [150_000, 0, 0]
    with pytest.raises(InputError, match="150,000 bytes are kept"):
        fetch(f"{address}/a", tmp_path / "part")
    fetch(f"{address}/b", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == OTHER
    assert [wanted for path, wanted in does.asked if path == "/b"] == [None]


def test_a_part_without_its_note_is_begun_anew(
    server: tuple[str, Behaviour], tmp_path: Path
) -> None:
    address, does = server
    does.content["/w"] = CONTENT
    for note in (None, b"", b'{"url": 7}'):
        (tmp_path / "part").write_bytes(OTHER[:1000])
        if note is not None:
            note_of(tmp_path / "part").write_bytes(note)
        fetch(f"{address}/w", tmp_path / "part")
        assert (tmp_path / "part").read_bytes() == CONTENT


def test_the_second_of_two_mirrors_keeps_the_part_of_the_first(
    server: tuple[str, Behaviour], tmp_path: Path
) -> None:
    address, does = server
    _, content, _ = files(Random(9))
    does.content["/a"] = content
    does.cut_after["/a"] = [70_000] + 5 * [0]
    record = Checkpoint(id="w", urls=[f"{address}/a", f"{address}/dead"], bytes=len(content))
    with pytest.raises(PrerequisiteError, match="70,000 bytes are kept"):
        obtain("p", record, quiet=True)
    does.cut_after.clear()
    does.asked.clear()
    assert obtain("p", record, quiet=True).read_bytes() == content
    assert does.asked == [("/a", "bytes=70000-")]


def test_space_is_looked_at_while_receiving(
    server: tuple[str, Behaviour], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No size is known at first; the disk fills up meanwhile."""
    address, does = server
    does.content["/w"] = CONTENT
    does.chunked.add("/w")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(transfer, "LOOK_BYTES", 100_000)
    monkeypatch.setattr(
        "reproduce.obtaining.transfer.shutil.disk_usage", lambda _: usage._replace(free=1000)
    )
    with pytest.raises(InputError, match=r"1,000 are free .* What was received is kept"):
        fetch(f"{address}/w", tmp_path / "part")
    assert 100_000 <= (tmp_path / "part").stat().st_size < len(CONTENT)


def test_the_host_says_when_to_come_again(
    server: tuple[str, Behaviour], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, does = server
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)

    def busy(asked: Handler, when: str) -> None:
        head(asked, 503, Retry_After=when, Content_Length=0)

    does.acts["/w"] = functools.partial(busy, when="7")
    with pytest.raises(UnreachableError, match="HTTP 503"):
        fetch(f"{address}/w", tmp_path / "part", tries=3)
    assert waited == [7.0, 7.0]
    does.acts["/w"] = functools.partial(busy, when="7200")
    with pytest.raises(InputError, match="asks to come again in 120 minutes"):
        fetch(f"{address}/w", tmp_path / "part")
    does.acts["/w"] = functools.partial(busy, when="Sun, 01 Nov 2020 10:00:00 GMT")
    with pytest.raises(UnreachableError):
        fetch(f"{address}/w", tmp_path / "part")
    assert waited == [7.0, 7.0, 0.0]
    does.acts["/w"] = functools.partial(busy, when="Sun, 01 Nov 2020 10:00:00 +99999999999999")
    with pytest.raises(UnreachableError):  # what is no date says nothing
        fetch(f"{address}/w", tmp_path / "part", tries=1)


# --------------------------------------------------------------------------------------- formats


@pytest.mark.parametrize("number", range(12))
def test_a_cut_file_says_so_itself(number: int, tmp_path: Path) -> None:
    """Without a recorded hash; wherever it is cut, and whatever is put behind it."""
    random = Random(number)
    kind, content, _ = files(random)
    path = tmp_path / "w"
    path.write_bytes(content)
    assert damage(path) is None
    for end in (len(content) - 1, len(content) // 2, random.randrange(2000, len(content))):
        path.write_bytes(content[:end])
        assert damage(path) is not None, (kind, end, len(content))


def test_a_tar_file_that_ends_between_two_members_is_cut(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in ("a", "b"):
            member = tarfile.TarInfo(name)
            member.size = 512
            archive.addfile(member, io.BytesIO(bytes(512)))
    (tmp_path / "w").write_bytes(stream.getvalue()[: 2 * 1024])
    assert "ends without its mark" in str(damage(tmp_path / "w"))
    (tmp_path / "w").write_bytes(stream.getvalue())
    assert damage(tmp_path / "w") is None


def test_a_pickle_is_walked_and_nothing_of_it_runs(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "w").write_bytes(b"\x80\x02cos\nsystem\nX\x0a\x00\x00\x00touch %s" % b"/x")
    assert damage(tmp_path / "w") is not None
    code = f"cposix\nsystem\n(S'touch {marker}'\ntR.".encode()
    (tmp_path / "w").write_bytes(b"\x80\x02" + code)
    assert damage(tmp_path / "w") is None
    assert not marker.exists()


def test_what_was_received_and_is_damaged_now_is_asked_for_again(
    server: tuple[str, Behaviour],
) -> None:
    address, does = server
    _, content, _ = files(Random(9))
    does.content["/w"] = content
    record = Checkpoint(id="w", urls=[f"{address}/w"])
    path = obtain("p", record, quiet=True)
    assert record_lines(record)
    path.write_bytes(content[:-100])
    assert located("p", record) is None
    assert obtain("p", record, quiet=True).read_bytes() == content
    assert len(does.asked) == 2
