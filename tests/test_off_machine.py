"""The guard of the tests: what leaves the machine fails by name, in sub-processes as well."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import off_machine
import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
TESTS = """
import socket, subprocess, sys, threading, http.server
import pytest, requests

def test_a_name_is_looked_up():
    with pytest.raises(OSError):
        socket.getaddrinfo("sam4mis.invalid", 443)

def test_a_library_takes_it_in_its_stride():
    with pytest.raises(requests.ConnectionError):
        requests.get("http://192.0.2.1/", timeout=5)

def test_a_datagram_is_sent():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, pytest.raises(OSError):
        one.sendto(b"x", ("192.0.2.1", 9))

def test_a_sub_process_connects():
    code = "import socket\\ntry: socket.socket().connect(('192.0.2.1', 9))\\nexcept OSError: pass"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

def test_a_sub_process_without_the_guard():
    with pytest.raises(OSError):
        subprocess.run([sys.executable, "-c", ""], env={})

def test_this_machine_may_be_asked():
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        assert requests.get(f"http://localhost:{server.server_port}/", timeout=60).ok
        server.shutdown()
        thread.join()
"""


def test_what_leaves_the_machine_fails_by_name(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text("utf-8"))
    (tmp_path / "test_some.py").write_text(TESTS)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTEST_ADDOPTS": ""},
    )
    for name, what in (
        ("a_name_is_looked_up", "socket.getaddrinfo sam4mis.invalid"),
        ("a_library_takes_it_in_its_stride", "socket.getaddrinfo 192.0.2.1"),
        ("a_datagram_is_sent", "socket.sendto 192.0.2.1"),
        ("a_sub_process_connects", "socket.connect 192.0.2.1"),
        ("a_sub_process_without_the_guard", f"starts ['{sys.executable}', '-c', ''] without"),
    ):
        assert f"ERROR test_some.py::test_{name}" in ran.stdout, ran.stdout + ran.stderr
        assert f"test_some.py::test_{name} (call): {what}" in ran.stdout
    assert "6 passed, 5 errors" in ran.stdout


def test_this_process_is_watched() -> None:
    with pytest.raises(ConnectionRefusedError, match=r"test_this_process_is_watched \(call\)"):
        sys.audit("socket.connect", None, ("192.0.2.1", 443))
    assert off_machine.refused().endswith("socket.connect 192.0.2.1\n"), "and so it is no failure"
