"""Files that are there whole or not at all, and locks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalog.errors import InputError
from catalog.files import lock, whole, write_whole

HOLDER = (
    "import sys, time; from pathlib import Path; from catalog.files import lock\n"
    "with lock(Path(sys.argv[1])) as mine: print(mine, flush=True); time.sleep(3600)"
)


def test_a_lock_is_held_by_one_process_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        with lock(path, 0) as mine:
            assert not mine
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()
    with lock(path, 5) as mine:
        assert mine
    with lock(path, 0) as mine:  # left, so free again
        assert mine


def test_what_is_raised_inside_keeps_the_old_file_and_leaves_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, b"old")

    def interrupted(temporary: Path) -> None:
        temporary.write_bytes(b"half of the")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), whole(path) as half:
        interrupted(half)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_folders_are_made_and_others_may_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    write_whole(path, b"x")
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_place_that_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"cannot be written: .*; what was there is untouched"):
        write_whole(tmp_path / "file" / "a.txt", b"x")


def test_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        write_whole(pipe, b"x")
        assert reader.read() == b"x"
    assert pipe.is_fifo()


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_whole(path, b"a" * 1_000_000)
    code = (
        "import sys; from pathlib import Path; from catalog.files import write_whole\n"
        "for n in range(40): write_whole(Path(sys.argv[1]), bytes([97 + n % 26]) * 1_000_000)"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)])
    while writer.poll() is None:
        content = path.read_bytes()
        assert len(content) == 1_000_000
        assert len(set(content)) == 1
        time.sleep(0.001)
    assert writer.returncode == 0
