"""Rows read, averaged and compared: hand-computed tables first, then the released ones."""

from __future__ import annotations

import io
import json
import math
import pickle
import statistics
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import InputError
from catalog.evidence import (
    Aggregation,
    Check,
    Column,
    Common,
    Every,
    Masks,
    Melt,
    Reader,
    SameRows,
    Source,
    Weights,
)
from reproduce.rows import checking, wholes
from reproduce.rows.aggregating import aggregate, interval, told
from reproduce.rows.checking import answer, judge_parts
from reproduce.rows.formats import read_table
from reproduce.rows.own_file import describe
from reproduce.rows.printed import Printed
from reproduce.rows.recomputing import double_rows, missing_cases
from reproduce.rows.tables import FILE, Table

DICE = Column(name="dice", metric="dice")


def source(**said: Any) -> Source:
    given = {
        "id": "small",
        "repository": "owner/name",
        "commit": "0" * 40,
        "rows": "cases",
        "row": "one case",
        "data_set": "made up",
        "method": "none",
        "columns": [DICE],
        "state": "agrees",
        "reason": "",
    }
    return Source(**(given | said))


def csv_table(text: str, **said: Any) -> Table:
    return read_table("small", Reader(format="csv", **said), {"a.csv": text.encode()})


def asked(table: Table, printed: str, **said: Any) -> Any:
    levels = said.pop("levels", [])
    check = Check(name="mean", column="dice", printed=printed, **said)
    return answer(source(), check, table, levels, {})


# ------------------------------------------------------------------------------------ reading


def test_a_table_of_each_kind_gives_the_same_rows() -> None:
    wanted = [("a", "0.5"), ("b", "0.75")]
    kinds = {
        "csv": (b"case,dice\na,0.5\nb,0.75\n", Reader(format="csv")),
        "json": (
            json.dumps({"rows": {"a": {"dice": "0.5"}, "b": {"dice": "0.75"}}}).encode(),
            Reader(format="json", at="rows/{case}"),
        ),
        "log": (
            b"start\n[12:01] case a dice 0.5\n[12:02] case b dice 0.75\nmean 0.625\n",
            Reader(format="lines", rows=r"case (?P<case>\w+) dice (?P<dice>[\d.]+)$"),
        ),
        "markdown": (
            b"# Scores\n| case | dice |\n|:--|--:|\n| a | **0.5** |\n| b | 0.75 |\n\n| x |\n|-|\n",
            Reader(format="markdown", at="dice", strip="*"),
        ),
    }
    for name, (content, reader) in kinds.items():
        table = read_table(name, reader, {"file": content})
        rows = list(zip(table.column("case"), table.column("dice"), strict=True))
        assert rows == wanted, name
        assert aggregate(table, DICE, table.select({}), Aggregation()).value == 0.625


def test_a_sheet_a_zip_and_a_wide_table() -> None:
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    link = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    parts = {
        "xl/workbook.xml": f'<workbook {main} {link}><sheets><sheet name="S" r:id="r1"/></sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": '<R><Relationship Id="r1" Target="worksheets/s.xml"/></R>',
        "xl/worksheets/s.xml": f'<worksheet {main}><sheetData><row><c r="A1" t="inlineStr"><is>'
        '<t>case</t></is></c><c r="B1" t="inlineStr"><is><t>dice</t></is></c></row><row>'
        '<c r="A2"><v>1</v></c><c r="B2"><v>0.5</v></c></row></sheetData></worksheet>',
    }
    book = _zip({name: text.encode() for name, text in parts.items()})
    sheet = read_table("sheet", Reader(format="sheet", at="S"), {"a.xlsx": book})
    assert (sheet.column("case")[0], sheet.column("dice")[0]) == ("1", "0.5")
    with pytest.raises(InputError, match=r"no sheet 'T'; there are: S"):
        read_table("sheet", Reader(format="sheet", at="T"), {"a.xlsx": book})
    parts["xl/workbook.xml"] = '<!DOCTYPE a [<!ENTITY b "c">]>' + parts["xl/workbook.xml"]
    hostile = _zip({name: text.encode() for name, text in parts.items()})
    with pytest.raises(InputError, match="declares entities"):
        read_table("sheet", Reader(format="sheet"), {"a.xlsx": hostile})
    packed = _zip({"in/x.csv": b"case,liver,spleen\na,0.5,0.7\n", "in/y.txt": b"no"})
    wide = Reader(
        format="csv",
        member="in/*.csv",
        melt=Melt(columns=["liver", "spl*"], part="organ", value="dice"),
    )
    table = read_table("wide", wide, {"r.zip": packed})
    assert list(table.column("organ")) == ["liver", "spleen"]
    assert set(table.column(FILE)) == {"r.zip:in/x.csv"}


