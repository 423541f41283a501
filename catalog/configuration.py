"""Settings of the user: environment variables, and one file that says the same once and for all.

The file is `$SAM4MIS_CONFIG`, else `config.toml` in the user's configuration folder of the
operating system. What the environment says goes before what the file says. `site/docs/settings.md`
lists everything; `tests/test_settings.py` compares it with the code.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from catalog.errors import PrerequisiteError, UsageError

FILE = "config.toml"
VARIABLE = "SAM4MIS_CONFIG"
LAST_SECOND = 253_402_300_799  # of the year 9999, the last that a date can have


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set.

    name      `section.key` in the file
    kind      folder: an absolute path, `~` allowed; number: of GiB, above 0; secret: never shown
    otherwise what holds where nothing is set
    """

    name: str
    variable: str
    kind: Literal["folder", "number", "text", "secret"]
    what: str
    otherwise: str


SETTINGS = (
    Setting(
        "folders.cache",
        "SAM4MIS_CACHE",
        "folder",
        "Weights, unpacked archives, embeddings.",
        "the cache folder of the operating system",
    ),
    Setting(
        "folders.data",
        "SAM4MIS_DATA",
        "folder",
        "Data sets, each in a folder of its name.",
        "`data` in the cache",
    ),
    Setting(
        "limits.file_gib",
        "SAM4MIS_FILE_GIB",
        "number",
        "The largest file that is opened, as its header says, in GiB.",
        "2",
    ),
    Setting(
        "limits.fetch_gib",
        "SAM4MIS_FETCH_GIB",
        "number",
        "The largest download of a size that nobody tells, in GiB.",
        "16",
    ),
    Setting(
        "limits.embeddings_gib",
        "SAM4MIS_EMBEDDINGS_GIB",
        "number",
        "Embeddings kept in the cache, in GiB; 0 keeps none.",
        "20",
    ),
    Setting(
        "limits.kept_gib",
        "SAM4MIS_KEPT_GIB",
        "number",
        "Cases kept in memory between prompts, run and gates, in GiB.",
        "2",
    ),
    Setting(
        "defaults.by",
        "SAM4MIS_BY",
        "text",
        "Who runs: the name that stands in results.",
        "`git config sam4mis.by`, else nobody",
    ),
    Setting(
        "defaults.mail",
        "SAM4MIS_MAIL",
        "text",
        "Your address, which Crossref and OpenAlex ask for.",
        "none is sent",
    ),
    Setting(
        "defaults.plugins",
        "SAM4MIS_PLUGINS",
        "text",
        "Files with plugins of your own, with `:` between them.",
        "none",
    ),
    Setting(
        "tokens.huggingface",
        "HF_TOKEN",
        "secret",
        "Your token of Hugging Face, for weights behind an agreement.",
        "none",
    ),
    Setting("tokens.github", "GITHUB_TOKEN", "secret", "Your token of GitHub.", "none"),
    Setting("tokens.openalex", "OPENALEX_API_KEY", "secret", "Your key of OpenAlex.", "none"),
    Setting(
        "tokens.semanticscholar", "S2_API_KEY", "secret", "Your key of Semantic Scholar.", "none"
    ),
    Setting(
        "site.url", "SAM4MIS_SITE_URL", "text", "Where the website will stand.", "not said in it"
    ),
    Setting(
        "site.repository",
        "SAM4MIS_REPO_URL",
        "text",
        "Where “edit this record” leads.",
        "the page on contributing",
    ),
)
#: Variables that no file sets: they say where the file is, or belong to one command.
ENVIRONMENT_ONLY = {
    VARIABLE: "The file of settings.",
    "SAM4MIS_ROOT": "The folder of the registry, as `--root` says it.",
    "SAM4MIS_TRACEBACK": "Any value: an error shows where it came from, as with `--traceback`.",
    "SAM4MIS_URL_<SERVICE>": "Another address of a service (a mirror), such as "
    "`SAM4MIS_URL_CROSSREF`.",
    "SAM4MIS_QUICK": "Any value: no polite waiting between requests; for tests.",
    "SOURCE_DATE_EPOCH": "The day that generated files are made for, in seconds since 1970.",
}


