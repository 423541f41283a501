"""Sufficient statistics: counted on the device while a run goes, stored as Parquet.

>>> from reproduce.statistics import StatisticsBuilder
>>> import torch
>>> builder = StatisticsBuilder()
>>> rows = builder.add(case="a", labels=["disc"], kind="logit",
...             scores=torch.tensor([[[[2.0, -2.0]]]]), reference=torch.tensor([[[True, True]]]))
>>> builder.table().select(["tp", "fp", "fn", "tn"]).to_pylist()
[{'tp': 1, 'fp': 0, 'fn': 1, 'tn': 0}]
"""

from reproduce.statistics.builder import StatisticsBuilder
from reproduce.statistics.schema import COUNTS, KEYS, SCHEMA_VERSION, arrow_schema
from reproduce.statistics.storage import merge_statistics, read_statistics, write_statistics

__all__ = [
    "COUNTS",
    "KEYS",
    "SCHEMA_VERSION",
    "StatisticsBuilder",
    "arrow_schema",
    "merge_statistics",
    "read_statistics",
    "write_statistics",
]