def _zip(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "reader", "message"),
    [
        (b"case,dice\na\n", Reader(format="csv"), r"a\.csv:2: expected 2 cells"),
        (b"dice,dice\n1,2\n", Reader(format="csv"), "columns stand twice: dice"),
        (b"\xff\xfe", Reader(format="csv"), "expected text in UTF-8"),
        (b"", Reader(format="csv"), "no heading"),
        (b"{", Reader(format="json"), "not JSON"),
        (b"{}", Reader(format="json", at="rows/{case}"), "no 'rows'"),
        (b"x", Reader(format="lines", rows="(?P<dice>y)"), "no row in"),
        (b"x", Reader(format="csv", member="*"), "expected a zip"),
        (b"x", Reader(format="sheet"), r"cannot be read as \.xlsx"),
    ],
)
def test_a_file_that_is_not_what_the_record_says(
    content: bytes, reader: Reader, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_table("small", reader, {"a.csv": content})


def test_a_column_that_is_not_there_is_told_with_those_that_are() -> None:
    table = csv_table("case,DSC\na,0.5\n")
    with pytest.raises(InputError, match=r"no column 'dice'; there are: case, DSC"):
        asked(table, "0.5")
    with pytest.raises(InputError, match=r"a\.csv: row 2: dice is 'high', expected a number"):
        asked(csv_table("dice\n0.5\nhigh\n"), "0.5")


def test_empty_nan_zero_and_impossible_are_four_things() -> None:
    table = csv_table("case,dice\na,0.8\nb,\nc,nan\nd,0\ne,1.0135\n", key=["case"])
    found = asked(table, "0.4")
    assert (found.value, found.n) == (0.4, 2)
    assert (found.empty, found.nan, found.zero, found.refused) == (1, 1, 1, 1)
    assert found.state == "agrees"
    ways = {t.how: t.value for t in found.tried}
    assert ways["mean over rows, rows without a value as 0"] == 0.2
    assert ways["mean over rows, rows without a value as 1"] == 0.7
    assert ways[checking.IMPOSSIBLE] == pytest.approx((0.8 + 0 + 1.0135) / 3)


def test_a_number_met_only_with_impossible_values_differs() -> None:
    table = csv_table("dice\n0.8\n1.2\n")
    found = asked(table, "1.0")
    assert found.state == "differs"
    assert found.reason == f"the printed digits come out only as: {checking.IMPOSSIBLE}"


def test_rows_that_stand_twice_and_cases_that_are_missing_are_named() -> None:
    contents = {"a.csv": b"case,dice\n1,0.5\n2,0.5\n2,0.6\n", "b.csv": b"case,dice\n1,0.5\n"}
    table = read_table("two", Reader(format="csv", key=["case"]), contents)
    assert double_rows(table, ["case"]) == ["a.csv: 2"]
    assert missing_cases(table, "case") == ["b.csv: 2"]


# ---------------------------------------------------------------------------------- averaging

LEVELS = "case,organ,dice\na,liver,1\na,spleen,0.5\nb,liver,0.6\nc,liver,0.2\nc,spleen,0\n"


@pytest.mark.parametrize(
    ("way", "value", "n"),
    [
        (Aggregation(), 2.3 / 5, 5),
        (Aggregation(by="case"), (0.75 + 0.6 + 0.1) / 3, 3),
        (Aggregation(by="organ"), (0.6 + 0.25) / 2, 2),
        (Aggregation(by="case", inner="max"), (1 + 0.6 + 0.2) / 3, 3),
        (Aggregation(by="case", inner="last"), (0.5 + 0.6 + 0) / 3, 3),
        (Aggregation(statistic="median"), 0.5, 5),
        (Aggregation(by="organ", statistic="population sd"), 0.175, 2),
    ],
)
def test_every_way_to_a_mean_by_hand(way: Aggregation, value: float, n: int) -> None:
    table = csv_table(LEVELS)
    found = aggregate(table, DICE, table.select({}), way)
    assert found.value == pytest.approx(value, abs=1e-15)
    assert found.n == n
    assert told(way)


def test_a_weighted_mean_and_the_spread() -> None:
    table = csv_table("set,dice,images\nx,0.5,3\ny,0.9,1\n")
    weighted = aggregate(table, DICE, table.select({}), Aggregation(weight="images"))
    assert weighted.value == pytest.approx(0.6)
    spread = aggregate(table, DICE, table.select({}), Aggregation(statistic="sd"))
    assert spread.value == pytest.approx(statistics.stdev([0.5, 0.9]))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_a_mean_lies_among_its_rows_and_its_interval_around_it(values: list[float]) -> None:
    table = csv_table("dice\n" + "\n".join(repr(v) for v in values) + "\n")
    found = aggregate(table, DICE, table.select({}), Aggregation())
    assert found.value is not None
    assert min(values) - 1e-15 <= found.value <= max(values) + 1e-15
    around = interval(found)
    assert around is not None
    assert around[0] - 1e-6 <= found.value <= around[1] + 1e-6


def test_the_interval_is_that_of_students_t() -> None:
    table = csv_table("dice\n0.7\n0.8\n0.9\n")
    found = interval(aggregate(table, DICE, table.select({}), Aggregation()))
    reach = 4.302652729911275 * 0.1 / math.sqrt(3)  # t of 97.5 % with 2 degrees of freedom
    assert found == [round(0.8 - reach, 6), round(0.8 + reach, 6)]


# ---------------------------------------------------------------------------------- comparing


@pytest.mark.parametrize(
    ("text", "scale", "value", "met"),
    [
        ("87.2", 100, 0.872047, True),
        ("94.95", 100, 0.9494478, False),
        ("0.43", 1, 0.4316, True),
        ("0.8044", 1, 0.80435, True),  # half a unit is still the printed digits
        ("0.8044", 1, 0.8043499, False),
        ("0.9178", 1, None, False),
    ],
)
def test_printed_digits(text: str, scale: Any, value: float | None, met: bool) -> None:
    assert Printed(text, scale).met(value) is met


def test_rows_that_were_rounded_may_move_a_mean_so_far_and_no_further() -> None:
    rounded = source(columns=[Column(name="dice", metric="dice", decimals=2)])
    table = csv_table("dice\n0.51\n0.53\n")
    for printed, state in (("0.5249", "agrees"), ("0.5251", "differs")):
        check = Check(name="mean", column="dice", printed=printed)
        assert answer(rounded, check, table, [], {}).state == state
        assert answer(source(), check, table, [], {}).state == "differs"


def test_a_mean_that_is_met_while_its_parts_are_not_differs() -> None:
    table = csv_table(LEVELS)
    kept = source()
    found = [
        answer(kept, check, table, [], {})
        for check in (
            Check(name="all", column="dice", printed="0.46", parts=["liver", "spleen"]),
            Check(name="liver", column="dice", printed="0.60", where={"organ": "liver"}),
            Check(name="spleen", column="dice", printed="0.30", where={"organ": "spleen"}),
        )
    ]
    assert found[0].state == "agrees"
    judged = judge_parts(found)
    assert [a.state for a in judged] == ["differs", "agrees", "differs"]
    assert judged[0].reason is not None
    assert "1 of its 2 parts: spleen" in judged[0].reason


def test_each_file_and_each_union_is_tried() -> None:
    contents = {
        "x.csv": b"dice\n0.2\n0.4\n",
        "y.csv": b"dice\n0.9\n",
        "z.csv": b"dice\n0.6\n",
    }
    table = read_table("three", Reader(format="csv"), contents)
    both = asked(table, "0.5", search=True)  # x and y pooled: (0.2 + 0.4 + 0.9) / 3
    assert both.state == "agrees"
    assert (both.files, both.files_left) == (["x.csv", "y.csv"], ["z.csv"])
    assert sum(t.how.startswith("only ") for t in both.tried) == 7
    none = asked(table, "0.11", search=True)
    assert none.state == "differs"
    assert none.n == 4


def test_rows_in_common_are_found_before_one_group_is_picked() -> None:
    table = csv_table("box,slice,dice\n0,1,0.9\n0,2,0.1\n3,1,0.8\n")
    common = Common(over="box", key=["slice"])
    all_rows = asked(table, "0.5", where={"box": "0"})
    shared = asked(table, "0.9", where={"box": "0"}, common=common)
    assert (all_rows.state, all_rows.n) == ("agrees", 2)
    assert (shared.state, shared.n) == ("agrees", 1)


def test_a_whole_printed_table_and_what_differs_in_it() -> None:
    contents = {
        "rows.csv": b"task,dice\nliver,0.5\nliver,0.7\nspleen,0.4\n",
        "means.csv": b"task,mean\nliver,0.6\nspleen,0.5\n",
    }
    rows = read_table("rows", Reader(format="csv", files=["rows.csv"]), contents)
    means = read_table("means", Reader(format="csv", files=["means.csv"]), contents)
    check = Every(name="t", printed="means", match={"task": "task"}, columns={"dice": "mean"})
    found = wholes.every(source(), check, rows, means)
    assert (found.agree, found.of, found.state) == (1, 2, "differs")
    assert [i.name for i in found.differing] == ["spleen"]
    assert found.largest_difference == pytest.approx(0.1)


def test_two_tables_row_by_row() -> None:
    slices = csv_table("case,dice\na,0.5\na,0.7\nb,0.4\n")
    cases = csv_table("name,dice\na,0.6\nb,0.5\n")
    check = SameRows(
        name="t",
        one="slices",
        other="cases",
        key={"case": "name"},
        columns={"dice": "dice"},
        within=1e-9,
        aggregation=Aggregation(),
    )
    found = wholes.same_rows(source(), check, slices, cases)
    assert (found.agree, found.of) == (1, 2)
    assert found.differing[0].name == "b"


def test_hidden_weights_are_bounded_or_impossible() -> None:
    percent = [Column(name=n, metric="dice", scale=100) for n in ("a", "b")]
    kept = source(columns=percent)
    check = Weights(name="w", part="set", total="all", columns=["a", "b"])
    # all = 3/4 x + 1/4 y in both columns
    table = csv_table("set,a,b\nx,80,40\ny,40,80\nall,70,50\n")
    found = wholes.weighing(kept, check, table)
    assert found.possible
    shares = {s.part: (s.least, s.most) for s in found.shares}
    assert shares["x"] == pytest.approx((0.75, 0.75), abs=5e-4)
    assert found.unweighted == pytest.approx([0.6, 0.6])
    table = csv_table("set,a,b\nx,80,40\ny,40,80\nall,70,70\n")
    assert not wholes.weighing(kept, check, table).possible


# -------------------------------------------------------------------------------------- masks


def test_released_masks_are_counted_by_the_core_and_read_without_running_them() -> None:
    predicted = {1: np.array([[1, 1], [0, 0]], np.uint8), 2: np.zeros((2, 2), np.uint8)}
    reference = {1: np.array([[1, 0], [0, 0]], np.uint8), 2: np.array([[1, 0], [0, 0]], np.uint8)}
    packed = io.BytesIO()
    np.savez(packed, pred=np.array(predicted, object), gt=np.array(reference, object))
    masks = Masks(prediction="m.npz:pred", reference="m.npz:gt", planes=True)
    planes = read_table("p", Reader(format="masks", masks=masks), {"m.npz": packed.getvalue()})
    assert list(planes.column("dice")) == [2 / 3, 0.0]
    whole = Masks(prediction="m.npz:pred", reference="m.npz:gt")
    volume = read_table("v", Reader(format="masks", masks=whole), {"m.npz": packed.getvalue()})
    assert list(volume.column("dice")) == [2 * 1 / (2 * 1 + 1 + 1)]
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.array([0], object))
    head = stream.getvalue()[: stream.getvalue().index(b"\n") + 1]
    hostile = _zip({"pred.npy": head + pickle.dumps(print), "gt.npy": head + pickle.dumps(print)})
    with pytest.raises(InputError, match=r"it names builtins\.print"):
        read_table("p", Reader(format="masks", masks=masks), {"m.npz": hostile})


