"""One large partition: two products, a join, rejects; time, peak memory and the files made.

    .venv/bin/python -m bench.large_partition --rows 20000000

Beside it a script as one would write it by hand in Polars, streaming: it joins, casts and writes
the same rows, and drops what cannot be cast in silence. It counts nothing and keeps no rejects.
Before a figure counts, both outputs are compared: rows, and the sums of their numbers.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from bench.peers.measuring import child
from bench.projects import SETTINGS
from bench.racing import Case, Contender, race

CONTROL = """\
product_code,module_name,submodule_name,client_code,module_location,active
ORION,claims,header,acme,data/header.parquet,Y
ORION,claims,line,acme,data/line.parquet,Y
VEGA,claims,claim,acme,data/claim.parquet,Y
"""
MAPPING = """\
module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,is_key,required
claims,ORION,header,No,claim_id,int64,,Y,Y
claims,ORION,header,Status,status,string,UPPER(Status),,
claims,ORION,line,No,claim_id,int64,,Y,Y
claims,ORION,line,Line,line,int64,,,
claims,ORION,line,Amount,amount,float64,,,
claims,VEGA,claim,id,claim_id,int64,,,Y
claims,VEGA,claim,total,amount,float64,,,
claims,VEGA,claim,state,status,string,,,
"""
BAD_EVERY = 1_000


def make_project(folder: Path, rows: int) -> None:
    """Write the project: a tenth of the rows are headers, four tenths lines, the rest claims."""
    (folder / "data").mkdir()
    (folder / "ai_dataflow.toml").write_text(SETTINGS.format(workers=1))
    (folder / "control_table.csv").write_text(CONTROL)
    (folder / "ai_mapping.csv").write_text(MAPPING)
    (folder / "teams.csv").write_text("team,email,concern\nteam,team@example.org,*\n")
    headers, lines, claims = rows // 10, rows * 4 // 10, rows // 2
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    amount = pl.when(number % BAD_EVERY == BAD_EVERY - 1).then(pl.lit("n/a"))
    text = amount.otherwise((number % 100_000 / 100).cast(pl.String))
    _write(folder, "header", headers, No=number, Status=pl.lit("open"))
    _write(folder, "line", lines, No=number % headers, Line=number, Amount=text)
    _write(folder, "claim", claims, id=number, total=text, state=pl.lit("CLOSED"))


def _write(folder: Path, name: str, rows: int, **columns: pl.Expr) -> None:
    frame = pl.LazyFrame({"i": pl.Series([0], dtype=pl.Int8)}).select(
        pl.col("i").repeat_by(rows).explode()
    )
    frame.select(**columns).sink_parquet(folder / f"data/{name}.parquet", row_group_size=500_000)


def ours(folder: str) -> dict[str, dict[str, float]]:
    """Run the partition; without Dagster, whose events are another bench's."""
    from ai_dataflow.extracts.stages import STAGES  # noqa: PLC0415
    from ai_dataflow.planning.draft import make_draft  # noqa: PLC0415
    from ai_dataflow.runs.outcome import NOBODY  # noqa: PLC0415
    from ai_dataflow.runs.prospect import look_at  # noqa: PLC0415
    from ai_dataflow.runs.run import execute  # noqa: PLC0415
    from ai_dataflow.tables.project import load_project  # noqa: PLC0415 - in its own process

    prospect = look_at(make_draft(load_project(Path(folder))), ["claims|acme"])
    report = execute(prospect, STAGES, "bench", NOBODY)
    (partition,) = report.partitions
    assert partition.status == "ok", partition  # noqa: S101
    return {"timings": report.timings, "work": report.work}


def by_hand(folder: str) -> None:
    """Do what a script would do."""
    data = Path(folder) / "data"
    amount = pl.col("amount").cast(pl.Float64, strict=False)
    lines = pl.scan_parquet(data / "line.parquet").rename({"No": "claim_id", "Line": "line"})
    lines = lines.with_columns(pl.col("Amount").cast(pl.Float64, strict=False).alias("amount"))
    header = pl.scan_parquet(data / "header.parquet").select(
        claim_id="No", status=pl.col("Status").str.to_uppercase()
    )
    orion = header.join(
        lines.drop("Amount").filter(pl.col("amount").is_not_null()),
        on="claim_id", how="full", coalesce=True,
    )  # fmt: skip
    vega = pl.scan_parquet(data / "claim.parquet").select(
        claim_id="id", status="state", line=pl.lit(None, pl.Int64), amount="total"
    )
    vega = vega.with_columns(amount).filter(pl.col("amount").is_not_null())
    products = [
        f.with_columns(product_code=pl.lit(p)) for f, p in ((orion, "ORION"), (vega, "VEGA"))
    ]
    target = Path(folder) / "by_hand.parquet"
    pl.concat(products, how="diagonal").sink_parquet(target)


def summed(frame: pl.LazyFrame) -> tuple[object, ...]:
    """Give what both outputs must agree upon."""
    figures = [
        pl.len(),
        pl.col("claim_id").sum(),
        pl.col("line").sum(),
        pl.col("amount").sum().round(0),
    ]
    return frame.select(*(f.alias(str(i)) for i, f in enumerate(figures))).collect().row(0)


def case(folder: Path, rows: int, rounds: int) -> Case:
    """Measure both on a partition of so many rows."""
    folder.mkdir()
    make_project(folder, rows)

    def check() -> str:
        published = pl.scan_delta(str(folder / "workstation/claims"))
        ours, hand = summed(published), summed(pl.scan_parquet(folder / "by_hand.parquet"))
        assert ours == hand, (ours, hand)  # noqa: S101
        return f"equal sums of {ours[0]:,} rows"

    def contender(name: str, function: str) -> Contender:
        target = f"bench.large_partition:{function}"
        return Contender(name, lambda: child(target, folder, cwd=folder))

    contenders = [contender("ai-dataflow", "ours"), contender("Polars by hand", "by_hand")]
    found = race(f"one partition of {rows:,} rows", contenders, rounds, check)
    return replace(found, notes=(_files(folder),))


def _files(folder: Path) -> str:
    files = sorted((folder / "workstation/claims/client_code=acme").glob("*.parquet"))
    newest = max(files, key=lambda file: file.stat().st_mtime_ns)
    footer = pq.read_metadata(newest)
    size = newest.stat().st_size / 1e6
    return f"a file: {size:.0f} MB, {footer.num_rows:,} rows in {footer.num_row_groups} row groups"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = case(Path(name) / "p", options.rows, options.rounds)
    for row in found.rows:
        print(f"{row.contender:<16}{row.seconds:8.1f} s{row.mb:10,.0f} MB   {row.ratio:.2f} x")
    print(found.checked, *found.notes, sep="\n")


if __name__ == "__main__":
    main()
