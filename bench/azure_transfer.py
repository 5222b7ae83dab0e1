"""500 MB of Parquet from and to a storage account, beside the plain SDK.

    .venv/bin/python -m bench.azure_transfer --megabytes 500

Three pairs, each contender in a process of its own, in turns, against one Azurite. *From* and *to*
only move bytes: our storage layer against azure-storage-blob with four connections a file, as
azcopy does. *Partition* is the product's work on the same files: read the mapped columns, cast,
write, read back and count; beside it stands the SDK's copy from and to, which understands nothing.
Azurite is one Node process: it, not the clients, is what ends up busy.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
from azure.storage.blob import ContainerClient

from ai_dataflow.config.settings import load_settings
from ai_dataflow.connections.scans import scan_parquet
from ai_dataflow.connections.stores import Folder, open_folder
from ai_dataflow.partition.making import run
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs.prospect import look_live
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow_tests.services.azurite import Azurite
from bench.memory import peak_mb

FILES, CONNECTIONS, CHUNK = 8, 4, 8 << 20
LAKE, STATION, CONTAINER = "orionlake", "workstation", "semantic"
CLIENT = "acme"
PAIRS = {"from": ("ours-from", "sdk-from"), "to": ("ours-to", "sdk-to"),
         "partition": ("ours-partition", "sdk-copy")}  # fmt: skip
NUMBERS, TEXTS = 6, 4
COLUMNS = [*(f"n{i}" for i in range(NUMBERS)), *(f"t{i}" for i in range(TEXTS))]
ROWS_PER_MB = 14_500


def make_files(folder: Path, megabytes: int) -> None:
    """Write Parquet files that hardly compress: numbers and texts that look random."""
    rows = megabytes * ROWS_PER_MB // FILES
    for number in range(FILES):
        row = pl.int_range(number * rows, (number + 1) * rows, eager=True)
        numbers = [row.hash(i).alias(f"n{i}").reinterpret(signed=True) for i in range(NUMBERS)]
        texts = [row.hash(100 + i).cast(pl.String).alias(f"t{i}") for i in range(TEXTS)]
        pl.DataFrame([*numbers, *texts]).write_parquet(folder / f"part-{number}.parquet")


def make_project(folder: Path, azurite: Azurite) -> None:
    """Write a project of one partition: all columns of all files, as they are."""
    sections = "".join(
        f'[storage.{name}]\naccount_key = "{azurite.keys[name]}"\n'
        f'endpoint = "{azurite.endpoint(name)}"\n'
        for name in (LAKE, STATION)
    )
    url = f"abfss://{CONTAINER}@{STATION}.dfs.core.windows.net/datasets"
    (folder / "ai_dataflow.toml").write_text(f'{sections}[workstation]\nurl = "{url}"\n')
    (folder / "teams.csv").write_text("team,email,concern\nteam,team@example.org,*\n")
    location = f"abfss://{CONTAINER}@{LAKE}.dfs.core.windows.net/parts"
    (folder / "control_table.csv").write_text(
        "product_code,module_name,submodule_name,client_code,module_location,active\n"
        f"ORION,claims,line,{CLIENT},{location},Y\n"
    )
    types = dict.fromkeys(COLUMNS[:NUMBERS], "int64") | dict.fromkeys(COLUMNS[NUMBERS:], "string")
    (folder / "ai_mapping.csv").write_text(
        "module_name,product_code,submodule_name,source_column,ai_column,ai_type\n"
        + "".join(f"claims,ORION,line,{name},{name},{kind}\n" for name, kind in types.items())
    )


def _lake() -> Folder:
    return open_folder(f"abfss://{CONTAINER}@{LAKE}.dfs.core.windows.net/parts", load_settings())


def _sdk(account: str) -> ContainerClient:
    own = load_settings().storage[account]
    key = own.account_key.get_secret_value() if own.account_key else ""
    return ContainerClient(own.endpoint, CONTAINER, credential=key)


def ours_from(local: Path) -> None:
    """Stream each file into a local one."""
    folder = _lake()
    for file in folder.files():
        with folder.open(file) as source, (local / file.path).open("wb") as target:
            shutil.copyfileobj(source, target, CHUNK)


def sdk_from(local: Path) -> None:
    """Download each blob with several connections."""
    container = _sdk(LAKE)
    for name in container.list_blob_names(name_starts_with="parts/"):
        with (local / Path(name).name).open("wb") as target:
            container.download_blob(name, max_concurrency=CONNECTIONS).readinto(target)


def ours_to(local: Path) -> None:
    """Stream each local file into a blob."""
    folder = open_workstation(load_settings()).root.folder("ours")
    for file in sorted(local.iterdir()):
        with file.open("rb") as source, folder.create(file.name) as target:
            shutil.copyfileobj(source, target, CHUNK)


def sdk_to(local: Path) -> None:
    """Upload each local file with several connections."""
    container = _sdk(STATION)
    for file in sorted(local.iterdir()):
        with file.open("rb") as source:
            container.upload_blob(
                f"sdk/{file.name}", source, overwrite=True, max_concurrency=CONNECTIONS
            )


def ours_partition(_: Path) -> None:
    """Make the partition: all but the commit, which takes milliseconds."""
    project = load_project()
    (job,) = look_live(make_draft(project)).plan.jobs.values()
    result = run(job, project.settings, "bench")
    assert not result.failures, result.failures  # noqa: S101
    print(*(file.path for file in result.data))


def sdk_copy(_: Path) -> None:
    """Download everything, upload everything."""
    with tempfile.TemporaryDirectory() as name:
        sdk_from(Path(name))
        sdk_to(Path(name))


CONTENDERS: dict[str, Callable[[Path], None]] = {
    "ours-from": ours_from, "sdk-from": sdk_from, "ours-to": ours_to, "sdk-to": sdk_to,
    "ours-partition": ours_partition, "sdk-copy": sdk_copy,
}  # fmt: skip


def contend(name: str, local: Path) -> None:
    """Be a contender: do the work, print its seconds and peak memory in MB."""
    started = time.perf_counter()
    CONTENDERS[name](local)
    print(json.dumps({"seconds": time.perf_counter() - started, "mb": peak_mb()}))


def measure(name: str, project: Path, local: Path) -> tuple[dict[str, float], str]:
    """Run a contender in a process of its own; give its figures and what it printed before."""
    command = [sys.executable, "-m", "bench.azure_transfer", "--contender", name, str(local)]
    ran = subprocess.run(
        command, env={"AI_DATAFLOW_CONFIG": str(project), "PATH": ""}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    *before, figures = ran.stdout.splitlines()
    return json.loads(figures), "\n".join(before)


def digests(folder: Path) -> dict[str, str]:
    """Give the digest of every file."""
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.iterdir())}


def checksum(rows: pl.LazyFrame) -> tuple[int, int]:
    """Give the number of rows and a digest of the columns that does not know their order."""
    digest = pl.struct(COLUMNS).hash().sum()
    return rows.select(pl.len(), digest).collect(engine="streaming").row(0)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contender", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contender:
        contend(given.contender[0], Path(given.contender[1]))
        return
    with tempfile.TemporaryDirectory() as name, Azurite((LAKE, STATION)) as azurite:
        compare(Path(name), azurite, given.megabytes, given.rounds)


def compare(folder: Path, azurite: Azurite, megabytes: int, rounds: int) -> None:
    """Measure all pairs in turns, check their outputs, print the table."""
    original, project = folder / "parts", folder / "project"
    original.mkdir()
    project.mkdir()
    make_files(original, megabytes)
    make_project(project, azurite)
    for account in (LAKE, STATION):
        azurite.create_container(account, CONTAINER)
    azurite.upload_folder(LAKE, CONTAINER, original, "parts/")
    size = sum(file.stat().st_size for file in original.iterdir()) / (1 << 20)
    print(f"{FILES} files, {size:.0f} MB, {rounds} rounds, medians")
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name in CONTENDERS:
            received = folder / name
            received.mkdir(exist_ok=True)
            done, printed = measure(name, project, original if name.endswith("to") else received)
            figures[name].append(done)
            check(name, project, received, original, printed)
    for case, pair in PAIRS.items():
        report(case, pair, figures)


def check(name: str, project: Path, received: Path, original: Path, printed: str) -> None:
    """Make sure that what arrived is what was sent."""
    settings = load_settings(project)
    if name.endswith("from"):
        assert digests(received) == digests(original)  # noqa: S101
    if name.endswith("to"):
        root = open_workstation(settings).root
        sent = open_folder(root.url.replace("/datasets", "/sdk"), settings)
        folder = root.folder("ours") if name.startswith("ours") else sent
        stored = {f.path: hashlib.sha256(folder.read(f.path)).hexdigest() for f in folder.files()}
        assert stored == digests(original)  # noqa: S101
    if name == "ours-partition":
        published = scan_parquet(open_workstation(settings).dataset("claims"), printed.split())
        assert checksum(published) == checksum(pl.scan_parquet(original))  # noqa: S101


def report(case: str, pair: tuple[str, str], figures: dict[str, list[dict[str, float]]]) -> None:
    """Print a pair: medians of seconds, the worst peak of memory, the ratio of the medians."""
    seconds = {name: statistics.median(f["seconds"] for f in figures[name]) for name in pair}
    memory = {name: max(f["mb"] for f in figures[name]) for name in pair}
    for name in pair:
        print(f"{case:10} {name:15} {seconds[name]:7.2f} s {memory[name]:7.0f} MB")
    print(f"{case:10} {'ratio':15} {seconds[pair[0]] / seconds[pair[1]]:7.2f}")


if __name__ == "__main__":
    main()