# ----------------------------------------------------------------------------- one's own table


def test_ones_own_table(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(
        "case,organ,Dice,hd95\na,liver,90,1\na,spleen,80,2\nb,liver,70,3\nb,liver,70,3\n"
        "c,liver,101.5,4\nc,spleen,,5\n"
    )
    found = describe(path, "83.75", columns=["Dice"])
    assert found.rows == 6
    assert found.key == ["case", "organ"]
    assert found.double == ["scores.csv: b liver"]
    assert found.missing == ["b spleen"]
    dice = next(c for c in found.columns if c.name == "Dice")
    assert (dice.metric, dice.scale, dice.n, dice.empty) == ("dice", 100, 4, 1)
    assert dice.refused == ["scores.csv: c liver: 101.5"]
    assert not found.met["Dice"]
    again = describe(path, "77.5", columns=["Dice"])  # (0.85 + 0.70) / 2: cases a and b
    assert "mean over case of the mean of each" in [t.how for t in again.met["Dice"]]
    with pytest.raises(InputError, match="organ holds text"):
        describe(path, "1", columns=["organ"])
    with pytest.raises(InputError, match="no column 'dsc'"):
        describe(path, "1", columns=["dsc"])


def test_ones_own_table_as_a_spreadsheet_writes_it(tmp_path: Path) -> None:
    """Semicolons and decimal commas, or tabs; what is no number stays text."""
    path = tmp_path / "scores.csv"
    path.write_bytes(b"\xef\xbb\xbfcase;Dice;note\r\na;0,91;1,2,3\r\nb;0,5;\r\nc;;x\r\nd;NaN;y\r\n")
    found = describe(path, "0.705")
    dice = next(c for c in found.columns if c.name == "Dice")
    assert (dice.least, dice.most, dice.n, dice.empty, dice.nan) == (0.5, 0.91, 2, 1, 1)
    assert found.met["Dice"]
    assert found.key == ["case", "note"]
    path.write_text("case\tDice\na\t0.5\nb\t0.7\n")
    assert describe(path, "0.6").met["Dice"]
    path.write_text("case;Dice\na;0,5;7\n")
    with pytest.raises(InputError, match=r"scores\.csv:2: expected 2 cells"):
        describe(path)
