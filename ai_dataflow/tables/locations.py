"""Where a semantic model is: a control row's `module_location`, resolved.

Four spellings: `abfss://container@account.dfs.core.windows.net/path`, `/mnt/<mount>/path`,
`sql://<connection>/<schema>.<table>?client_column=…&change_column=…`, and a local path. Files of
many clients have `?client_column=…` too.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, unquote

from ai_dataflow.config import blob_urls
from ai_dataflow.config.diagnostics import (
    DataflowError,
    Diagnostic,
    did_you_mean,
    listing,
    nearest,
)
from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow.config.sent import Sent
from ai_dataflow.config.settings import Settings
from ai_dataflow.tables.control_table import NAMES, ControlRow

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_OPTIONS = ("client_column", "change_column")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


@dataclass(frozen=True, slots=True)
class FileLocation(Sent):
    """A file, folder, glob or Delta table; with `client_column`, only the rows of `client`.

    `url` is absolute: a local path or an `abfss://` URL; `text` is how the control table
    spells it, placeholders filled in. `file_format` is what kind of files they are, where the
    control table tells; `written` how they are written, where the settings tell.
    """

    url: str
    file_format: str = ""
    text: str = ""
    client_column: str = ""
    client: str = ""
    written: FormatSettings | None = None

    def __hash__(self) -> int:
        """Hash what tells most locations apart: plans look them up by the thousand."""
        return hash((self.url, self.client))

    def __str__(self) -> str:
        """Give the location as the control table spells it."""
        return self.text or self.url


@dataclass(frozen=True)
class SqlLocation:
    """A table or view; with `client_column`, only the rows whose column equals `client`.

    `change_column` is one whose largest value grows with every change of a row.
    """

    connection: str
    table: str
    schema: str = ""
    client_column: str = ""
    client: str = ""
    change_column: str = ""

    def __str__(self) -> str:
        """Give the location as the control table spells it."""
        name = f"{self.schema}.{self.table}" if self.schema else self.table
        return f"sql://{self.connection}/{name}"


Location = FileLocation | SqlLocation


def identity(location: Location) -> str:
    """Spell a location by its fields: what later runs know it by, so the form must stay.

    A field that comes later is spelled only where it says something: then no other location has
    another identity for it.
    """
    match location:
        case FileLocation(url, file_format, text, column, client, written):
            of_client = f", client_column={column!r}, client={client!r}" if column else ""
            how = f", written={written.spelled}" if written else ""
            spelled = f"url={url!r}, file_format={file_format!r}, text={text!r}{of_client}{how}"
            return f"FileLocation({spelled})"
        case SqlLocation(connection, table, schema, column, client, change):
            return (
                f"SqlLocation(connection={connection!r}, table={table!r}, schema={schema!r}, "
                f"client_column={column!r}, client={client!r}, change_column={change!r})"
            )


def table_of(location: Location) -> Location:
    """Give what a location shares with those of other clients: the whole table, all files."""
    if not location.client_column and not isinstance(location, SqlLocation):
        return location
    if isinstance(location, SqlLocation):
        return SqlLocation(location.connection, location.table, location.schema)
    return replace(location, client_column="", client="")


def files_of(location: Location) -> Location:
    """Give the files of a location, whichever client's rows they have; a table as it is."""
    return table_of(location) if isinstance(location, FileLocation) else location


def resolve(row: ControlRow, settings: Settings) -> Location:
    """Resolve a control row's location.

    Raises:
        DataflowError: CTL-007 (mount), CTL-008 (connection), CTL-021 (client_value) or CTL-009
            (anything else).
    """
    location = _resolve(row, _fill_in(row), settings)
    if row.client_value and bool(location.client_column) == row.is_shared:
        raise DataflowError(_odd_value(row, location))
    return location


def _resolve(row: ControlRow, filled: str, settings: Settings) -> Location:
    text = _mounted(row, filled, settings) if _is_mounted(filled) else filled
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].casefold() == "sql":
        return _sql(row, text, settings)
    spelled, given = _file_options(row, filled)
    text = text.removesuffix(filled.removeprefix(spelled))
    of_client = {**given, "client": row.spelled_client} if given else {}
    written = settings.formats.get(row.file_format)
    kind = written.type if written else row.file_format
    if scheme is None:
        _check_stays_inside(row, spelled)
        url = _absolute(row, text, settings)
        return FileLocation(url, kind, spelled, **of_client, written=written)
    if blob_urls.is_blob_url(text):
        url = _blob_url(row, text)
        return FileLocation(url, kind, spelled, **of_client, written=written)
    raise _bad(
        row,
        f"`{scheme[1]}://` locations cannot be read",
        f"write a path, /mnt/…, sql://… or {blob_urls.suggestion(text)}",
    )


def _blob_url(row: ControlRow, text: str) -> str:
    if _CONTROL.search(text):
        raise _bad(row, "the location has a character that cannot be seen", "write it anew")
    try:
        return str(blob_urls.parse(text))
    except ValueError as error:
        raise _bad(row, str(error), "correct the location, or its mount in [mounts]") from None


