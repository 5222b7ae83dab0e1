"""Writes files as Spark 4 does, all in one session: `python -m … FOLDER`. It takes its time."""

from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

DAY, MOMENT = dt.date(2025, 1, 31), dt.datetime(2025, 1, 31, 23, 59, 58, 123_456)
SCHEMA = """
    id BIGINT, ort STRING, amount DECIMAL(18,2), wide DECIMAL(38,10), open BOOLEAN, day DATE,
    at TIMESTAMP, plain TIMESTAMP_NTZ, tags ARRAY<STRING>, who STRUCT<name: STRING, age: INT>,
    points MAP<STRING, INT>, small TINYINT, ratio FLOAT
"""
ROWS: list[tuple[Any, ...]] = [
    (1, "Köln", Decimal("2.50"), Decimal("1.0000000001"), True, DAY, MOMENT, MOMENT, ["a", None],
     ("Ada", 36), {"x": 1}, 7, 0.5),
    (2, 'a,b; "c" \\ d', Decimal("-3.25"), Decimal(9), False, dt.date(1, 1, 1), MOMENT,
     dt.datetime(1, 1, 1), [], (None, None), {}, -1, -0.0),
    (3, None, None, None, None, dt.date.max, None, dt.datetime(9999, 12, 31), None, None, None,
     None, None),
]  # fmt: skip
FLAT = ("id", "ort", "amount", "open", "day", "at")
_CONF = {
    "spark.ui.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
}


def main(folder: Path) -> None:
    """Write all."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - the process of the tests has no Spark

    builder: Any = SparkSession.builder
    builder = builder.master("local[1]")
    for name, value in _CONF.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    rows = spark.createDataFrame(ROWS, SCHEMA)
    _parquet(spark, rows, folder)
    _texts(rows.select(*FLAT).coalesce(1), folder)
    spark.stop()


def _parquet(spark: Any, rows: Any, folder: Path) -> None:
    one = rows.coalesce(1)
    for kind in ("INT96", "TIMESTAMP_MICROS", "TIMESTAMP_MILLIS"):
        spark.conf.set("spark.sql.parquet.outputTimestampType", kind)
        one.write.parquet(str(folder / kind))
    for codec in ("uncompressed", "gzip", "zstd", "lz4", "lz4_raw"):
        one.write.parquet(str(folder / f"codec-{codec}"), compression=codec)
    one.write.option("parquet.writer.version", "PARQUET_2_0").parquet(str(folder / "v2"))
    spark.conf.set("spark.sql.parquet.writeLegacyFormat", "true")
    one.write.parquet(str(folder / "legacy"))
    spark.conf.set("spark.sql.parquet.writeLegacyFormat", "false")
    parts = one.withColumn("year", rows.id + 2023)
    parts.write.partitionBy("year", "ort").parquet(str(folder / "parted"))
    rows.filter("id < 0").coalesce(1).write.parquet(str(folder / "with-empty-part"))
    one.write.mode("append").parquet(str(folder / "with-empty-part"))
    one.write.orc(str(folder / "orc"))


def _texts(rows: Any, folder: Path) -> None:
    rows.write.csv(str(folder / "csv"), header=True)
    rows.write.csv(str(folder / "csv-gzip"), header=True, compression="gzip")
    rows.write.csv(str(folder / "csv-semicolons"), header=True, escape='"', sep=";")
    rows.write.csv(str(folder / "csv-utf16"), header=True, escape='"', encoding="UTF-16")
    rows.write.json(str(folder / "json"))
    rows.write.json(str(folder / "json-gzip"), compression="gzip")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
