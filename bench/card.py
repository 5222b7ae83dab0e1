"""What the data card of a large module costs: 1,000 clients of 3 products, 100 columns.

The module's profiles are made up, as a run would leave them: a first publication of all clients,
then nights that publish some of them again. There is nothing to race with: what a user would do
instead is to read all the data.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from ai_dataflow.connections.stores import Folder
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.commit import TableColumn, commit
from ai_dataflow.workstation.data_files import DataFile, new_publication
from ai_dataflow.workstation.fencing import Writer
from ai_dataflow.workstation.layout import Folders, partition_folder
from ai_dataflow.workstation.profile_tables import add_profiles, write_profiles
from ai_dataflow.workstation.profiles import FREQUENT, HASH_BITS, HASHES, POINTS, SCHEMA
from bench.racing import Case, Row, as_users

MODULE = "claims"
PRODUCTS = ("LYRA", "ORION", "VEGA")
_TYPES = (
    "string", "decimal(18,2)", "int64", "date", "boolean", "string", "decimal(18,2)", "float64",
    "string", "timestamp",
)  # fmt: skip
_ROWS = 2_000  # of a client's product
_AT = datetime(2026, 11, 1, tzinfo=UTC)


def measure(
    folder: Path, clients: int, columns: int, nights: int, rounds: int, products: Sequence[int]
) -> Case:
    """Measure `describe` in processes of its own: on the terminal, as a page, of one client.

    Once for each number of `products` that a client has.
    """
    rows: list[Row] = []
    for of in products:
        here = folder / str(of)
        make_workstation(here, clients, columns, nights, of)
        commands = {
            "on the terminal": (),
            "as a page": ("--html", str(here / "card.html")),
            "of one client": ("--client", _client(0)),
        }
        kind = f"{of} product a client"
        rows += [_row(f"{name}, {kind}", here, said, rounds) for name, said in commands.items()]
    size = max(page.stat().st_size for page in folder.glob("*/card.html"))
    checked = f"{clients:,} clients, {columns} columns, {len(PRODUCTS)} products"
    limit = "Asked for: 3 s, and a page of less than 2 MB."
    return Case("data card", tuple(rows), checked, (f"The page has {size / 1e6:.2f} MB. {limit}",))


def _row(name: str, folder: Path, options: Sequence[str], rounds: int) -> Row:
    took = sorted(_seconds(folder, options) for _ in range(rounds))
    elapsed, cpu = took[len(took) // 2]
    return Row(f"describe {name}", elapsed, 0.0, None, {}, cpu=cpu)


def _seconds(folder: Path, options: Sequence[str]) -> tuple[float, float]:
    """Describe, and give how long that took, and how long a processor had to do."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", "from ai_dataflow.cli import main; main()"]
    ran = subprocess.run(
        [*command, "describe", MODULE, *options],
        cwd=folder,
        env=as_users(),
        capture_output=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(ran.stderr.decode()[-4000:])
    elapsed, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def make_workstation(folder: Path, clients: int, columns: int, nights: int, of: int) -> None:
    """Make a project whose workstation has a module's log, its profiles, and no data at all.

    Each client has rows of so many products.
    """
    folder.mkdir(parents=True)
    types = [_TYPES[i % len(_TYPES)] for i in range(columns)]
    _write_project(folder, clients, types)
    folders = Folders(Folder(str(folder / "workstation")))
    described = [
        TableColumn(_column(i), ai_types.to_delta(ai_type), f"What column {i} means.")
        for i, ai_type in enumerate(types)
    ]
    generator = np.random.default_rng(7)
    for night in range(nights):
        some = range(clients) if not night else range(night, clients, 25)
        names = {_client(i): new_publication() for i in some}
        writer = Writer(f"run-{night}")
        rows = profiles(names, types, generator, of)
        made = write_profiles(folders.profiles(MODULE), rows)
        add_profiles(folders, MODULE, [made], writer)
        commit(folders.dataset(MODULE), described, dict(_files(names)), writer)


def _files(publications: dict[str, str]) -> Iterator[tuple[str, list[DataFile]]]:
    for client, publication in publications.items():
        path = f"{partition_folder(client)}/{publication}.parquet"
        yield client, [DataFile(path, 1_000, _ROWS * len(PRODUCTS))]


def profiles(
    publications: dict[str, str], types: Sequence[str], generator: np.random.Generator, of: int
) -> pl.DataFrame:
    """Make up the profiles of some clients' publications."""
    each = pl.DataFrame(
        [
            (client, publication, PRODUCTS[(int(client[-5:]) + i) % len(PRODUCTS)])
            for client, publication in publications.items()
            for i in range(of)
        ],
        ["client_code", "publication", "product_code"],
        orient="row",
    )
    parts = [_of_rows(each)]
    parts += [_of_column(each, i, ai_type, generator) for i, ai_type in enumerate(types)]
    lacking = [
        part.with_columns(pl.lit(None, t).alias(n) for n, t in SCHEMA.items() if n not in part)
        for part in parts
    ]
    frame = pl.concat([part.select(SCHEMA.names()).cast(dict(SCHEMA)) for part in lacking])
    return frame.sort("client_code", "product_code", "ai_column")


def _of_rows(each: pl.DataFrame) -> pl.DataFrame:
    return each.with_columns(
        ai_column=pl.lit(""), ai_type=pl.lit(""), mapping_cell=pl.lit(""), mapping=pl.lit(""),
        rows=_ROWS, nulls=0, computation=7, at=pl.lit(_AT), run_id=pl.lit("run"),
    )  # fmt: skip


def _of_column(
    each: pl.DataFrame, number: int, ai_type: str, generator: np.random.Generator
) -> pl.DataFrame:
    height, name = each.height, _column(number)
    end = (1 << HASH_BITS) * HASHES // (_ROWS // 2)  # the least hashes of so many values
    frame = _of_rows(each).with_columns(
        ai_column=pl.lit(name),
        ai_type=pl.lit(ai_type),
        mapping_cell=pl.lit(f"ai_mapping.csv:{number + 2}:source_column"),
        mapping=pl.lit(f"Source{number} as {ai_type}"),
        nulls=pl.Series(generator.integers(0, _ROWS // 10, height)),
        distinct=_ROWS // 2,
        distinct_error=0.0,
        hashes=_sorted(generator.integers(0, end, (height, HASHES), dtype=np.uint64)),
    )
    values = pl.Series([f"value {i}" for i in range(60)])
    if ai_type == "string":
        frame = frame.with_columns(
            least=pl.lit("value 0"), greatest=pl.lit("value 9"), length_least=7,
            length_greatest=8, length_mean=7.5,
            looks=pl.struct(number=pl.lit(0), date=pl.lit(0), blank=pl.lit(0), other=pl.lit(1900)),
        )  # fmt: skip
    else:
        points = np.sort(generator.normal(number * 100, 50, (height, POINTS)), axis=1)
        quantiles = pl.Series(points).cast(SCHEMA["quantiles"])
        frame = frame.with_columns(
            least=pl.lit(_least(ai_type)), greatest=pl.lit(_least(ai_type)),
            mean=float(number * 100), deviation=50.0, quantiles=quantiles,
        )  # fmt: skip
    if ai_type == "boolean":
        values, hashes = pl.Series(["false", "true"]), pl.lit([17, end], SCHEMA["hashes"])
        frame = frame.with_columns(distinct=2, hashes=hashes)
    if ai_type in ("string", "boolean", "int64", "date"):
        frame = frame.with_columns(frequent=_frequent(values, height, generator))
    return frame


def _sorted(numbers: np.ndarray) -> pl.Series:
    return pl.Series(np.sort(numbers, axis=1)).cast(SCHEMA["hashes"])


def _frequent(values: pl.Series, height: int, generator: np.random.Generator) -> pl.Series:
    """Give the most frequent values of so many profiles, each with others of these."""
    size = min(FREQUENT, values.len())
    places = np.argsort(generator.random((height, values.len())), axis=1)[:, :size].ravel()
    rows = generator.integers(1, 200, height * size)
    flat = pl.DataFrame({"value": values.gather(places), "rows": rows}).to_struct("frequent")
    return flat.reshape((height, size)).cast(SCHEMA["frequent"])


def _least(ai_type: str) -> str:
    return {"boolean": "false", "date": "2020-01-01", "timestamp": "2020-01-01 00:00:00"}.get(
        ai_type, "12"
    )


def _client(number: int) -> str:
    return f"client{number:05d}"


def _column(number: int) -> str:
    return f"column_{number:03d}"


def _write_project(folder: Path, clients: int, types: Sequence[str]) -> None:
    control = ["product_code,module_name,submodule_name,client_code,module_location,active"]
    control += [
        f"{product},{MODULE},claim,{_client(i)},data/{product}/{_client(i)}.csv,Y"
        for product in PRODUCTS
        for i in range(clients)
    ]
    mapping = ["module_name,product_code,submodule_name,source_column,ai_column,ai_type"]
    mapping += [f"{MODULE},*,claim,Source{i},{_column(i)},{t!r}" for i, t in enumerate(types)]
    texts = {
        "control_table.csv": "\n".join(control),
        "ai_mapping.csv": "\n".join(mapping).replace("'", '"'),
        "teams.csv": "team,email,concern\nai-platform,ai-platform@example.org,*",
        "ai_dataflow.toml": "\n".join(
            [f'{name} = "{name}.csv"' for name in ("control_table", "ai_mapping", "teams")]
            + ["[workstation]", f"url = {json.dumps('workstation')}"]
        ),
    }
    for name, text in texts.items():
        (folder / name).write_text(f"{text}\n", encoding="utf-8")