def _absolute(row: ControlRow, text: str, settings: Settings) -> str:
    if _CONTROL.search(text):
        raise _bad(row, "the location has a character that cannot be seen", "write it anew")
    try:
        return str(settings.folder / (Path(text).expanduser() if "~" in text else text))
    except RuntimeError:
        home = text.partition("/")[0][:80]
        raise _bad(row, f"there is no home folder `{home}`", "write the whole path") from None


def _check_stays_inside(row: ControlRow, spelled: str) -> None:
    """Refuse `..` that leads out of the project's folder or a mount; a mount is how to get out."""
    mounted = _is_mounted(spelled)
    relative = spelled.removeprefix("/mnt/").partition("/")[2].lstrip("/") if mounted else spelled
    absolute = not mounted and spelled.startswith(("/", "~"))
    if not absolute and posixpath.normpath(relative).partition("/")[0] == "..":
        raise _problem(
            row,
            "CTL-013",
            f"`{spelled[:80]}` leads out of its folder",
            "name the folder under [mounts], or write an absolute path",
        )


def _is_mounted(text: str) -> bool:
    return text.startswith("/mnt/")


def spelled_location(row: ControlRow) -> str:
    """Give a row's location as its people spell it, names filled in, without what narrows it."""
    values = _names_of(row)
    filled = _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), row.location)
    return filled.partition("?client_column=")[0]


def _names_of(row: ControlRow) -> dict[str, str]:
    return dict(zip(NAMES, (row.product, row.module, row.submodule, row.client), strict=True))


def _fill_in(row: ControlRow) -> str:
    values = _names_of(row)
    unknown = [name for name in _PLACEHOLDER.findall(row.location) if name not in values]
    if unknown:
        near = did_you_mean(unknown[0], values)
        raise _bad(
            row,
            f"`{{{unknown[0]}}}` is no placeholder{near}",
            f"known are {listing('{' + name + '}' for name in NAMES)}",
        )
    return _PLACEHOLDER.sub(lambda match: values[match[1]], row.location)


def _mounted(row: ControlRow, text: str, settings: Settings) -> str:
    mount, _, path = text.removeprefix("/mnt/").partition("/")
    if mount not in settings.mounts:
        raise _problem(
            row,
            "CTL-007",
            f"there is no mount `{mount}`{did_you_mean(mount, settings.mounts)}",
            f"add `{mount}` to [mounts] in ai_dataflow.toml or correct the location",
        )
    return f"{settings.mounts[mount].rstrip('/')}/{path}"


def _sql(row: ControlRow, text: str, settings: Settings) -> SqlLocation:
    connection, _, path = text.partition("://")[2].partition("/")
    name, _, options = path.partition("?")
    if "@" in connection:
        raise _bad(row, "a URL with a user or a password is no location", "sql://<connection>/…")
    if connection not in settings.sql:
        raise _problem(
            row,
            "CTL-008",
            f"there is no SQL connection `{connection}`{did_you_mean(connection, settings.sql)}",
            f"add [sql.{connection}] to ai_dataflow.toml or correct the location",
        )
    schema, _, table = unquote(name.strip("/")).rpartition(".")
    if not table:
        raise _bad(row, "the location names no table", "sql://<connection>/<schema>.<table>")
    given = _options(row, options, _OPTIONS, "a SQL location")
    client = row.spelled_client if "client_column" in given else row.client
    return SqlLocation(connection, table, schema, client=client, **given)


def _file_options(row: ControlRow, text: str) -> tuple[str, dict[str, str]]:
    """Take the options from a location of files, where `?` is a wildcard otherwise."""
    path, mark, options = text.rpartition("?")
    name = options.partition("=")[0]
    if not mark or "=" not in options or not (name in _OPTIONS or nearest(name, _OPTIONS)):
        return text, {}
    return path, _options(row, options, _OPTIONS[:1], "files")


def _options(row: ControlRow, text: str, names: Sequence[str], what: str) -> dict[str, str]:
    query = parse_qs(text, keep_blank_values=True)
    if unknown := set(query) - set(names):
        raise _bad(row, f"`{min(unknown)[:80]}` is no option of {what}", listing(names))
    given = {name: values[-1] for name, values in query.items()}
    if blank := [name for name, value in given.items() if not value]:
        raise _bad(row, f"`{blank[0]}` is blank", "name the column, or leave the option out")
    return given


def _odd_value(row: ControlRow, location: Location) -> Diagnostic:
    if row.is_shared:
        message = f"`*` says that the rows are every client's, and {location} has a client_column"
        fix = "leave client_column out of the location, or write how the source spells the client"
    else:
        message = f"{location} has no client_column in which the client could be spelled so"
        fix = "add ?client_column=<column> to the location, or clear client_value"
    return row.problem("CTL-021", "client_value", message, fix)


def _bad(row: ControlRow, message: str, fix: str) -> DataflowError:
    return _problem(row, "CTL-009", message, fix)


def _problem(row: ControlRow, code: str, message: str, fix: str) -> DataflowError:
    return DataflowError(row.problem(code, "module_location", message, fix))
