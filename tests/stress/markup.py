"""Markup and control characters in every field of a record, and no check before a build.

Every page that comes out is parsed as a browser would: no element, handler or address that the
record brought along; feeds are well-formed, JSON is JSON.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from contextlib import ExitStack
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any

import markdown  # type: ignore[import-untyped] # it has no types
import msgspec

from catalog.records import Paper, Project
from catalog.registry import Registry
from catalog.render.build import generate
from catalog.render.output import Settings
from catalog.render.views import Catalog

ROOT = Path(__file__).resolve().parents[2]
MARK = "zqx"  # in the name of whatever a payload would bring to life
PAYLOADS = (
    f"<script>{MARK}(1)</script>", f"<img src=x onerror={MARK}(1)>", f'"><svg onload={MARK}(1)>',
    f"' on{MARK}=1 x='", f"</title><{MARK}>", f"<!--<{MARK}>", f"]]><{MARK}>", f"&lt;{MARK}&gt;",
    f"[x](javascript:{MARK}(1))", f"![x](x){{on{MARK}=1}}", f"{{{{ {MARK} }}}}", f"{{% {MARK} %}}",
    f"| {MARK} | <b{MARK}>", f"```\n<{MARK}>\n```", f"\x00\x1b[31m\u202e<{MARK}>",
    f"=cmd|'{MARK}'!A",
    f"javascript:{MARK}(1)", f"https://x.org/\"><{MARK}>", f"</script><{MARK}>", f"<{MARK}" * 50,
)  # fmt: skip


class Attack:
    def __init__(self, scratch: Path, _: ExitStack) -> None:
        self.root = scratch
        (scratch / "papers.yaml").write_text("papers: []\n")
        registry = Registry.load(ROOT)
        self.paper = next(p for p in registry.papers if p.id == "medsam")
        self.project = next(p for p in registry.projects if p.slug == "medsam")

    def __call__(self, random: Random) -> str | None:
        payload = random.choice(PAYLOADS)
        paper, where = _with(self.paper, payload, random)
        project, place = _with(self.project, payload, random)
        told = f"{payload!r} in {where} and {place}"
        try:
            made = generate(Catalog(Registry(self.root, [paper], [project])), Settings())
        except Exception as error:
            return f"{told}: {type(error).__name__}: {error}"
        for name, content in {**made.files, **made.pages}.items():
            if problem := broke(name, content):
                return f"{told}: {name}: {problem}"
        return None


def _with(record: Any, payload: str, random: Random) -> tuple[Any, str]:
    """The record with the payload in one of its texts, and which."""
    kind: type[Paper | Project] = type(record)
    while True:
        document = msgspec.to_builtins(record)
        places = list(_texts(document, ""))
        holder, key, path = random.choice(places)
        holder[key] = random.choice((payload, f"{holder[key]}{payload}"))
        try:
            return msgspec.convert(document, kind), path
        except msgspec.ValidationError:
            continue  # a word of a closed list: no reader lets it in


def _texts(document: Any, path: str) -> Any:
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        if isinstance(value, str):
            yield document, key, f"{path}.{key}"
        elif isinstance(value, dict | list):
            yield from _texts(value, f"{path}.{key}")


class _Page(HTMLParser):
    """Notes what a payload brought to life."""

    found: str | None = None
    data_only = False  # of the script that is open: JSON for machines, which nothing runs

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            live = name.startswith("on") or MARK in name
            if live or re.match(rf"(?i)\s*javascript:.*{MARK}", value or "", re.DOTALL):
                self.found = f"<{tag} {name}={value!r}>"
        if tag == "script":
            self.data_only = "json" in (dict(attrs).get("type") or "")
        if MARK in tag:
            self.found = f"<{tag}>"

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script" and MARK in data and not self.data_only:
            self.found = f"script: {data[:80]!r}"


def broke(name: str, content: bytes) -> str | None:
    if name.endswith(".xml"):
        try:
            ET.fromstring(content)
        except ET.ParseError as error:
            return f"is no XML: {error}"
    elif name.endswith(".json"):
        json.loads(content)
    elif name.endswith((".html", ".md")):
        text = content.decode()
        if name.endswith(".md"):  # as MkDocs will
            text = markdown.markdown(text, extensions=["attr_list", "tables", "toc", "meta"])
        page = _Page()
        page.feed(text)
        return page.found
    return None
