"""The survey: what is at all locations of a plan now, before anything is opened or read.

Files are listed, once for locations that lie together; databases are asked what tells whether a
table changed. A plan asks once, and whatever needs to know reads it from the survey.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ai_dataflow.config.blob_urls import is_blob_url
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.panics import panics_as_errors
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.globs import is_glob, split_glob
from ai_dataflow.sources.files import file_failures
from ai_dataflow.sources.files.finding import Listing, find, is_partition
from ai_dataflow.sources.files.neighbourhoods import AT_ONCE, Neighbourhoods
from ai_dataflow.tables.locations import FileLocation, Location, SqlLocation

# Files as they are listed; what tells a SQL table's state, empty where nothing does; what is wrong.
Sight = Listing | str | tuple[Diagnostic, ...]
Survey = Mapping[Location, Sight]
L = TypeVar("L", FileLocation, Location)
S = TypeVar("S")
T = TypeVar("T")
_FEW, _AT_ONCE_SECONDS = 16, 0.002


def survey(wanted: Mapping[Location, str], settings: Settings) -> dict[Location, Sight]:
    """Look at locations, several at once.

    Args:
        wanted: the locations, each with a control table cell that names it.
        settings: for accounts and connections.
    """
    files = {
        location: place for location, place in wanted.items() if isinstance(location, FileLocation)
    }
    tables = {
        location: place for location, place in wanted.items() if isinstance(location, SqlLocation)
    }
    return {**_files(files, settings), **_tables(tables, settings)}


def is_opened(location: Location) -> bool:
    """Tell whether surveying a location opens something: a database, or a Delta table's log."""
    return isinstance(location, SqlLocation) or is_partition(location)


def _tables(wanted: Mapping[SqlLocation, str], settings: Settings) -> dict[Location, Sight]:
    if not wanted:
        return {}
    from ai_dataflow.sources.sql.change_marks import marks  # noqa: PLC0415 - SQLAlchemy takes its time

    return dict(marks(wanted, settings).items())


def _files(wanted: Mapping[FileLocation, str], settings: Settings) -> dict[Location, Sight]:
    listings = Neighbourhoods((_certain(location) for location in wanted), settings)

    def look(location: FileLocation, place: str) -> Listing:
        return find(location, place, settings, listings)

    return dict(each(wanted, look).items())


def each(
    wanted: Mapping[L, str], look: Callable[[L, str], T]
) -> dict[L, T | tuple[Diagnostic, ...]]:
    """Look at locations, several at once; what is wrong with one takes the place of its answer."""

    def tell(location: L, place: str) -> T | tuple[Diagnostic, ...]:
        try:
            with panics_as_errors():
                return look(location, place)
        except DataflowError as error:
            return error.diagnostics
        except Exception as error:  # one source that nobody foresaw must not hide the others
            return file_failures.unreadable(str(location), place, error).diagnostics

    answers = _at_hand([at for at in wanted if _is_local(at)], lambda at: tell(at, wanted[at]))
    waiting = [at for at in wanted if at not in answers]
    if waiting:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="look") as pool:
            answers |= zip(waiting, pool.map(lambda at: tell(at, wanted[at]), waiting), strict=True)
    return {location: answers[location] for location in wanted}


def _at_hand(local: Sequence[L], tell: Callable[[L], S]) -> dict[L, S]:
    """Look at local files one by one, as long as they answer at once: those on a mount may not.

    They mostly do so in less time than it takes to hand them to a thread.
    """
    answers: dict[L, S] = {}
    begun = time.monotonic()
    for location in local:
        if time.monotonic() - begun > _AT_ONCE_SECONDS * max(len(answers), _FEW):
            break
        answers[location] = tell(location)
    return answers


def _is_local(location: Location) -> bool:
    return isinstance(location, FileLocation) and not is_blob_url(location.url)


def _certain(location: FileLocation) -> str:
    """Give a path that lies where the location is looked up."""
    folder, path = split_glob(location.url)
    return f"{folder}/{'any' if is_glob(path) else path}"
