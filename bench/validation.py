"""Validation of a large sheet, beside a pandas script that only joins the same tables.

    .venv/bin/python -m bench.validation

1,000 control rows, 10,000 mapping rows, as many Parquet files as control rows. Both run in
processes of their own, in turns. The pandas script is what a careful team does by hand today: it
reads the tables, joins them, and looks for rows without a partner; it opens no source, compiles no
transform and names no cell.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import polars as pl

from bench.peers.measuring import measured
from bench.racing import Case, Contender, Row, Took, as_users, race

MODULES, SUBMODULES, CLIENTS, COLUMNS = 5, 4, 5, 50
AI_TYPES = ("string", "int64", "date", "decimal(18,2)", "float64")

BY_HAND = """
import sys
import pandas as pd
control = pd.read_csv("control_table.csv", dtype=str, keep_default_na=False)
mapping = pd.read_csv("ai_mapping.csv", dtype=str, keep_default_na=False)
keys = ["product_code", "module_name", "submodule_name"]
joined = control.merge(mapping, on=keys, how="outer", indicator=True)
print((joined["_merge"] == "both").sum(), (joined["_merge"] != "both").sum())
"""
OURS = "from ai_dataflow.cli import main; main()"


def make_project(folder: Path, products: int) -> None:
    """Write the project: every source has all columns of its mapping, as text."""
    (folder / "ai_dataflow.toml").write_text('[workstation]\nurl = "workstation"\n')
    (folder / "teams.csv").write_text("team,email,concern\nteam,team@example.org,*\n")
    names = [f"C{i}" for i in range(COLUMNS)]
    sources = list(product(range(MODULES), range(products), range(SUBMODULES)))
    control = ["product_code,module_name,submodule_name,client_code,module_location,active"]
    mapping = [
        "module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,is_key"
    ]
    for m, p, s in sources:
        for client in range(CLIENTS):
            path = f"data/p{p}/m{m}/s{s}/client{client}.parquet"
            control.append(f"P{p},module{m},sub{s},client{client},{path},Y")
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            pl.DataFrame({name: ["1"] for name in names}).write_parquet(folder / path)
        for i, name in enumerate(names):
            is_key = i == 0
            ai_column = "id" if is_key else f"s{s}_{i}"
            transform = f"upper(trim({name}))" if i % 10 == 5 else ""  # noqa: PLR2004
            ai_type = AI_TYPES[0 if is_key or transform else i % len(AI_TYPES)]
            quoted = f'"{ai_type}"' if "," in ai_type else ai_type
            flag = "Y" if is_key else ""
            mapping.append(f"module{m},P{p},sub{s},{name},{ai_column},{quoted},{transform},{flag}")
    (folder / "control_table.csv").write_text("\n".join(control) + "\n")
    (folder / "ai_mapping.csv").write_text("\n".join(mapping) + "\n")


def timed(folder: Path, *arguments: str) -> tuple[float, str]:
    """Run Python in the project's folder; give the seconds and what it printed."""
    started = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return time.perf_counter() - started, ran.stdout


def case(folder: Path, products: int, rounds: int) -> Case:
    """Measure both; the sources' schemas are known from a first validation, which is a row too."""
    folder.mkdir()
    make_project(folder, products)
    cold, printed = timed(folder, "-c", OURS, "validate", "--json")
    assert json.loads(printed)["items"] == []  # noqa: S101 - a valid project has no diagnostics

    def by_hand() -> Took:
        seconds, printed = timed(folder, "-c", BY_HAND)
        assert printed.split()[1] == "0"  # noqa: S101 - it finds nothing wrong either
        return Took(seconds)

    def ours() -> Took:
        return Took(timed(folder, "-c", OURS, "validate", "--json")[0])

    contenders = [Contender("ai-dataflow validate", ours), Contender("pandas joins only", by_hand)]
    sources = MODULES * SUBMODULES * products
    sizes = f"{sources * CLIENTS:,} control rows and {sources * COLUMNS:,} mapping rows"
    title = f"validation, {sizes}"
    found = race(title, contenders, rounds, lambda: "neither finds anything wrong")
    whole = measured([sys.executable, "-c", OURS, "validate", "--json"], folder, as_users()).took
    rows = (replace(found.rows[0], mb=whole.mb), *found.rows[1:])
    first = Row("ai-dataflow validate, the first time", cold, 0.0, None, {})
    return replace(found, rows=(*rows, first))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        for row in case(Path(name) / "p", 10, rounds).rows:
            print(f"{row.contender:<40}{row.seconds:6.2f} s   {row.mb:5.0f} MB")


if __name__ == "__main__":
    main()
