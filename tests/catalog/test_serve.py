"""The local server of the website: this machine only, clear messages."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import requests

from catalog.cli.serve import server
from catalog.errors import PrerequisiteError


def test_serves_the_folder_on_this_machine_only(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>here</h1>")
    with server(tmp_path, 0) as running:
        host, port = running.server_address[0], running.server_address[1]
        assert host == "127.0.0.1"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            answer = requests.get(f"http://127.0.0.1:{port}/", timeout=300)
            outside = requests.get(f"http://127.0.0.1:{port}/../papers.yaml", timeout=300)
        finally:
            running.shutdown()
            thread.join()
    assert (answer.status_code, answer.text) == (200, "<h1>here</h1>")
    assert outside.status_code == 404


def test_no_website_and_a_taken_port_say_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match="sam4mis build"):
        server(tmp_path, 0)
    (tmp_path / "index.html").write_text("x")
    with (
        server(tmp_path, 0) as taken,
        pytest.raises(PrerequisiteError, match="sam4mis serve --port"),
    ):
        server(tmp_path, taken.server_address[1])
