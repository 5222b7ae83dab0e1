"""Cleaning up: what killed and failed runs left behind, which no reader ever saw.

A data file of ours that no version of its table names, a staged copy that no manifest names, and
rows kept for a publication that readers no longer see, are removed when they are old enough, and so
are profiles of publications that no version names. What
waits to be accepted stays, as long as its partition is not made again.
Whatever else lies there is not ours to remove. All versions of a table stay readable: a training
run may have pinned one. Each module is cleaned under its lease, so no run is about to publish what
is removed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import polars as pl

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.connections.scans import scan_parquet
from ai_dataflow.connections.stores import Folder
from ai_dataflow.extracts.staging import last_manifest, staged_files
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.commit import open_table
from ai_dataflow.workstation.data_files import DATA_FILE, publication_of
from ai_dataflow.workstation.fencing import fence
from ai_dataflow.workstation.kept_rows import all_kept
from ai_dataflow.workstation.layout import PARTITION_COLUMN, Folders
from ai_dataflow.workstation.lease import Lease, lease
from ai_dataflow.workstation.profile_history import tidy_profiles
from ai_dataflow.workstation.profiles import open_profiles
from ai_dataflow.workstation.publish import tidy, unseen, writer_of
from ai_dataflow.workstation.reaching import reaching, reading_back
from ai_dataflow.workstation.records import all_waiting

SAFE_AGE = timedelta(hours=24)
_CLOCK = "clock"
_LOG = "_delta_log"
_UUID = "[0-9a-f]{32}"
# `#1` is a local file that a run was writing when it was killed.
_OF_TABLE = re.compile(
    rf"{PARTITION_COLUMN}=[^/]+/{DATA_FILE}"
    rf"|{_LOG}/(\d{{20}}\.(json|checkpoint\.parquet)|_last_checkpoint)#\d+"
)
_BESIDE = ("_rejects", "_staging", "_common", "_kept", "_profiles")
_PROFILES = re.compile(rf"{_UUID}\.parquet|{_LOG}/.+#\d+")
_KEPT = re.compile(rf"[^/]+/{_UUID}/[^/]+/[^/]+\.parquet")
_COPY = re.compile(rf"[^/]+\.{_UUID}\.parquet(#\d+)?|extracts(-\d+)?\.json(#\d+)?")
_LEASE = re.compile(r"\d+\.json#\d+")


@dataclass(frozen=True)
class Cleaned:
    """What was found to be left over, in a module's folders: URLs and bytes; and what hindered."""

    files: tuple[str, ...]
    bytes: int
    problems: tuple[Diagnostic, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the shape that `cleanup --json` prints."""
        problems = [problem.to_json() for problem in self.problems]
        return {"files": list(self.files), "bytes": self.bytes, "problems": problems}


def clean(
    workstation: Folders, run_id: str, age: timedelta = SAFE_AGE, *, dry_run: bool = False
) -> dict[str, Cleaned]:
    """Remove what is left over, module by module; one that is busy is told and passed over.

    Args:
        workstation: where.
        run_id: who holds the leases meanwhile.
        age: what is younger stays, whatever it is.
        dry_run: only tell what would be removed.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005: the workstation does not let us in.
    """
    return {
        module: _clean_module(workstation, module, run_id, age, dry_run=dry_run)
        for module in _modules(workstation)
    }


def _clean_module(
    workstation: Folders, module: str, run_id: str, age: timedelta, *, dry_run: bool
) -> Cleaned:
    try:
        with lease(workstation.leases(module), module, run_id) as held:
            left = _looked_for(workstation, module, age, held, dry_run=dry_run)
            held.check()
            if left and not dry_run:
                # Whoever stood still all the time may still mean to commit what is removed now.
                tables = workstation.dataset(module), workstation.rejects(module)
                for table in (*tables, workstation.profiles(module)):
                    fence(table, writer_of(held))
            for folder, path, _ in () if dry_run else left:
                with reaching(folder):
                    folder.delete([path])
    except DataflowError as error:
        return Cleaned((), 0, error.diagnostics)
    urls = tuple(folder.join(path) for folder, path, _ in left)
    return Cleaned(urls, sum(size for _, _, size in left))


def _looked_for(
    workstation: Folders, module: str, age: timedelta, held: Lease, *, dry_run: bool
) -> list[tuple[Folder, str, int]]:
    """Look what is left over, when what readers no longer see has been tidied away.

    What another run, which took over, has changed meanwhile is told as that, and not as damage.
    """
    profiles = workstation.profiles(module)
    try:
        before = _store_time(workstation) - age
        # Who has just opened the table reads the files that it had.
        read = open_profiles(workstation, module)
        if not dry_run:
            tidy(workstation, module, held)
        if read.files and not dry_run:
            named = _publications(workstation, module)
            tidy_profiles(workstation, module, read, named, writer_of(held), before)
        old = _old(profiles, before, _PROFILES)
        unread = old.keys() - {*read.files, *open_profiles(workstation, module).files}
        left = [(profiles, path, old[path]) for path in sorted(unread)]
        return [*_left_over(workstation, module, before), *left]
    except DataflowError:
        held.check()
        raise


def _publications(workstation: Folders, module: str) -> set[str]:
    """Give the publications that some version of a dataset names, and those that wait."""
    named = {publication_of(path) for path in _named(workstation.dataset(module))}
    return named | {shown.publication for shown in all_waiting(workstation, module)}


def _store_time(workstation: Folders) -> datetime:
    """Give the time by the clock that files are dated by, which may not be this machine's."""
    folder = workstation.leases()
    with reaching(folder):
        folder.write(_CLOCK, b"")
        file = folder.stat(_CLOCK)
        folder.delete([_CLOCK])
    return (file and file.changed) or datetime.now(UTC)


def _left_over(
    workstation: Folders, module: str, before: datetime
) -> Iterator[tuple[Folder, str, int]]:
    """Give the folder, path and size of each file that nothing names."""
    waiting = all_waiting(workstation, module)
    shown = {file.path for each in waiting for file in (*each.data, *each.rejects)}
    for table in (workstation.dataset(module), workstation.rejects(module)):
        old = _old(table, before, _OF_TABLE)
        named = _named(table) | shown if old else set()
        yield from ((table, path, size) for path, size in old.items() if path not in named)
    for client in workstation.staged_clients(module):
        staging = workstation.staging(module, client)
        old = _old(staging, before, _COPY)
        named = staged_files(staging) if old else set()
        yield from ((staging, path, size) for path, size in old.items() if path not in named)
    yield from _common_left_over(workstation, module, before)
    leases = workstation.leases(module)
    yield from ((leases, path, size) for path, size in _old(leases, before, _LEASE).items())
    inputs, ours = workstation.inputs(), re.compile(rf"{re.escape(module)}\.json#\d+")
    yield from ((inputs, path, size) for path, size in _old(inputs, before, ours).items())
    kept = workstation.kept(module)
    if old := _old(kept, before, _KEPT):
        seen = reject_tables.current(workstation, module)
        wanted = {each.publication for each in waiting}
        left = unseen(all_kept(workstation, module), seen)
        unused = {file.path for file in left if file.publication not in wanted}
        yield from ((kept, path, size) for path, size in old.items() if path in unused)


def _common_left_over(
    workstation: Folders, module: str, before: datetime
) -> Iterator[tuple[Folder, str, int]]:
    """Give the copies of what all clients share that no partition's last extracts name."""
    of_tables = [workstation.common(module, key) for key in workstation.common_sources(module)]
    old = [(folder, _old(folder, before, _COPY)) for folder in of_tables]
    if not any(files for _, files in old):
        return
    clients = (workstation.staging(module, c) for c in workstation.staged_clients(module))
    used = {path for staging in clients for path in last_manifest(staging).common_files}
    for folder, files in old:
        named = used | staged_files(folder)
        yield from ((folder, path, size) for path, size in files.items() if path not in named)


def _old(folder: Folder, before: datetime, ours: re.Pattern[str]) -> dict[str, int]:
    """Give the sizes of the files with names as we write them that are old enough."""
    with reaching(folder):
        aged = [file for file, modified in folder.aged_files() if modified < before]
    return {file.path: file.size for file in aged if ours.fullmatch(file.path)}


def _named(table: Folder) -> set[str]:
    """Give every path that a version of the table names.

    Raises:
        DataflowError: WST-007 where the log does not even name what readers see now.
    """
    with reading_back(table):
        delta = open_table(table)  # first: what is committed later is in the log that is read
        named = set(_named_by_log(table))
    seen = pl.DataFrame(delta.get_add_actions(flatten=True)) if delta else None
    if seen is not None and not {unquote(path) for path in seen["path"]} <= named:
        raise DataflowError(_unknown_log(table))
    return named


def _named_by_log(table: Folder) -> Iterator[str]:
    """Give every path that is in the log: its commits, and its checkpoints, whole or in parts.

    See "Checkpoints" in the Delta transaction log protocol; sidecars have the form of a part.
    """
    for file in table.files(_LOG):
        if file.path.endswith(".parquet"):
            added = scan_parquet(table, [file.path]).select(pl.col("add").struct.field("path"))
            yield from map(unquote, added.drop_nulls().collect()["path"])
        elif file.path.endswith(".json"):
            yield from map(unquote, _added(table.read(file.path).splitlines()))


def _added(lines: Iterable[bytes]) -> Iterator[str]:
    for line in lines:
        if add := json.loads(line).get("add"):
            yield str(add["path"])


def _unknown_log(table: Folder) -> Diagnostic:
    return Diagnostic(
        "WST-007",
        f"the log of {table.url} has a form that `cleanup` does not read: nothing was removed",
        place=table.url,
        fix="look which program wrote to the table besides ai_dataflow; clean it with that",
    )


def _modules(workstation: Folders) -> list[str]:
    with reaching(workstation.root):
        roots = (workstation.root, *map(workstation.root.folder, _BESIDE))
        names = {name for root in roots for name in root.folders()}
    return sorted(name for name in names if not name.startswith("_"))
