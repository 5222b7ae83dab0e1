"""Named constructors for what can be wrong with a source; the place is a control table cell."""

from __future__ import annotations

import re

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing, redacted
from ai_dataflow.config.visible import visible
from ai_dataflow.connections.faults import Fault, Telling, diagnostic
from ai_dataflow.connections.stores import Misfit

_COLUMN_MAPPING = re.compile("column ?mapping", re.IGNORECASE)
_UNMAPPED = (
    "let its owner write its files anew without column mapping: ALTER TABLE … SET TBLPROPERTIES "
    "('delta.columnMapping.mode' = 'none')"
)
_NEWER = re.compile("Feature '([A-Za-z][A-Za-z0-9-]{0,40})' is not supported")  # of the kernel
_MANAGED = "catalog-managed"  # as the kernel says it
# Features of Delta tables that readers may not have; the names are the protocol's, no values.
_FEATURES = (
    "deletionVectors", "v2Checkpoint", "typeWidening", "typeWidening-preview", "variantType",
    "variantType-preview", "variantShredding-preview", "vacuumProtocolCheck", "timestampNtz",
    "catalogManaged", "catalogOwned-preview",
)  # fmt: skip
_WITHOUT_VECTORS = (
    "SET TBLPROPERTIES ('delta.enableDeletionVectors' = false), then REORG TABLE … APPLY (PURGE)"
)
_AWAY = (
    "SRC-012", "{location} could not be read: {reason}",
    "run the partition again when the account answers",
)  # fmt: skip
_CLOSED = (
    "SRC-011", "{location} cannot be signed in to: {reason}",
    "correct the account's section under [storage] in ai_dataflow.toml, or the identity that "
    "runs this",
)  # fmt: skip
_REFUSED = (
    "SRC-013", "{location} could not be read: {reason}", "look the code up in Azure's documentation"
)  # fmt: skip
# A storage account that does not let us, is not there, or does not answer.
FAULTS: Telling = {
    "missing": (
        "SRC-001", "{location} is not there: {reason}", "correct the location, or deliver the data"
    ),
    "denied": (
        "SRC-006", "{location} may not be read: {reason}",
        "grant the right, or open the network rule",
    ),
    "login": _CLOSED,
    "unusable": _CLOSED,
    "unreachable": _AWAY,
    "unknown_host": _AWAY,
    "slow": _REFUSED,
    "silent": _AWAY,
    "refused": _REFUSED,
}  # fmt: skip


def missing(location: str, place: str) -> DataflowError:
    """Nothing is at the location."""
    return _failure(
        "SRC-001", f"there is nothing at {location}", place,
        "deliver the data, correct the location, or make the row inactive",
    )  # fmt: skip


def empty(location: str, place: str) -> DataflowError:
    """A folder without files, or a file without a byte."""
    return _failure(
        "SRC-002", f"{location} is empty: not even a header", place, "deliver the data again"
    )


def no_rows(
    location: str, client_column: str, place: str, *, holds_numbers: bool = False
) -> DataflowError:
    """A shared source without a row of the client: it is not there, or its code is another."""
    numbers = ", which holds numbers: 7 is the text `7`, not `07`" if holds_numbers else ""
    return _failure(
        "SRC-002", f"{location} has no row for this client in `{client_column}`{numbers}", place,
        "correct the client_code, say in client_value how the source spells the client, or make "
        "the row inactive until there is data",
    )  # fmt: skip


def spelled_otherwise(location: str, client_column: str, rows: int, place: str) -> DataflowError:
    """Rows that a database takes for a client's, and whose text is another's."""
    what = f"{rows:,} row{'' if rows == 1 else 's'} of {location}"
    return _failure(
        "SRC-017", f"{what} or more, which the database takes for this client's, spell it in "
        f"another way in `{client_column}`", place,
        "let the source spell it in one way, and say in client_value which it is",
    )  # fmt: skip


def strays(location: str, client_column: str, rows: int, place: str) -> DataflowError:
    """Rows of a shared file that are nobody's: which client lacks them cannot be told."""
    what = f"{rows:,} row{'' if rows == 1 else 's'} of {location}"
    return _failure(
        "SRC-016", f"{what} without a client in `{client_column}`, or that are no rows", place,
        'deliver the file again; or let them be rejects: without_client = "reject" under '
        "[modules.<name>] in ai_dataflow.toml",
    )  # fmt: skip