def made_for() -> datetime | None:
    """The moment in UTC that generated files are made for, where `SOURCE_DATE_EPOCH` says one.

    Raises `UsageError` where it says no moment of the years 1970 to 9999.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if not given:
        return None
    if not re.fullmatch(r"[0-9]{1,12}", given) or int(given) > LAST_SECOND:
        raise UsageError(
            f"SOURCE_DATE_EPOCH={given[:40]!r}: expected seconds since 1970, as `date +%s` prints "
            "them; `unset SOURCE_DATE_EPOCH` makes files of today."
        )
    return datetime.fromtimestamp(int(given), UTC)


def file() -> Path | None:
    """The file of settings; None where there is none.

    Raises `PrerequisiteError` for one that `$SAM4MIS_CONFIG` names and that is not there.
    """
    if named := os.environ.get(VARIABLE):
        path = Path(named)
        if not path.exists():
            raise PrerequisiteError(
                f"{named}: there is no such file ({VARIABLE}). Make one that has every setting:",
                "sam4mis config --example > <file>",
            )
        return path
    usual = usual_file()
    return usual if usual is not None and usual.is_file() else None


def usual_file() -> Path | None:
    """Where the file is looked for when nothing is said; None for a user without a home."""
    import platformdirs

    try:
        folder = Path(platformdirs.user_config_dir("sam4mis", appauthor=False))
    except RuntimeError:  # newer releases of platformdirs; older ones leave `~` as it is
        return None
    return folder / FILE if folder.is_absolute() else None


def read(path: Path) -> dict[str, str]:
    """Variable -> what the file says. Raises `UsageError` with everything that is wrong."""
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: expected TOML: {error}") from error
    known = {setting.name: setting for setting in SETTINGS}
    values: dict[str, str] = {}
    problems = []
    for name, value in _flat(said):
        setting = known.get(name)
        if setting is None:
            problem = f"there is no such setting. {_near(name, list(known))}"
        elif wrong := _wrong(setting, value):
            got = type(value).__name__ if setting.kind == "secret" else repr(value)
            problem = f"expected {wrong}, got {got}."
        else:
            values[setting.variable] = str(
                Path(value).expanduser() if setting.kind == "folder" else value
            )
            continue
        problems.append(f"{path}: {name}: {problem}")
    if problems:
        raise UsageError("\n".join(problems))
    return values


def apply() -> None:
    """Say to this process, and those that it starts, what the file says and nothing else did."""
    path = file()
    if path is not None:
        for variable, value in read(path).items():
            os.environ.setdefault(variable, value)


def open_to_others(path: Path) -> bool:
    """Whether other users of this machine can read the file."""
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def example() -> str:
    """A file of settings with every setting, none of them in force."""
    lines = ["# Settings of sam4mis. Take away the # of those that you want.\n"]
    section = ""
    for setting in SETTINGS:
        here, _, key = setting.name.partition(".")
        if here != section:
            lines.append(f"\n[{here}]\n")
            section = here
        value = {"folder": '"~/..."', "number": "4"}.get(setting.kind, '"..."')
        lines.append(f"# {setting.what} Not set: {setting.otherwise}.\n# {key} = {value}\n")
    return "".join(lines)


def _flat(said: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for section, keys in said.items():
        if isinstance(keys, dict):
            for key, value in keys.items():
                yield f"{section}.{key}", value
        else:
            yield section, keys


def _wrong(setting: Setting, value: Any) -> str | None:
    """What was expected of a value; None where it is that."""
    if setting.kind == "number":
        fine = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        return None if fine else "a number of GiB, such as 4"
    if not isinstance(value, str) or not value:
        return "a text between quotes"
    if setting.kind == "folder" and not Path(value).expanduser().is_absolute():
        return 'the whole path of a folder, such as "~/data" or "/data"'
    return None


def _near(name: str, known: list[str]) -> str:
    from catalog.facets import nearest

    near = nearest(name, known) or known
    return f"Did you mean {' or '.join(near)}?" if len(near) < 4 else f"Known: {', '.join(near)}."
