"""Looking at sources before a run, where they can do no harm: in worker processes.

Files are listed by this process: nothing of them is read. What is opened, a file, the log of a
Delta table, a database, is opened by a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TypeVar

import polars as pl

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine import shares
from ai_dataflow.engine.crashes import crashed, patience_to_look
from ai_dataflow.engine.hand import Crash
from ai_dataflow.engine.workers import Batch, spread
from ai_dataflow.sources import schemas, survey
from ai_dataflow.sources.files.client_counts import ClientCounts, Counted, count_clients
from ai_dataflow.sources.schemas import Look
from ai_dataflow.sources.survey import Sight, Survey
from ai_dataflow.tables.locations import Location, files_of

T = TypeVar("T")
_Wanted = tuple[Location, str]
_Ask = Callable[[dict[Location, str]], Mapping[Location, T | tuple[Diagnostic, ...]]]
_FEW, _MOST = 16, 64  # locations that are asked at once
Watch = Callable[[int], None]  # hears of how many locations there is an answer


def _unwatched(_: int) -> None:
    return None


def look_around(
    wanted: Mapping[Location, str], settings: Settings, watch: Watch = _unwatched
) -> dict[Location, Sight]:
    """Survey locations; see `sources.survey`.

    Files of many clients are looked at once; they are given too as what they are without a client.
    """
    places: dict[Location, str] = {}
    for location, at in wanted.items():
        places.setdefault(files_of(location), at)
    opened = {location: at for location, at in places.items() if survey.is_opened(location)}
    listed = {location: at for location, at in places.items() if location not in opened}
    ask = partial(survey.survey, settings=shares.share(settings))
    # In one process: what several locations share is looked at once.
    seen: dict[Location, Sight] = {**ask(listed)}
    watch(len(seen))
    seen |= _in_workers(lambda _: ask, opened, settings, max(1, len(opened)))
    return {**seen, **{location: seen[files_of(location)] for location in wanted}}


def look_inside(
    wanted: Mapping[Location, str],
    settings: Settings,
    seen: Survey | None = None,
    names: Mapping[Location, tuple[str, ...]] = MappingProxyType({}),
    watch: Watch = _unwatched,
) -> dict[Location, Look]:
    """Read the schemas of locations; see `sources.schemas`."""
    sights = look_around(schemas.files_among(wanted), settings) if seen is None else seen

    def look(unknown: Mapping[Location, str]) -> dict[Location, Look]:
        shared = shares.share(settings)

        def ask_for(some: Mapping[Location, str]) -> _Ask[pl.Schema]:
            seen_there = {location: sights[location] for location in some if location in sights}
            read = {location: names[location] for location in some if location in names}
            return partial(schemas.look_at, settings=shared, seen=seen_there, names=read)

        part_of_one = -(-len(unknown) // shares.processes(settings))
        most, cached = min(_MOST, max(_FEW, part_of_one)), len(wanted) - len(unknown)
        return _in_workers(ask_for, unknown, settings, most, lambda done: watch(cached + done))

    return schemas.read_schemas(wanted, settings, sights, look, names)


def look_for_clients(
    asked: Mapping[Location, Collection[str]],
    wanted: Mapping[Location, str],
    settings: Settings,
    seen: Survey,
) -> dict[Location, Counted]:
    """Count the rows of clients in files that they share; see `sources.files.client_counts`."""
    shared = shares.share(settings)

    def ask_for(some: Mapping[Location, str]) -> _Ask[ClientCounts]:
        seen_there = {files_of(location): seen[files_of(location)] for location in some}
        of_clients = {location: asked[location] for location in some}
        return partial(count_clients, asked=of_clients, settings=shared, seen=seen_there)

    return _in_workers(ask_for, wanted, settings, _FEW) if wanted else {}


def _in_workers(
    ask_for: Callable[[Mapping[Location, str]], _Ask[T]],
    wanted: Mapping[Location, str],
    settings: Settings,
    most: int,
    watch: Watch = _unwatched,
) -> dict[Location, T | tuple[Diagnostic, ...]]:
    """Ask for locations in worker processes, `most` of them in one call.

    `ask_for` gives the function that answers for some of them.
    """
    items, processes = tuple(wanted.items()), shares.processes(settings)
    seconds, memory = patience_to_look(list(wanted), settings), settings.execution.memory
    parts = (items[first : first + most] for first in range(0, len(items), most))
    batches = (
        Batch(partial(_answers, ask_for(dict(part))), part, seconds, memory, processes)
        for part in parts
    )
    answers: dict[Location, T | tuple[Diagnostic, ...]] = {}
    for (location, place), answer in spread(batches, processes, 1):
        if isinstance(answer, Crash):
            answers[location] = (crashed(answer, location, place, settings, seconds),)
        else:
            answers[location] = answer
        watch(len(answers))
    return {location: answers[location] for location in wanted}


def _answers(ask: _Ask[T], items: Sequence[_Wanted]) -> list[T | tuple[Diagnostic, ...]]:
    answers = ask(dict(items))
    return [answers[location] for location, _ in items]
