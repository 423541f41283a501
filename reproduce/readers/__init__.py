"""Reading images and masks: pictures, NIfTI, NRRD, MHA, npz and npy, DICOM.

One way for all: the first bytes say what a file is (`sniffing`), its reader gives what is stored
(`masks`), declared rules say what the values mean (`rules`, `classes`).
"""

from reproduce.readers.classes import ClassMap, class_map
from reproduce.readers.grids import difference
from reproduce.readers.masks import MaskFile, read_mask, suffix_of

__all__ = [
    "ClassMap",
    "MaskFile",
    "class_map",
    "difference",
    "read_mask",
    "suffix_of",
]
