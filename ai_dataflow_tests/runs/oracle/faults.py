"""What can be wrong with a delivery, done to its files."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq

_ANY = ("missing", "no column", "no rows")
_FILES = ("no byte", "cut off")
_OWN = {
    "parquet": ("broken page", "broken spare page", "no file of its kind", "never fits"),
    "csv": ("ragged", "open quote"),
    "jsonl": ("no file of its kind",),
    "delta": ("never fits",),
}


def of(stored: str) -> list[str]:
    """Give the faults that a way of storing can have."""
    if stored == "sqlite":
        return ["no table", "no column", "no rows"]
    format_ = stored.split(maxsplit=1)[0]
    files = () if format_ == "delta" else _FILES
    several = ("files differ",) * 3 if " " in stored and format_ != "jsonl" else ()
    return [*_ANY, *files, *_OWN[format_], *several]


def inflict(fault: str, files: list[Path], rng: random.Random) -> None:
    """Do to files what a fault does; those of columns and rows are in them already."""
    if fault == "missing":
        for file in files:
            file.unlink()
    elif fault == "files differ" and len(files) == 1 and files[0].suffix == ".csv":
        return  # of a text alone nobody could tell that it has a header
    elif fault in _DONE and files:  # an empty Delta table has none
        # Where the first of several is the odd one, a run tells of its columns (MAP-014).
        _DONE[fault](files[-1] if fault == "files differ" else rng.choice(files))


def _cut_off(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2 if file.suffix == ".parquet" else -3])


def _append(file: Path, text: str) -> None:
    with file.open("a") as end:
        end.write(text)


def _differ(file: Path) -> None:
    """Give a file other columns than those beside it have; alone it lacks what is mapped."""
    if file.suffix == ".csv":
        _, _, rest = file.read_bytes().partition(b"\n")
        file.write_bytes(b"other,columns\n" + rest)
    else:
        table = pq.read_table(file)
        pq.write_table(table.rename_columns([f"{name} x" for name in table.column_names]), file)


def _break_page(file: Path, column: str) -> None:
    """Overwrite the pages of a column, of whatever case."""
    metadata = pq.ParquetFile(file).metadata
    content = bytearray(file.read_bytes())
    for group in (metadata.row_group(i) for i in range(metadata.num_row_groups)):
        for chunk in (group.column(i) for i in range(group.num_columns)):
            if chunk.path_in_schema.casefold() == column.casefold():
                start = chunk.dictionary_page_offset or chunk.data_page_offset
                end = start + chunk.total_compressed_size
                content[start:end] = b"\xff" * (end - start)
    file.write_bytes(content)


def _drop_table(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE rows")


_DONE: dict[str, Callable[[Path], object]] = {
    "no byte": lambda file: file.write_bytes(b""),
    "cut off": _cut_off,
    "no file of its kind": lambda file: file.write_bytes(b"<html>\n<p>Login</p>\n</html>\n"),
    "broken page": lambda file: _break_page(file, "Id"),
    "broken spare page": lambda file: _break_page(file, "spare"),
    "ragged": lambda file: _append(file, "too,many,fields" * 20 + "\nfew\n"),
    "open quote": lambda file: _append(file, '"never closed\n'),
    "files differ": _differ,
    "no table": _drop_table,
}
