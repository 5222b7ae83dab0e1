"""What the dictionary says holds for published rows: in runs, in batches, in replays."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from ai_dataflow import load
from ai_dataflow.workstation.reports import PartitionReport, RunReport
from ai_dataflow_tests.projects import NO_LIMITS, project, text_file
from ai_dataflow_tests.runs import spine

CLIENTS = ("acme", "borealis", "cobalt")
CONTROL = "product_code,module_name,submodule_name,client_code,module_location,active\n" + "".join(
    f"{product},sales,{submodule},{client},data/{client}/{submodule}-{product}.csv,Y\n"
    for client in CLIENTS
    for product, submodule in (("ORION", "order"), ("ORION", "rate"), ("VEGA", "sale"))
)
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,is_key
    sales,ORION,order,No,sale_id,,
    sales,ORION,order,Currency,currency,string,Y
    sales,ORION,order,Amount,amount,,
    sales,ORION,rate,Code,currency,string,Y
    sales,ORION,rate,Rate,rate,float64,
    sales,VEGA,sale,No,sale_id,,
    sales,VEGA,sale,Amount,amount,,
"""
TYPES = 'sales,sale_id,int64\nsales,amount,"decimal(9,2)"\n'
ORDERS = "No,Currency,Amount\n1,EUR,10\n2,USD,20\n3,USD,-3\n4,CHF,\n"
RATES = "Code,Rate\nEUR,1.0\nUSD,1.1\nJPY,160\n"
SALES = "No,Amount\n1,1\n2,2\n"


def shop(folder: Path, *rows: str, settings: str = "", codes: str = "") -> Path:
    """Write a project with a dictionary whose rows these are, beside the types."""
    toml = f'ai_columns = "ai_columns.csv"\ncode_lists = "codes.csv"\n[workstation]\nurl = "workstation"\n[modules.sales]\n{NO_LIMITS}{settings}\n'  # noqa: E501
    project(folder, control=CONTROL, mapping=MAPPING, toml=toml)
    text_file(folder, "codes.csv", f"code_list,source_value,ai_value\n{codes}")
    explain(folder, *rows)
    for client in CLIENTS:
        deliver(folder, client)
    return folder


def explain(folder: Path, *rows: str) -> None:
    """Write the dictionary."""
    names = (
        "ai_type,is_key,required,min,max,pattern,code_list,max_null,references,unit,severity,blocks"
    )
    said = {"sale_id": "int64", "amount": '"decimal(9,2)"'}
    lines = [f"sales,{column},{ai_type}" for column, ai_type in said.items()
             if not any(row.startswith(f"{column},") for row in rows)]  # fmt: skip
    lines += [f"sales,{column},{said.get(column, '')},{rest}"
              for column, _, rest in (row.partition(",") for row in rows)]  # fmt: skip
    text = "\n".join([f"module_name,ai_column,{names}", *lines])
    padded = [line + "," * (13 - _commas(line)) for line in text.splitlines()]
    text_file(folder, "ai_columns.csv", "\n".join(padded) + "\n")


def _commas(line: str) -> int:
    return line.replace('"decimal(9,2)"', "").count(",")


def deliver(
    folder: Path, client: str, orders: str = ORDERS, rates: str = RATES, sales: str = SALES
) -> None:
    for name, text in (("order-ORION", orders), ("rate-ORION", rates), ("sale-VEGA", sales)):
        text_file(folder, f"data/{client}/{name}.csv", text)


def rows(folder: Path, client: str = "acme") -> list[Any]:
    frame = load("sales", client, config=folder)
    return sorted(
        frame.select("product_code", "sale_id", "currency", "amount").collect().rows(), key=repr
    )


def numbers(folder: Path, product: str = "ORION", client: str = "acme") -> list[Any]:
    return [row[1] for row in rows(folder, client) if row[0] == product]


def causes(partition: PartitionReport) -> dict[str, int]:
    """Count the rejects of a partition by source and reason; the balance closes."""
    for counts in partition.products.values():
        assert counts.rows_read == (
            counts.rows_rejected + counts.rows_merged + counts.rows_published
        )
    return {f"{name} {reason}": count
            for product in partition.products.values()
            for name, source in product.sources.items()
            for reason, count in source.rejected.items()}  # fmt: skip


