"""Files in which a value stands where a name should be, and the sheet's names do not."""

from __future__ import annotations

import gzip
import io
from typing import Any

import polars as pl

VALUE = "vAlUe0815"
ROW, HEAD = f"17,{VALUE}\n18,b\n".encode(), b"ClaimNo,Amount\n1,2\n"
KEYS = f'{{"17": 1, "{VALUE}": 2}}\n'.encode()


def parquet(**columns: Any) -> bytes:
    """Give a Parquet file of such columns."""
    file = io.BytesIO()
    pl.DataFrame(columns).write_parquet(file)
    return file.getvalue()


# By what is wrong with them: the files, by their paths. All are at `x…`.
CASES: dict[str, dict[str, bytes]] = {
    "no header": {"x.csv": ROW},
    "no header, packed": {"x.csv.gz": gzip.compress(ROW)},
    "a title above the header": {"x.csv": f"Claims of {VALUE}\n".encode() + HEAD},
    "another delimiter": {"x.csv": f"Claim;{VALUE}\n1;2\n".encode()},
    "one column": {"x.csv": f"{VALUE}\n".encode()},
    "near to a name of the sheet": {"x.csv": f"17,Amount{VALUE}\n".encode()},
    "more than twelve columns": {"x.csv": ",".join(f"{VALUE}{i}" for i in range(20)).encode()},
    "a value twice": {"x.csv": f"{VALUE},{VALUE}\n".encode()},
    "in a folder with a name of the sheet": {"x/Amount=1/a.csv": ROW},
    "the second of two": {"x/a.csv": HEAD, "x/b.csv": ROW},
    "the first of two": {"x/a.csv": ROW, "x/b.csv": HEAD},
    "keys that are values": {"x.jsonl": KEYS},
    "such keys in one of two": {"x/a.jsonl": b'{"Amount": 1}\n', "x/b.jsonl": KEYS},
    "fields that are values": {
        "x.jsonl": f'{{"ClaimNo": 1, "Amount": {{"{VALUE}": 1}}}}\n'.encode()
    },
    "Parquet of such a CSV": {"x.parquet": parquet(**{"17": [1], VALUE: [2]})},
    "Parquet, one of two": {
        "x/a.parquet": parquet(ClaimNo=[1], Amount=[1.0]),
        "x/b.parquet": parquet(Amount=[1.0], **{VALUE: [2]}),
    },
    "categories": {
        "x.parquet": parquet(
            ClaimNo=pl.Series([[VALUE]], dtype=pl.List(pl.Enum([VALUE]))),
            Amount=pl.Series([1.5]),
        )
    },
}


def location_of(files: dict[str, bytes]) -> str:
    """Give what holds all files of a case: the file, or the folder."""
    return next(iter(files)).split("/")[0]