def no_rows_at_all(locations: list[str], place: str) -> DataflowError:
    """All sources of a partition without a row: an empty partition would replace a full one."""
    return _failure(
        "SRC-002", f"there is not one row in {listing(locations, 4)}", place,
        "deliver the data again, or make the rows inactive until there is data",
    )  # fmt: skip


def misfit(location: str, place: str, entry: Misfit) -> DataflowError:
    """Something at the location that is no file to read: without it, rows would be missing."""
    return _failure(
        "SRC-015", f"{visible(entry.path)} at {location} cannot be read: {entry.reason}", place,
        entry.fix
        or "remove or rename it, or deliver the file; or name the others with a narrower location",
    )  # fmt: skip


def unreadable(location: str, place: str, cause: object, fix: str = "") -> DataflowError:
    """Bytes that are not what their format promises, or a Delta table that asks for too much."""
    fix = fix or "deliver the file again; check its format and encoding (UTF-8)"
    text = str(cause).replace(_MANAGED, "catalogManaged")
    if _COLUMN_MAPPING.search(text):
        fix = _UNMAPPED
    elif features := _features(text):
        message = f"{location} is a Delta table that needs {listing(features)} of its readers"
        fix = f"let its owner turn that off: {' and '.join(map(_turned_off, features))}"
        return _failure("SRC-003", message, place, fix, cause)
    return _failure("SRC-003", f"{location} cannot be read", place, fix, cause)


def _features(text: str) -> list[str]:
    """Find the features of Delta that a refusal names; one that is newer than the list too."""
    listed = [name for name in _FEATURES if re.search(rf"\b{name}\b(?!-)", text, re.I)]
    return listed or _NEWER.findall(text)


def wrong_encoding(
    location: str, place: str, encoding: str, line: int, fitting: str
) -> DataflowError:
    """Bytes that are no letters in the encoding in which the rest of the file is."""
    return _failure(
        "SRC-003", f"line {line:,} of {location} is not in {encoding}{fitting}", place,
        "deliver the file again, in one encoding; or say it under [formats.<name>] in "
        'ai_dataflow.toml, such as encoding = "windows-1252"',
    )  # fmt: skip


def undetermined(location: str, place: str, what: str, fix: str) -> DataflowError:
    """A text file of which cannot be told how it is written."""
    return _failure("SRC-031", f"{location} cannot be read: {what}", place, fix)


def _turned_off(feature: str) -> str:
    alter = "ALTER TABLE …"
    if feature == "deletionVectors":
        return f"{alter} {_WITHOUT_VECTORS}"
    return f"{alter} DROP FEATURE {feature}"


def cut_off(location: str, place: str) -> DataflowError:
    """A CSV whose last line has no line break: a transfer that stopped looks just like it."""
    return _failure(
        "SRC-004", f"the last line of {location} does not end with a line break", place,
        "deliver the file again, whole; a writer that never ends its last line must begin to",
    )  # fmt: skip


def changed(location: str, place: str) -> DataflowError:
    """A file that is not the one that was listed."""
    return _failure(
        "SRC-005",
        f"{location} changed while it was read",
        place,
        "run the partition again, its extracts too",
    )


def denied(location: str, place: str, cause: object) -> DataflowError:
    """A location that this process may not read."""
    return _failure(
        "SRC-006", f"{location} may not be read", place, "grant the right to read it", cause
    )


def differing(location: str, place: str, cause: object) -> DataflowError:
    """Files of one location with different columns or types."""
    return _failure(
        "SRC-010", f"the files at {location} do not have the same columns", place,
        "deliver files of one shape, or name them with a narrower location", cause,
    )  # fmt: skip


def of_another_folder(location: str, column: str, folder: str, place: str) -> DataflowError:
    """A file with a column of its own that says otherwise than the folder which it lies in."""
    return _failure(
        "SRC-061",
        f"a row of {location} has another value in `{column}` than its folder `{folder}`", place,
        "deliver the file into the folder of its rows, or without the column; or name the folder "
        "itself in the location: then the column of the file alone counts",
    )  # fmt: skip


def of_account(location: str, place: str, fault: Fault) -> DataflowError:
    """What went wrong at the storage account of a location."""
    return DataflowError(diagnostic(fault, FAULTS, place, location=location))


def _failure(code: str, message: str, place: str, fix: str, cause: object = "") -> DataflowError:
    return DataflowError(
        Diagnostic(code, message, place=place, fix=fix, cause=redacted(cause) if cause else "")
    )
