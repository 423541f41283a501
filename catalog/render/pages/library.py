"""The page of the Python library, from the docstrings of the package `sam4mis`.

The sources are parsed, never imported: the page is the same where the harness is not installed.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from markupsafe import Markup

from catalog.render.output import Output, markup
from catalog.render.views import Catalog
from catalog.shipped import INSTALLED

PACKAGE = "sam4mis"
PROMPT = ">" * 3  # an example of a docstring begins so
WIDTH = 88  # a longer signature has one argument in a line
Definition = ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a docstring: `text`, `terms` (name, what it is) or `code` (an example)."""

    kind: str
    text: Markup | None = None
    terms: tuple[tuple[str, Markup], ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A function, class or method. `anchor` is its name, with its class."""

    anchor: str
    signature: str
    parts: list[Part]
    members: tuple[Entry, ...] = ()


def write(output: Output, catalog: Catalog) -> None:
    folder = INSTALLED.parent / PACKAGE
    module = ast.parse((folder / "__init__.py").read_text("utf-8"))
    found = list(entries(folder, module))
    output.page(
        "library/",
        "library.html",
        title="Python library",
        kind="page",
        description="import sam4mis: find works and models, score masks under any metric profile.",
        words=" ".join(["python api import", *(entry.anchor for entry in found)]),
        intro=parts(ast.get_docstring(module) or ""),
        entries=found,
    )


def entries(folder: Path, module: ast.Module) -> Iterator[Entry]:
    """What the package offers of its own, in the order of its table of places."""
    places = next(
        ast.literal_eval(node.value)
        for node in module.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_PLACES"
    )
    for name, place in places.items():
        package, _, file = place.rpartition(".")
        if package != PACKAGE:
            continue
        body = ast.parse((folder / f"{file}.py").read_text("utf-8")).body
        yield next(entry(node) for node in body if _defines(node, name))


def _defines(node: ast.stmt, name: str) -> bool:
    return isinstance(node, Definition) and node.name == name


def entry(node: Any, inside: str = "") -> Entry:
    """One definition with its public methods."""
    anchor = f"{inside}.{node.name}" if inside else node.name
    members: tuple[Entry, ...] = ()
    signature = f"class {PACKAGE}.{anchor}"
    if isinstance(node, ast.ClassDef):
        members = tuple(
            entry(part, node.name)
            for part in node.body
            if isinstance(part, ast.FunctionDef) and not part.name.startswith("_")
        )
    else:
        signature = _signature(anchor if inside else f"{PACKAGE}.{anchor}", node)
    return Entry(anchor, signature, parts(ast.get_docstring(node) or ""), members)


def _signature(name: str, node: ast.FunctionDef) -> str:
    """`name(argument: type = default, *, other) -> type`."""
    arguments = node.args
    if arguments.args and arguments.args[0].arg == "self":
        arguments.args = arguments.args[1:]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    each = list(_each(arguments))
    line = f"{name}({', '.join(each)}){returns}"
    if len(line) <= WIDTH:
        return line
    return f"{name}(\n" + "".join(f"    {one},\n" for one in each) + f"){returns}"


def _each(arguments: ast.arguments) -> Iterator[str]:
    """The arguments one by one, as they are written."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    for one, default in zip(positional, defaults, strict=True):
        yield _argument(one, default)
    if arguments.kwonlyargs:
        yield f"*{_argument(arguments.vararg, None)}" if arguments.vararg else "*"
    for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _argument(one, default)
    if arguments.kwarg:
        yield f"**{_argument(arguments.kwarg, None)}"


def _argument(one: ast.arg, default: ast.expr | None) -> str:
    written = f"{one.arg}: {ast.unparse(one.annotation)}" if one.annotation else one.arg
    return f"{written} = {ast.unparse(default)}" if default else written


def parts(doc: str) -> list[Part]:
    """A docstring in its pieces: paragraphs, `name` with an indented text below it, examples."""
    found: list[Part] = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(doc)):
        if block.startswith(PROMPT):
            found.append(Part("code", markup(escape(block))))
        elif re.match(r"[^\n]+\n {4}", block):
            found.append(Part("terms", terms=tuple(_terms(block))))
        elif block:
            found.append(Part("text", inline(block)))
    return found


def _terms(block: str) -> Iterator[tuple[str, Markup]]:
    for name, text in re.findall(r"^(\S[^\n]*)\n((?: {4}[^\n]*(?:\n|$))+)", block, re.M):
        yield name, inline(textwrap.dedent(text))


def inline(text: str) -> Markup:
    """A paragraph with its code and emphasis."""
    html = escape(" ".join(text.split()), quote=False)
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", html)
    return markup(re.sub(r"\*(\w[^*]*)\*", r"<i>\1</i>", html))
