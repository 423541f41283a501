"""Tasks of `training/dataset/dim3/dataset_config.py`: dataset_lab_map, dataset_modality_map."""

from __future__ import annotations

from typing import NamedTuple

CT, PET, T1, T2, CINE, UNKNOWN = 0, 1, 2, 3, 4, -1
TOKENS = 23  # of every data set: 22 classes at most and a null token, which fills up the others
NULL = -1


class Task(NamedTuple):
    """A data set's classes.

    first, classes  number of its first token, and how many it has
    modality        number of its modality's tokens; the last ones where it is unknown
    """

    first: int
    classes: int
    modality: int

    @property
    def tokens(self) -> list[int]:
        own = list(range(self.first, self.first + self.classes))
        return own + [NULL] * (TOKENS - self.classes)


TASKS = {
    "lits": Task(0, 2, CT),
    "kits": Task(2, 2, CT),
    "amos_ct": Task(4, 15, CT),
    "amos_mr": Task(4, 13, UNKNOWN),
    "bcv": Task(19, 13, CT),
    "structseg_oar": Task(32, 6, CT),
    "chaos_t1_in": Task(38, 4, T1),
    "chaos_t1_out": Task(38, 4, T1),
    "chaos_t2": Task(38, 4, T2),
    "structseg_head_oar": Task(42, 22, CT),
    "mnm": Task(64, 3, CINE),
    "brain_structure": Task(67, 3, T1),
    "autopet": Task(70, 1, PET),
}
