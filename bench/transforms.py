"""Compilation of a sheet of many transforms, beside Polars' SQL, which parses and checks nothing.

    .venv/bin/python -m bench.transforms

Each transform is another text over the same columns; each is compiled to its value, its failure and
its type. Polars' SQL is given those that it understands, and only parses them. The same sheet over
another client's equal columns is found again. Seconds are the processor's, as it may be busy.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.racing import Case, Contender, Row, Took, race

# `{i}` makes each text another one.
SHAPES = (
    "UPPER(TRIM(name)) || '-{i}'",
    "CASE WHEN amount > {i} THEN 'big' WHEN amount > 0 THEN 'small' ELSE status END",
    "CAST(total AS DECIMAL(18,2)) * {i}",
    "COALESCE(CAST(day AS DATE), DATE '2024-01-01') > DATE '2024-01-31' OR amount = {i}",
    "SUBSTR(name, 1, STRPOS(name, ',') + {i})",
    "amount * 2 + {i} - CAST(total AS INT)",
    "REPLACE(REPLACE(LOWER(status), 'a', 'b'), 'c', '{i}')",
    "status IN ('open', 'closed', 's{i}') AND name IS NOT NULL",
    "ROUND(CAST(total AS DOUBLE) / {i}, 2)",
    "CONCAT(name, ' ', status, ' {i}')",
)
_SCRIPT = """
import json, sys, time
import polars as pl
shapes, number, ours = json.loads(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "ours"
texts = [shapes[i % len(shapes)].replace("{i}", str(i + 1)) for i in range(number)]
schema = pl.Schema({"name": pl.String, "status": pl.String, "day": pl.String, "total": pl.String,
                    "amount": pl.Int64})
from ai_dataflow.compiler.transforms import compile_transform
def compiled():
    for text in texts:
        compile_transform(text, schema) if ours else pl.sql_expr(text)
started = time.process_time()
compiled()
first = time.process_time() - started
started = time.process_time()
compiled()
print(first, time.process_time() - started)
"""


def _timed(number: int, who: str) -> tuple[float, float]:
    """Give the seconds of a first and of a second compilation."""
    command = [sys.executable, "-c", _SCRIPT, json.dumps(SHAPES), str(number), who]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    first, second = map(float, printed.split())
    return first, second


def case(_: Path, number: int, rounds: int) -> Case:
    """Measure both; the second time is of another client with the same columns."""
    again: list[float] = []

    def ours() -> Took:
        first, second = _timed(number, "ours")
        again.append(second)
        return Took(first)

    contenders = [
        Contender("ai_dataflow's compiler", ours),
        Contender("pl.sql_expr, parsing alone", lambda: Took(_timed(number, "theirs")[0])),
    ]
    found = race(f"{number:,} transforms", contenders, rounds, lambda: "both accept each of them")
    second = Row("ai_dataflow's compiler, the same again", min(again), 0.0, None, {})
    return replace(found, rows=(*found.rows, second))


def main() -> None:
    """Measure and print."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        for row in case(Path(name), 5_000, 1).rows:
            print(f"{row.contender:<40}{row.seconds:6.2f} s")
    print(f"{'all of it':<40}{time.perf_counter() - started:6.2f} s")


if __name__ == "__main__":
    main()
