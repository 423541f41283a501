"""What plugins and the core agree on: the only thing that plugins import besides building blocks.

One file in `reproduce/datasets`, `reproduce/adapters`, `reproduce/metrics` or `reproduce/prompts`
is one plugin; it defines one module-level object `PLUGIN`. Plugins never import each other and
import torch, numpy and readers inside functions, so that listing them costs nothing.

Everything is a stack of planes: an image is one plane, a volume has its depth along the first axis,
a video its time. Axes: planes, rows, columns (s, y, x), the order of arrays and of spacing.
"""

from reproduce.contracts.models import (
    FILE,
    Adapter,
    Answer,
    Answered,
    Conduct,
    Model,
    Option,
    PlaneModel,
    Prediction,
    Reference,
    ScoreKind,
    Session,
    StackModel,
)
from reproduce.contracts.profiles import ProfileId
from reproduce.contracts.prompts import (
    Bring,
    Brought,
    Grid,
    Prompt,
    PromptKind,
    PromptProfile,
    Scope,
)
from reproduce.contracts.samples import (
    Along,
    Archive,
    Case,
    CaseList,
    Dataset,
    Geometry,
    Plane,
    Sample,
    Spacing,
    Through,
)

__all__ = [
    "FILE",
    "Adapter",
    "Along",
    "Answer",
    "Answered",
    "Archive",
    "Bring",
    "Brought",
    "Case",
    "CaseList",
    "Conduct",
    "Dataset",
    "Geometry",
    "Grid",
    "Model",
    "Option",
    "Plane",
    "PlaneModel",
    "Prediction",
    "ProfileId",
    "Prompt",
    "PromptKind",
    "PromptProfile",
    "Reference",
    "Sample",
    "Scope",
    "ScoreKind",
    "Session",
    "Spacing",
    "StackModel",
    "Through",
]
