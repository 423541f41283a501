"""Reading predicted masks: images, NIfTI, npz and npy, DICOM-SEG. One module per format."""

from reproduce.readers.masks import Geometry, MaskFile, difference, read_mask, suffix_of

__all__ = ["Geometry", "MaskFile", "difference", "read_mask", "suffix_of"]
