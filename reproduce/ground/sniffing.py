"""What a file is by its first bytes, whatever it is called."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from pathlib import Path

MAGICS = (
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"II+\0", "a TIFF picture"),
    (b"MM\0+", "a TIFF picture"),
    (b"BM", "a BMP picture"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"%PDF", "a PDF"),
    (b"NRRD000", "an NRRD volume"),
)
# The class of a DICOM file stands in its first bytes, as text: RT Structure Set Storage.
STRUCTURE_SET = b"1.2.840.10008.5.1.4.1.1.481.3"
META_IMAGE = re.compile(rb"\s*(?:[A-Za-z]+ *= *[^\r\n]*[\r\n]+)*?NDims *= *\d")


def sniff(path: Path) -> str:
    """What a file is by its first bytes: safetensors, torch, a PNG picture, HTML, empty ..."""
    with path.open("rb") as stream:
        head = stream.read(1024)
    if not head:
        return "an empty file"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<script")):
        return "an HTML page (a download page saved under the name of the file)"
    if text.startswith(b"version https://git-lfs.github.com/spec/"):
        return "a Git LFS pointer (the real file was never fetched)"
    if len(head) >= 9 and head[8:9] == b"{":
        (length,) = struct.unpack("<Q", head[:8])
        if 2 <= length <= path.stat().st_size - 8:
            return "safetensors"
    if text.startswith((b"{", b"[")):
        return "a JSON text"
    if head.startswith(b"PK\x03\x04"):
        return "torch" if _is_torch_zip(path) else "a zip archive"
    if head.startswith(b"\x80"):
        return "pickle"  # legacy torch files are pickles one after another
    if head[257:262] == b"ustar":
        return "a tar archive"
    if head[128:132] == b"DICM":
        return "a DICOM structure set" if STRUCTURE_SET in head else "a DICOM file"
    if META_IMAGE.match(head):
        return "a MetaImage volume"
    if _is_nifti(head):
        return "a NIfTI volume"
    return next(
        (name for magic, name in MAGICS if head.startswith(magic)), "a file of unknown kind"
    )


def _is_torch_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("data.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError):
        return True  # cut short: let torch say so


def _is_nifti(head: bytes) -> bool:
    """Of one file, versions 1 and 2, plain or as gzip."""
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, 1024)
        except zlib.error:
            return False
    return head[344:347] == b"n+1" or head[4:7] == b"n+2"