def of(report: RunReport, client: str = "acme") -> PartitionReport:
    return next(p for p in report.partitions if p.partition == f"sales|{client}")


def rejected(folder: Path) -> list[Any]:
    table = pl.read_delta(str(folder / "workstation/_rejects/sales"))
    return sorted(table.filter(pl.col("client_code") == "acme").select(
        "submodule_name", "reason", "ai_column", "mapping_cell").unique().rows())  # fmt: skip


def test_types_are_the_dictionarys(tmp_path: Path) -> None:
    shop(tmp_path)
    assert {p.status for p in spine.run(tmp_path).partitions} == {"ok"}
    schema = load("sales", config=tmp_path).collect_schema()
    assert (schema["sale_id"], schema["amount"]) == (pl.Int64(), pl.Decimal(9, 2))


@pytest.mark.parametrize(
    ("row", "left", "wanted"),
    [
        ("amount,,,0,15", [1, 4, None], {"order REJ-016": 2, "rate REJ-016": 1}),
        ("amount,,Y", [1, 2, 3], {"order REJ-015": 1, "rate REJ-015": 1}),
        ("currency,,,,,[A-Z]*[DR]", [1, 2, 3], {"order REJ-017": 1, "rate REJ-017": 1}),
        ("currency,,,,,,some", [1, 2, 3], {"order REJ-018": 1, "rate REJ-018": 1}),
        ("sale_id,Y", [1, 2, 3, 4, None], {}),
    ],
)
def test_rows_that_break_it_are_rejects(
    tmp_path: Path, row: str, left: list[Any], wanted: dict[str, int]
) -> None:
    shop(tmp_path, row, codes="some,a,EUR\nsome,b,USD\n")
    report = spine.run(tmp_path)
    for client in CLIENTS:
        assert sorted(numbers(tmp_path, client=client), key=repr) == sorted(left, key=repr)
        assert causes(of(report, client)) == wanted


def test_a_reject_names_the_dictionarys_cell(tmp_path: Path) -> None:
    shop(tmp_path, "amount,,,0,15")
    spine.run(tmp_path)
    assert rejected(tmp_path) == [
        ("order", "REJ-016", "amount", "ai_columns.csv:3:max"),
        ("order", "REJ-016", "amount", "ai_columns.csv:3:min"),
        ("rate", "REJ-016", "amount", "ai_columns.csv:3:min"),
    ]


def test_a_repeated_key_fails_its_own_client_alone(tmp_path: Path) -> None:
    shop(tmp_path, "sale_id,Y")
    deliver(tmp_path, "borealis", orders=ORDERS + "2,XXX,7\n")
    report = spine.run(tmp_path)
    assert {p.partition: p.status for p in report.partitions} == {
        "sales|acme": "ok", "sales|borealis": "failed", "sales|cobalt": "ok"
    }  # fmt: skip
    (error,) = of(report, "borealis").errors
    assert (error.code, error.place) == ("DAT-034", "ai_columns.csv:3:is_key")
    assert error.message.startswith("ORION: 1 values of the key sale_id are there more than once")


def test_what_fails_another_check_repeats_no_key(tmp_path: Path) -> None:
    shop(tmp_path, "sale_id,Y", "amount,,,0")
    deliver(tmp_path, "acme", orders=ORDERS + "2,XXX,-7\n")
    assert of(spine.run(tmp_path)).status == "ok"
    assert numbers(tmp_path) == [1, 2, 4, None]


def test_rows_that_repeat_a_key_may_be_rejected(tmp_path: Path) -> None:
    shop(tmp_path, "sale_id,Y", settings='duplicate_keys = "reject"')
    deliver(tmp_path, "borealis", orders=ORDERS + "2,XXX,7\n", sales="No,Amount\n2,5\n2,\n1,\n")
    report = spine.run(tmp_path)
    assert numbers(tmp_path) == [1, 2, 3, 4, None]
    assert sorted(numbers(tmp_path, client="borealis"), key=repr) == [1, 3, 4, None]
    assert numbers(tmp_path, "VEGA", "borealis") == [1]
    assert causes(of(report, "borealis")) == {"order REJ-019": 2, "sale REJ-019": 2}


