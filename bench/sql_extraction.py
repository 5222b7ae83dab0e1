"""Extraction of a table over ODBC, beside what a team would write by hand.

    .venv/bin/python -m bench.sql_extraction

2,000,000 rows of ten columns (integers, decimals, floats, dates, texts, some nulls) from a
PostgreSQL of its own, into one Parquet file. Every contender runs in processes of its own, in
turns; the files are compared cell by cell.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

from ai_dataflow_tests.services.postgres import Postgres
from bench.racing import Case, Contender, Took, race

URL, ODBC = "BENCH_SQL_URL", "BENCH_SQL_ODBC"
TABLE = """
CREATE TABLE claims AS SELECT
    i::bigint AS id,
    'client' || i % 50 AS client,
    (i % 1000000 / 100.0)::numeric(18,2) AS amount,
    CASE WHEN i % 10 > 0 THEN (i % 97)::int END AS quantity,
    i / 7.0::double precision AS rate,
    DATE '2020-01-01' + i % 2000 AS day,
    TIMESTAMP '2020-01-01' + i * INTERVAL '1.5 second' AS seen,
    i % 3 = 0 AS is_open,
    CASE WHEN i % 4 > 0 THEN 'A note on claim ' || i END::text AS note,
    md5(i::text)::varchar(40) AS reference
FROM generate_series(1, %s) i
"""
QUERY = "SELECT * FROM claims"
BATCH = 50_000


def ours(file: Path, *, odbc: bool = True) -> None:
    """Extract as a run does: described, in bulk, retried if need be, written to staging."""
    from pydantic import SecretStr  # noqa: PLC0415 - each contender pays for its own imports

    from ai_dataflow.config.settings import Settings, SqlConnection  # noqa: PLC0415
    from ai_dataflow.connections.stores import Folder  # noqa: PLC0415
    from ai_dataflow.sources.sql import queries  # noqa: PLC0415
    from ai_dataflow.tables.locations import SqlLocation  # noqa: PLC0415
    from ai_dataflow.workstation.data_files import write_batches  # noqa: PLC0415

    own = SqlConnection(
        url=SecretStr(os.environ[URL]), odbc=SecretStr(os.environ[ODBC]) if odbc else None
    )
    database = queries.database("db", Settings(folder=file.parent, sql={"db": own}))
    location, folder = SqlLocation("db", "claims"), Folder(str(file.parent))
    columns = database.columns(location, "")
    database.copy(
        location, columns, list(columns), lambda f: write_batches(f, folder, file.name), ""
    )


def ours_as_tuples(file: Path) -> None:
    """Extract as a run does where a connection has no ODBC."""
    ours(file, odbc=False)


def tuples(file: Path) -> None:
    """SQLAlchemy's rows, a batch at a time, into Polars and Parquet."""
    import pyarrow.parquet as pq  # noqa: PLC0415
    import sqlalchemy as sa  # noqa: PLC0415

    writer = None
    with sa.create_engine(os.environ[URL]).connect() as connection:
        options = {"stream_results": True, "yield_per": BATCH}
        result = connection.execution_options(**options).execute(sa.text(QUERY))
        schema = {**dict.fromkeys(result.keys()), "amount": pl.Decimal(18, 2)}
        for rows in result.partitions():
            batch = pl.DataFrame(rows, schema=schema, orient="row", infer_schema_length=None)
            arrow = batch.to_arrow()
            writer = writer or pq.ParquetWriter(file, arrow.schema, compression="zstd")
            writer.write_table(arrow)
    assert writer  # noqa: S101
    writer.close()


