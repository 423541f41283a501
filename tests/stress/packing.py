"""Archives that are odd, broken or hostile: one way for each name, drawn at random."""

from __future__ import annotations

import io
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from random import Random

Parts = list[tuple[str, bytes]]


def zipped(parts: Parts, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file; names as they are given, also those that `zipfile` would not write."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, content in parts:
            member = zipfile.ZipInfo("x")
            member.filename, member.compress_type = name, packing
            archive.writestr(member, content)
    return stream.getvalue()


def tarred(parts: Parts, packing: str = "gz", form: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{packing}", format=form) as archive:  # type: ignore[call-overload]  # the mode is made
        for name, content in parts:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if "\0" in name:  # a plain header ends there
                member.pax_headers = {"path": name}
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def sparse(random: Random) -> bytes:
    """A tar file of some kilobytes with a file of terabytes: holes in attributes, or old GNU."""
    size = str(random.choice((10**9, 900 * 10**9, 10**15)))
    stream = io.BytesIO()
    form = random.choice(("0.0", "0.1", "1.0", "old"))
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("holes")
        body = f"1\n0\n{size}\n".encode().ljust(512, b"\0")
        member.pax_headers = {
            "0.0": {"GNU.sparse.size": size, "GNU.sparse.numblocks": "1",
                    "GNU.sparse.offset": "0", "GNU.sparse.numbytes": size},
            "0.1": {"GNU.sparse.size": size, "GNU.sparse.map": f"0,{size}"},
            "1.0": {"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
                    "GNU.sparse.realsize": size, "GNU.sparse.name": "holes"},
            "old": {},
        }[form]  # fmt: skip
        if form == "old":
            member.type = tarfile.GNUTYPE_SPARSE
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
    return stream.getvalue()


def large_header(random: Random) -> bytes:
    """A name of gigabytes, packed into kilobytes."""
    member = tarfile.TarInfo("././@LongLink")
    member.type = random.choice((tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE))
    member.size = random.choice((1 << 21, 1 << 33, 1 << 40))
    return member.tobuf(tarfile.GNU_FORMAT) + bytes(10_000)


def chained(random: Random) -> bytes:
    """Headers about the next header, thousands of them."""
    member = tarfile.TarInfo("x")
    member.type = random.choice((tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE))
    member.size = 512
    body = b"9 path=a\n".ljust(512, b"\0") if member.type == tarfile.XHDTYPE else b"a" * 512
    return (member.tobuf(tarfile.GNU_FORMAT) + body) * 5000 + bytes(1024)


def padded(random: Random) -> bytes:
    """Zeros behind the end, packed a thousand to one."""
    import gzip

    plain = tarred([("a", b"1")], packing="")
    return gzip.compress(plain) + gzip.compress(bytes(1 << 24)) * random.randrange(5, 20)


def bomb(random: Random) -> bytes:
    """Says little and unpacks to much, or says much."""
    content = bytearray(zipped([("a", bytes(1 << 20))]))
    at = content.find(b"PK\x01\x02") + 24
    said = random.choice((0, 1, 1 << 10, (1 << 32) - 2))
    content[at : at + 4] = struct.pack("<I", said)
    return bytes(content)


ODD_NAMES: dict[str, Callable[[], list[str]]] = {
    "NUL": lambda: ["S/a\0b"],
    "deep": lambda: ["/".join("d" * 1200) + "/f"],
    "twice": lambda: ["S/a", "S/a"],
    "twins": lambda: ["S/caf\u00e9", "S/cafe\u0301"],
    "out": lambda: ["../out"],
    "absolute": lambda: ["/tmp/out"],
    "drive": lambda: ["C:/out"],
    "long": lambda: ["S/" + "a" * 400],
    "file and folder": lambda: ["S", "S/a"],
    "twice by a dot": lambda: ["S/./a", "S/a"],
    "climbs back": lambda: ["S/../../out"],
    "backslash out": lambda: ["..\\out"],
}


def odd_names(random: Random) -> bytes:
    parts = [(name, b"1") for name in ODD_NAMES[random.choice(sorted(ODD_NAMES))]()]
    return zipped(parts) if random.random() < 0.5 else tarred(parts)


def mutated(random: Random) -> bytes:
    """A good one with some bytes changed, left out, put in or cut."""
    parts = [(f"S/{i}", random.randbytes(random.randrange(3000))) for i in range(3)]
    content = bytearray(
        random.choice((
            lambda: zipped(parts, zipfile.ZIP_STORED),
            lambda: zipped(parts),
            lambda: tarred(parts, "", tarfile.GNU_FORMAT),
            lambda: tarred(parts, ""),
            lambda: tarred(parts),
            lambda: tarred(parts, "xz"),
        ))()
    )  # fmt: skip
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(content)) if random.random() < 0.5 else -random.randrange(1, 300)
        change = random.randrange(4)
        if change == 0:
            content[at] ^= 1 << random.randrange(8)
        elif change == 1:
            content[at : at + 4] = random.choice((b"\xff" * 4, bytes(4), b"PK\x01\x02"))
        elif change == 2:
            del content[at : at + random.randrange(1, 600)]
        else:
            del content[at if at > 0 else len(content) + at :]
        if len(content) < 700:
            break
    return bytes(content)


HOSTILE = (sparse, large_header, chained, padded, bomb, odd_names, mutated, mutated, mutated)
