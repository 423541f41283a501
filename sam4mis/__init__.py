"""The catalog of *Segment Anything* in medical image segmentation, and its checks, as a library.

This package is the one to import; `catalog` and `reproduce` are its insides and change without
notice. Importing it costs nothing: what a function needs is imported when it is called. `load`
needs the catalog alone, `score`, `profiles`, `explain` and
`predict` the extra `[reproduce]`.

>>> import sam4mis
>>> catalog = sam4mis.load()
>>> catalog.work("MedSAM").paper.title
'Segment Anything in Medical Images'
>>> catalog.verdict("lwnet/validation-dice").state
'reproduced'

Everything that goes wrong is a `Sam4misError` with a message for people: what was expected, what
was given, and the way out.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from catalog import __version__

if TYPE_CHECKING:
    from catalog.errors import Sam4misError
    from sam4mis.explaining import explain
    from sam4mis.predicting import Predictions, predict
    from sam4mis.registry import Catalog, load
    from sam4mis.scoring import Score, Scores, profile, profiles, score

#: name -> the module that has it, imported when the name is used; in the order of the site's page
_PLACES = {
    "load": "sam4mis.registry",
    "Catalog": "sam4mis.registry",
    "score": "sam4mis.scoring",
    "Scores": "sam4mis.scoring",
    "Score": "sam4mis.scoring",
    "profiles": "sam4mis.scoring",
    "profile": "sam4mis.scoring",
    "explain": "sam4mis.explaining",
    "predict": "sam4mis.predicting",
    "Predictions": "sam4mis.predicting",
    "Sam4misError": "catalog.errors",
}

__all__ = [
    "Catalog",
    "Predictions",
    "Sam4misError",
    "Score",
    "Scores",
    "__version__",
    "explain",
    "load",
    "predict",
    "profile",
    "profiles",
    "score",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'sam4mis' has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return __all__
