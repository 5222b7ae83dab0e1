"""Files of a table that are named without its log: they may be of any version of it.

Rows that were deleted or overwritten are still in them, so they are no files to be read as they
are. Who names the table reads one version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from ai_dataflow.connections.stores import Folder, Misfit, StoredFile

LOG = "_delta_log"
# The folders in which tables keep which of their files are of which version.
_LOGS = {LOG: "Delta", ".hoodie": "Hudi"}
_FIX = {
    LOG: "name the table's folder, without file_format; or one partition's, without a wildcard",
    ".hoodie": "deliver the data in another format: Hudi's tables are not read",
}


def told_apart(listed: Iterable[StoredFile], chosen: Iterable[StoredFile]) -> list[StoredFile]:
    """Give the chosen of the listed files; those of a table as what cannot be read."""
    tables = dict(_tables(listed))
    return [_seen(file, tables) for file in chosen]


def _tables(listed: Iterable[StoredFile]) -> Iterator[tuple[str, str]]:
    """Give the folders of tables among listed files, with the name of the log in each."""
    for file in listed:
        parts = PurePosixPath(file.path).parts
        for log in _LOGS.keys() & set(parts[:-1]):
            yield "/".join(parts[: parts.index(log)]), log


def _seen(file: StoredFile, tables: dict[str, str]) -> StoredFile:
    if not (tables and file.path.endswith(".parquet")):
        return file
    above = (str(parent) for parent in PurePosixPath(file.path).parents)
    folder = next((a for name in above if (a := name.removeprefix(".")) in tables), None)
    return file if folder is None else of_table(file, folder, tables[folder])


def of_table(file: StoredFile, folder: str = "", log: str = LOG) -> StoredFile:
    """Give a file as what cannot be read, for it is of a table."""
    which = f" `{folder}`" if folder else ""
    why = f"it is a file of the {_LOGS[log]} table{which}, and may be of any version of it"
    return Misfit(file.path, 1, "", reason=why, fix=_FIX[log])


def has_log(folder: Folder) -> bool:
    """Tell whether a folder is a Delta table's."""
    return folder.folder(LOG).exists()