def test_too_many_nulls_fail(tmp_path: Path) -> None:
    shop(tmp_path, "amount,,,,,,,40%")
    deliver(tmp_path, "borealis", sales="No,Amount\n1,\n2,\n3,1\n")
    report = spine.run(tmp_path)
    assert of(report).status == "ok"  # 2 of 5
    (error,) = of(report, "borealis").errors
    assert (error.code, error.place) == ("DAT-033", "ai_columns.csv:3:max_null")
    assert error.message == "VEGA: 2 of 3 rows (66.67%) have no amount, max_null is 40%"


def test_a_late_row_that_repeats_a_published_key_stays_a_reject(tmp_path: Path) -> None:
    shop(tmp_path, "sale_id,Y", settings='duplicate_keys = "reject"')
    deliver(tmp_path, "acme", orders=ORDERS + "2,XXX,x\n6,XXX,y\n", sales=SALES + "2,x\n5,y\n")
    assert causes(of(spine.run(tmp_path))) == {"order REJ-001": 2, "sale REJ-001": 2}
    before = rows(tmp_path)
    lenient(tmp_path)
    report = of(spine.replay(tmp_path))
    assert report.rows_replayed == 2
    assert causes(report) == {"order REJ-019": 1, "sale REJ-019": 1}
    assert len(rows(tmp_path)) == len(before) + 2
    assert numbers(tmp_path) == [1, 2, 3, 4, 6, None]
    assert numbers(tmp_path, "VEGA") == [1, 2, 5]


def lenient(folder: Path) -> None:
    """Let amounts be read that are none."""
    text = (folder / "ai_mapping.csv").read_text(encoding="utf-8")
    head, *lines = text.splitlines()
    lines = [f'{line},TRY_CAST(Amount AS INT)' if ",Amount," in line else f"{line},"
             for line in lines]  # fmt: skip
    text_file(folder, "ai_mapping.csv", "\n".join([f"{head},transform", *lines]) + "\n")


def test_a_replay_fails_where_a_run_would(tmp_path: Path) -> None:
    shop(tmp_path, "sale_id,Y")
    deliver(tmp_path, "acme", sales=SALES + "2,x\n")
    spine.run(tmp_path)
    before = rows(tmp_path)
    lenient(tmp_path)
    assert [e.code for e in of(spine.replay(tmp_path)).errors] == ["DAT-034"]
    assert rows(tmp_path) == before


def test_a_limit_that_is_taken_back_lets_rows_pass_once(tmp_path: Path) -> None:
    shop(tmp_path, "amount,,,0")
    spine.run(tmp_path)
    assert numbers(tmp_path) == [1, 2, 4, None]
    explain(tmp_path, "amount,,,-5")
    assert of(spine.replay(tmp_path)).rows_replayed == 1
    assert numbers(tmp_path) == [1, 2, 3, 4, None]
    assert of(spine.replay(tmp_path)).rows_replayed == 0


def made(folder: Path) -> Iterable[str]:
    return [p.partition for p in spine.run_changed(folder).partitions if p.status != "unchanged"]


def test_a_change_of_what_must_hold_makes_the_module_anew(tmp_path: Path) -> None:
    shop(tmp_path, "amount,,,0")
    spine.run(tmp_path)
    assert made(tmp_path) == []
    explain(tmp_path, "amount,,,0,,,,,,EUR")  # a unit alone
    assert made(tmp_path) == []
    explain(tmp_path, "amount,,,1")
    assert len(list(made(tmp_path))) == 3


def test_units_travel_in_the_schema(tmp_path: Path) -> None:
    shop(tmp_path, "amount,,,,,,,,,EUR")
    spine.run(tmp_path)
    schema = DeltaTable(str(tmp_path / "workstation/sales")).schema()
    fields = {field.name: field.metadata for field in schema.fields}
    assert fields["amount"] == {"unit": "EUR"}
