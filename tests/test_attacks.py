"""Short, seeded parts of `python -m tests.stress`; what they found before stands here by itself."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
from stress import __main__ as stress
from stress import answering, kill, limits, markup, net, words
from stress.desk import LINES
from stress.handshakes import BAD, Handshakes

from catalog.intake.csl import read_csl


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of damaged pictures
@pytest.mark.parametrize(("name", "tries"), [("fuzz", 100), ("markup", 2)])
def test_a_short_attack_holds(name: str, tries: int, tmp_path: Path) -> None:
    given = [name, "--seed", "17", "--tries", str(tries), "--out", str(tmp_path)]
    assert stress.main(given) == 0


def test_commands_with_odd_words_end_as_they_say(tmp_path: Path) -> None:
    lines = [line for line in LINES if line[0] != "reproduce"]
    with ExitStack() as stack:
        attack = words.Attack(tmp_path, stack, lines)
        assert [attack(Random(f"17/{number}")) for number in range(12)] == [None] * 12


@pytest.mark.parametrize("handshake", ["good", *BAD])
def test_a_handshake_that_goes_wrong_gives_no_file(
    handshake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And afterwards, by a good one, the whole file comes."""
    handshakes = Handshakes(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(handshakes.trusted))
    drawn = Random("17/0")
    assert net.attack(tmp_path / "cache", drawn, ["honest"], handshakes, [handshake]) is None


@pytest.mark.parametrize("act", ["leads_away", "busy", "drips_headers", *answering.ODD])
def test_a_service_that_misbehaves_is_told_and_forgiven(act: str, tmp_path: Path) -> None:
    assert [answering.attack(tmp_path / "c", Random(n), [act]) for n in range(4)] == [None] * 4


POOR = {
    "closed output": lambda: limits.redirected(">&-"),
    "closed output and errors": lambda: limits.redirected(">&- 2>&-"),
    "full": lambda: limits.redirected(">/dev/full"),
    "read-only": lambda: (alone := limits.mounting()) and limits.read_only(alone, ("", "/tmp")),
    "nameless": lambda: (
        limits.may(*limits.NAMELESS)
        and ("nameless", {"program": [*limits.NAMELESS, "-u", "SAM4MIS_CACHE", *limits.PYTHON]})
    ),
}


@pytest.mark.parametrize("kind", POOR)
def test_a_poor_machine_is_told_and_the_work_is_done_on_a_good_one(
    kind: str, tmp_path: Path
) -> None:
    poor = POOR[kind]()
    if not poor:
        pytest.skip("no namespaces of users or mounts here")
    with ExitStack() as stack:
        attack = limits.Attack(tmp_path, stack)
        (command,) = (command for command in attack.commands if command.name == "add")
        assert attack.poorly(command, command.folder(tmp_path / "registry"), poor) is None


@pytest.mark.parametrize("name", ["add", "fetch"])
def test_a_killed_command_goes_on_as_if_nothing_had_happened(name: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        attack = kill.Attack(tmp_path, stack)
        attack.commands = [command for command in attack.commands if command.name == name]
        assert attack(Random("17/0")) is None


@pytest.mark.parametrize(
    "field",
    ['"issued": {"date-parts": [[2024, 1, "\\u00b2"]]}', '"update-to": 1e30', '"update-to": [3]'],
)
def test_what_the_fuzzer_found(field: str) -> None:
    drafts, findings = read_csl(f'[{{"type": "article", "title": "T", {field}}}]', "x")
    assert (len(drafts), findings) == (1, [])


LIVE = [p for p in markup.PAYLOADS if p.startswith(("<script", "<img", "["))]


@pytest.mark.parametrize("payload", LIVE)
def test_what_comes_to_life_on_a_page_is_seen(payload: str) -> None:
    assert markup.broke("page.md", f"# A title\n\n{payload}\n".encode())
    assert markup.broke("feed.xml", b"<a>\x00</a>")
    assert markup.broke("page.md", b"# A title\n\nPlain.\n") is None
