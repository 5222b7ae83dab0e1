"""The versions of a dataset, and the ways to name one: by number, by run, by moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.reaching import reaching
from ai_dataflow.workstation.readers import DatasetNotFoundError, open_version
from ai_dataflow.workstation.reports import read_report

VersionName = int | str | date  # of a day it is the beginning
_NUMBER = re.compile(r"-?\d{1,18}")


@dataclass(frozen=True)
class Version:
    """A version of a dataset: its number, when it was published, and the run that did so."""

    number: int
    at: datetime
    run_id: str = ""


def versions_of(table: Folder, limit: int | None = None) -> list[Version]:
    """Give the versions of a dataset, the newest first; those alone that the table still knows.

    Raises:
        DatasetNotFoundError: nothing is published there.
        DataflowError: the workstation does not let us in.
    """
    delta = open_version(table, must_exist=True)
    with reaching(table):
        entries = delta.history(limit)
    return [_version(entry) for entry in entries]


def version_in(folders: Folders, module: str, snapshot: str) -> int:
    """Give the version that a module had when a run ended.

    Raises:
        DatasetNotFoundError: there is no such run, or it saw nothing of the module.
    """
    report = read_report(folders.reports(), snapshot)
    if report is None:
        raise DatasetNotFoundError(f"there is no run {snapshot}")
    if module not in report.versions:
        raise DatasetNotFoundError(f"{module} was not published when run {snapshot} ended")
    return report.versions[module]


def version_at(folders: Folders, module: str, at: date | str) -> int:
    """Give the version that readers saw at a moment; a text without an offset is UTC.

    Raises:
        DatasetNotFoundError: none is known of that time.
    """
    moment = moment_of(at)
    seen = [v.number for v in versions_of(folders.dataset(module)) if v.at <= moment]
    if not seen:
        then = f"{moment:%Y-%m-%d %H:%M:%S %Z}"
        raise DatasetNotFoundError(f"no version of {module} from before {then} is known")
    return max(seen)


def number_of(folders: Folders, module: str, name: VersionName | None) -> int:
    """Give the number of the version that a name means.

    Args:
        folders: the workstation.
        module: the module.
        name: a number, from below 0 counted back from the newest; the id of a run; a moment; None
            for the newest.

    Raises:
        DatasetNotFoundError: there is no such version, and no run or moment of that name.
        DataflowError: the workstation does not let us in.
    """
    if isinstance(name, date):
        return version_at(folders, module, name)
    if isinstance(name, str) and not _NUMBER.fullmatch(name):
        return _named(folders, module, name)
    number = None if name is None else int(name)
    table = folders.dataset(module)
    if number is None or number < 0:
        newest = int(open_version(table, must_exist=True).version())
        number = newest + (number or 0)
        if number < 0:
            raise DatasetNotFoundError(f"{module} has no version {name}: the newest is {newest}")
    return int(open_version(table, number, must_exist=True).version())


def _named(folders: Folders, module: str, name: str) -> int:
    is_moment = True
    try:
        moment_of(name)
    except ValueError:
        is_moment = False
    if is_moment:
        return version_at(folders, module, name)
    try:
        return version_in(folders, module, name)
    except DatasetNotFoundError as error:
        text = (
            f"{error}; a version is a number, -1, the id of a run, or a moment (2026-12-31T08:00)"
        )
        raise DatasetNotFoundError(text) from None


def moment_of(at: date | str) -> datetime:
    """Give a moment; without an offset it is UTC, and of a day the beginning.

    Raises:
        ValueError: the text is not ISO 8601.
    """
    try:
        moment = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    except ValueError:
        raise ValueError(f"{at!r} is no moment: write 2026-12-31 or 2026-12-31T08:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _version(entry: dict[str, Any]) -> Version:
    at = datetime.fromtimestamp(entry["timestamp"] / 1000, UTC)
    return Version(int(entry["version"]), at, str(entry.get("run_id", "")))
