"""Text files: a partition of one file, in UTF-8, in Windows-1252 and in UTF-16.

    .venv/bin/python -m bench.text_files --megabytes 200

The first contender is ours on the file in UTF-8; the others' ratios are what that takes of them, so
that the same rows in another dialect are compared with it. pandas reads the file in Windows-1252
and writes a Parquet file, as one would by hand. All have to publish the same rows.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import polars as pl

from bench.peers.measuring import child
from bench.projects import SETTINGS
from bench.racing import Case, Contender, race

CONTROL = """\
product_code,module_name,submodule_name,client_code,module_location,active
ORION,claims,claim,acme,data/claims.txt,Y
"""
MAPPING = """\
module_name,product_code,submodule_name,source_column,ai_column,ai_type
claims,ORION,claim,Nummer,claim_id,int64
claims,ORION,claim,Größe,amount,"decimal(18,2)"
claims,ORION,claim,Ort,place,string
"""
DIALECTS = {
    "UTF-8, commas": (",", "utf-8"),
    "Windows-1252, semicolons": (";", "cp1252"),
    "UTF-16, tabs": ("\t", "utf-16"),
}
_LINE = 40  # bytes of a row in UTF-8, about
_AT_ONCE = 100_000


def make_project(folder: Path, rows: int, sign: str, encoding: str) -> None:
    """Write a project of one file."""
    (folder / "data").mkdir(parents=True)
    (folder / "ai_dataflow.toml").write_text(SETTINGS.format(workers=1))
    (folder / "control_table.csv").write_text(CONTROL)
    (folder / "ai_mapping.csv").write_text(MAPPING, encoding="utf-8")
    (folder / "teams.csv").write_text("team,email,concern\nteam,team@example.org,*\n")
    with (folder / "data/claims.txt").open("w", encoding=encoding, newline="") as file:
        file.write(sign.join(("Nummer", "Größe", "Ort", "Rest")) + "\r\n")
        for first in range(0, rows, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, rows))
            lines = (sign.join((str(i), f"{i % 9999}.50", "Gießen", "none")) for i in numbers)
            file.write("\r\n".join(lines) + "\r\n")


def by_hand(folder: str) -> None:
    """Do what a script would do."""
    import pandas as pd  # noqa: PLC0415 - in its own process

    file = Path(folder) / "data/claims.txt"
    rows = pd.read_csv(file, sep=";", encoding="cp1252", usecols=["Nummer", "Größe", "Ort"])
    names = {"Nummer": "claim_id", "Größe": "amount", "Ort": "place"}
    rows.rename(columns=names).to_parquet(Path(folder) / "by_hand.parquet")


def _summed(rows: pl.LazyFrame) -> tuple[object, ...]:
    amount = pl.col("amount").cast(pl.Float64).sum().round(0)
    return rows.select(pl.len(), pl.col("claim_id").sum(), amount,
                       pl.col("place").n_unique()).collect().row(0)  # fmt: skip


def case(folder: Path, megabytes: int, rounds: int) -> Case:
    """Measure all on files of about so many megabytes in UTF-8."""
    rows = megabytes * 1_000_000 // _LINE
    folders = {name: folder / str(i) for i, name in enumerate(DIALECTS)}
    for name, (sign, encoding) in DIALECTS.items():
        make_project(folders[name], rows, sign, encoding)
    script = folders["Windows-1252, semicolons"]

    def check() -> str:
        made = [pl.scan_delta(str(own / "workstation/claims")) for own in folders.values()]
        sums = {_summed(rows) for rows in (*made, pl.scan_parquet(script / "by_hand.parquet"))}
        assert len(sums) == 1, sums  # noqa: S101
        return f"equal sums of {rows:,} rows"

    def ours(name: str) -> Contender:
        own = folders[name]
        return Contender(name, lambda: child("bench.large_partition:ours", own, cwd=own))

    hand = Contender(
        "pandas by hand, Windows-1252",
        lambda: child("bench.text_files:by_hand", script, cwd=script),
    )
    return race(f"text of {megabytes} MB", [*map(ours, DIALECTS), hand], rounds, check)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        measured = case(Path(name) / "p", options.megabytes, options.rounds)
    for row in measured.rows:
        print(f"{row.contender:<30}{row.seconds:8.1f} s{row.mb:10,.0f} MB   {row.ratio:.2f} x")
    print(measured.checked, *measured.notes, sep="\n")


if __name__ == "__main__":
    main()
