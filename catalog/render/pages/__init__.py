"""One module per kind of page. Each has `write(output, catalog)` and adds its pages to `output`."""

from __future__ import annotations

from collections.abc import Callable

from catalog.render.output import Output
from catalog.render.pages import (
    cite,
    commands,
    datasets,
    find,
    home,
    library,
    papers,
    pictures,
    profiles,
    projects,
    quality,
    questions,
    reference,
    released,
    runs,
    trends,
    verification,
    why,
)
from catalog.render.views import Catalog

WRITERS: tuple[Callable[[Output, Catalog], None], ...] = (
    home.write,
    questions.write,
    papers.write,
    find.write,
    projects.write,
    datasets.write,
    verification.write,
    released.write,
    runs.write,
    trends.write,
    why.write,
    profiles.write,
    reference.write,
    library.write,
    commands.write,
    quality.write,
    cite.write,
    pictures.write,
)
