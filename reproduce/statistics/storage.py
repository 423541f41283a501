"""Statistics tables as Parquet files: written atomically, checked when read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import InputError
from catalog.files import disk_full_told, whole
from reproduce.statistics.schema import KEYS, SCHEMA_VERSION, arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

RUN = b"run"  # in the metadata of a file
VALUE_BYTES = 8  # of the widest number that is stored
TEXT_CHARACTERS = 4096  # of a name or a reason


def merge_statistics(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables of shards as one, in an order that does not depend on theirs.

    Raises `InputError` where two rows have the same key (one case scored twice).
    """
    import pyarrow as pa

    merged = pa.concat_tables(list(tables)) if tables else arrow_schema().empty_table()
    return _sorted_unique(merged)


def write_statistics(path: Path | str, table: pa.Table) -> None:
    """Write a table to `path` (Parquet, zstd), replacing it only when everything is on disk."""
    import pyarrow.parquet as pq

    path = Path(path)
    table = _sorted_unique(table.cast(arrow_schema().with_metadata(_metadata(table))))
    with disk_full_told(path), whole(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=9)


def of_run(table: pa.Table, run: str) -> pa.Table:
    """The table with the id of the run that it is of, which is stored with it."""
    return table.replace_schema_metadata({**_metadata(table), RUN: run.encode()})


def run_of(table: pa.Table) -> str | None:
    """The id of the run that a table says it is of; None: it says nothing."""
    said = (table.schema.metadata or {}).get(RUN)
    return None if said is None else said.decode("utf-8", "replace")


def read_statistics(path: Path | str, most_values: int | None = None) -> pa.Table:
    """Read a table. Raises `InputError` for a missing file, no Parquet, or another schema.

    most_values  of a file that others made: refuse more single values than these, as the file's
                 own head declares them, before anything is unpacked; None: any number
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    try:
        # By open file: a path is taken for a partitioned data set and its folders for columns.
        with path.open("rb") as stream:
            if most_values is not None:
                stored = pq.ParquetFile(stream)
                _bounded(stored.metadata, most_values, str(path))
                # A text that stands in every row is unpacked once, not once a row.
                texts = [f.name for f in stored.schema_arrow if pa.types.is_string(f.type)]
                stream.seek(0)
                table = pq.read_table(stream, read_dictionary=texts)
                _short_texts(table, texts, str(path))
            else:
                table = pq.read_table(stream)
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such statistics file. Run `sam4mis reproduce run` first."
        ) from None
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: expected a Parquet file with statistics, got: {error}") from None
    return validated(table, str(path))


def _bounded(metadata: pq.FileMetaData, most_values: int, place: str) -> None:
    """Raise `InputError` where a file declares more values, or more bytes, than are allowed."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    columns = [group.column(i) for group in groups for i in range(group.num_columns)]
    values = max(sum(column.num_values for column in columns), metadata.num_rows)
    unpacked = sum(column.total_uncompressed_size for column in columns) // VALUE_BYTES
    if max(values, unpacked) > most_values:
        raise InputError(
            f"{place}: expected at most {most_values:,} values of statistics, got "
            f"{max(values, unpacked):,}. Split the run, or store fewer score bins."
        )


def _short_texts(table: pa.Table, columns: Sequence[str], place: str) -> None:
    """Raise `InputError` for a text that is longer than any that a run writes."""
    import pyarrow.compute as pc

    for name in columns:
        for chunk in table[name].chunks:
            longest = pc.max(pc.utf8_length(chunk.dictionary)).as_py() or 0
            if longest > TEXT_CHARACTERS:
                raise InputError(
                    f"{place}: {name}: expected at most {TEXT_CHARACTERS} characters, got "
                    f"{longest:,}. Run the claim again."
                )


def validated(table: pa.Table, place: str) -> pa.Table:
    """The table in the order of the schema. Raises `InputError` naming what differs from it."""
    found = (table.schema.metadata or {}).get(b"schema", b"nothing").decode("utf-8", "replace")
    if found != SCHEMA_VERSION:
        raise InputError(
            f"{place}: expected schema {SCHEMA_VERSION}, got {found}. "
            "Another version of sam4mis wrote it; run the claim again, or use that version."
        )
    schema = arrow_schema()
    missing = [name for name in schema.names if name not in table.column_names]
    extra = [name for name in table.column_names if name not in schema.names]
    if missing or extra:
        raise InputError(
            f"{place}: columns differ from {SCHEMA_VERSION}: missing {missing or 'none'}, "
            f"unknown {extra or 'none'}. The file is damaged or was edited; run the claim again."
        )
    import pyarrow as pa

    try:
        return table.select(schema.names).cast(schema.with_metadata(_metadata(table)))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise InputError(
            f"{place}: a column is not of the type of {SCHEMA_VERSION}: {error}"
        ) from None


def _metadata(table: pa.Table) -> dict[bytes, bytes]:
    return {**(table.schema.metadata or {}), b"schema": SCHEMA_VERSION.encode()}


def _sorted_unique(table: pa.Table) -> pa.Table:
    """Sorted by the keys of a row. By kernels alone: pyarrow's `sort_by` and `group_by` import its
    query engine, and pandas where it is installed, which takes longer than scoring a folder."""
    import pyarrow.compute as pc

    if table.num_rows == 0:
        return table
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in KEYS])
    table = table.take(order)
    rows, rows_before = table.select(KEYS).slice(1), table.select(KEYS).slice(0, len(table) - 1)
    same = None
    for one, before in zip(rows.columns, rows_before.columns, strict=True):
        both_null = pc.and_(pc.is_null(one), pc.is_null(before))
        alike = pc.or_kleene(pc.equal(one, before), both_null)
        same = alike if same is None else pc.and_kleene(same, alike)
    twice = rows.filter(same).slice(0, 1).to_pylist()
    if twice:
        (row,) = twice
        raise InputError(
            f"statistics: case {row['case']!r}, label {row['label']!r} was counted twice ({row}). "
            "Give every case one id, and every object of a label its own object index."
        )
    return table
