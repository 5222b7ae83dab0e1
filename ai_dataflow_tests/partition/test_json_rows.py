"""JSON lines in a partition: digits as they are written; what no type has is left out."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from ai_dataflow_tests.partition.jobs import (
    count_rows,
    job,
    left_out,
    mapped,
    run_job,
    source,
    written,
)


def delivered(folder: Path, *lines: str) -> Path:
    (folder / "a.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder / "a.jsonl"


def test_digits_are_published_as_they_are_written(tmp_path: Path) -> None:
    file = delivered(
        tmp_path,
        '{"amount": 1234567890123456.78, "ref": 12345678901234567, "code": 1.50}',
        '{"amount": 1.5, "ref": 1.0, "code": "A"}',
    )
    columns = mapped("amount", "decimal(18,2)"), mapped("ref", "int64"), mapped("code", "string")
    done = run_job(job(source(file, *columns)), tmp_path)
    assert written(done, tmp_path).select("amount", "ref", "code").rows() == [
        (Decimal("1234567890123456.78"), 12345678901234567, "1.50"),
        (Decimal("1.50"), 1, "A"),
    ]


@pytest.mark.parametrize("number", ["18446744073709551616", "1" * 42, "1e400", "1.5"])
def test_a_number_that_its_type_has_not_is_a_reject_of_its_row(tmp_path: Path, number: str) -> None:
    file = delivered(tmp_path, f'{{"id": {number}}}', '{"id": 2}')
    done = run_job(job(source(file, mapped("id", "int64"))), tmp_path)
    assert written(done, tmp_path)["id"].to_list() == [2]
    (reject,) = left_out(done, tmp_path)
    assert (reject["reason"], reject["ai_column"]) == ("REJ-001", "id")
    assert str(reject["raw_row"]["id"]) == number


def test_half_a_character_makes_a_reject_of_its_line(tmp_path: Path) -> None:
    half = r'{"id": 1, "name": "a\ud800b"}'
    file = delivered(tmp_path, half, '{"id": 2, "name": "ok"}')
    done = run_job(job(source(file, mapped("id", "int64"), mapped("name"))), tmp_path)
    assert written(done, tmp_path)["name"].to_list() == ["ok"]
    (reject,) = left_out(done, tmp_path)
    assert (reject["reason"], reject["raw_row"]) == ("REJ-003", {"line": half})
    assert count_rows(done) == {"orion": (2, 1, 0, 1)}