def pandas(file: Path) -> None:
    """The chunks of pandas' `read_sql`, into Parquet; decimals must not become floats."""
    import pandas as pd  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415
    import sqlalchemy as sa  # noqa: PLC0415

    writer, schema = None, None
    with sa.create_engine(os.environ[URL]).connect() as connection:
        streamed = connection.execution_options(stream_results=True)
        for chunk in pd.read_sql(sa.text(QUERY), streamed, chunksize=BATCH, coerce_float=False):
            chunk["quantity"] = chunk["quantity"].astype("Int64")
            if schema is None:
                found = pa.Schema.from_pandas(chunk, preserve_index=False)
                i = found.get_field_index("amount")
                schema = found.set(i, pa.field("amount", pa.decimal128(18, 2)))
            table = pa.Table.from_pandas(chunk, schema=schema, preserve_index=False)
            writer = writer or pq.ParquetWriter(file, schema, compression="zstd")
            writer.write_table(table)
    assert writer  # noqa: S101
    writer.close()


def raw_arrow_odbc(file: Path) -> None:
    """arrow-odbc's batches as they come, into Parquet.

    But for one column: left alone it takes PostgreSQL's doubles for floats of 32 bits.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415
    from arrow_odbc import read_arrow_batches_from_odbc  # noqa: PLC0415

    def with_doubles(schema: pa.Schema) -> pa.Schema:
        return schema.set(schema.get_field_index("rate"), pa.field("rate", pa.float64()))

    reader = read_arrow_batches_from_odbc(
        QUERY,
        connection_string=os.environ[ODBC] + "UseDeclareFetch=1;Fetch=10000;BoolsAsChar=0",
        max_text_size=4_000,
        max_bytes_per_batch=64 << 20,
        map_schema=with_doubles,
    )
    with pq.ParquetWriter(file, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)


CONTENDERS: tuple[Callable[[Path], None], ...] = (
    ours, ours_as_tuples, tuples, pandas, raw_arrow_odbc,
)  # fmt: skip
CHILD = """
import json, re, sys, time
from pathlib import Path
from bench import sql_extraction
started = time.perf_counter()
getattr(sql_extraction, sys.argv[1])(Path(sys.argv[2]))
print(json.dumps({
    "seconds": time.perf_counter() - started,
    # Not getrusage: its peak begins with that of the process that started this one.
    "mb": int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024,
}))
"""


def run(contender: str, file: Path) -> tuple[float, float]:
    """Run a contender in a process of its own; give its seconds and its peak memory in MB."""
    file.unlink(missing_ok=True)
    ran = subprocess.run(
        [sys.executable, "-c", CHILD, contender, str(file)],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    found = json.loads(ran.stdout.splitlines()[-1])
    return float(found["seconds"]), float(found["mb"])


def content(file: Path) -> pl.DataFrame:
    """Give a file's rows in one order and in the types of the table."""
    types = {"quantity": pl.Int64, "day": pl.Date, "seen": pl.Datetime("us")}
    return pl.read_parquet(file).cast(types).sort("id")


def case(rows: int, rounds: int) -> Case:
    """Measure all contenders on a table of so many rows."""
    names = [contender.__name__ for contender in CONTENDERS]
    with Postgres() as server, tempfile.TemporaryDirectory() as folder:
        server.execute(TABLE.replace("%s", str(rows)))
        os.environ |= {URL: server.url(), ODBC: server.odbc()}

        def check() -> str:
            expected = content(Path(folder) / "ours.parquet")
            for name in names[1:]:
                found = content(Path(folder) / f"{name}.parquet")
                assert_frame_equal(expected, found, check_exact=True)
            return f"all cells of {expected.height:,} rows are equal"

        def contender(name: str) -> Contender:
            return Contender(name, lambda: Took(*run(name, Path(folder) / f"{name}.parquet")))

        title = f"extraction of {rows:,} rows over ODBC"
        return race(title, [contender(name) for name in names], rounds, check)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    for row in case(given.rows, given.rounds).rows:
        ratio = 1 / row.ratio if row.ratio else 0
        print(f"{row.contender:15} {row.seconds:7.2f} s  {ratio:5.2f} x ours  {row.mb:6.0f} MB")


if __name__ == "__main__":
    main()
