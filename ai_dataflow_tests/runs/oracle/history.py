"""What a project's workstation has to show after each of its runs: the oracle over time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ai_dataflow_tests.runs.oracle.formats import UnreadableError
from ai_dataflow_tests.runs.oracle.merging import Outcome, expected
from ai_dataflow_tests.runs.oracle.reading import files_at
from ai_dataflow_tests.runs.oracle.tables import (
    Key,
    Module,
    Source,
    computed_of,
    read_tables,
)

State = tuple[object, ...]


@dataclass
class Published:
    """What readers see of a partition, what it was made from, and what was left of a run since.

    `unpublished` are the rejects of the last run that rejected too much; `failed` tells that the
    last run did not publish it.
    """

    outcome: Outcome | None = None
    made_from: State = ()
    unpublished: Outcome | None = None
    failed: bool = False


@dataclass
class History:
    """A project over its runs."""

    folder: Path
    seen: dict[Key, Published] = field(default_factory=dict)

    def run(self) -> dict[Key, Outcome | None]:
        """Say what a run over what changed has to make of each partition; None leaves it as it is.

        What it publishes is what readers see from then on.
        """
        tables = read_tables(self.folder)
        made: dict[Key, Outcome | None] = {}
        for key, sources in tables.sources.items():
            before = self.seen.setdefault(key, Published())
            module = tables.modules[key[0]]
            state = (module.said, *_state(self.folder, sources, module))
            if before.outcome and not before.failed and before.made_from == state:
                made[key] = None
                continue
            made[key] = outcome = expected(self.folder, sources, module, key[1])
            self.seen[key] = _after(before, outcome, state)
        return made


def _after(before: Published, outcome: Outcome, state: State) -> Published:
    if outcome.status == "ok":
        return Published(outcome, state)
    if outcome.status == "held":  # nothing was tried
        return before
    left = outcome if outcome.rejects else before.unpublished
    return Published(before.outcome, before.made_from, left, failed=True)


def _state(folder: Path, sources: list[Source], module: Module) -> State:
    """Give all that a partition is made from: what its rows say, and which files there are."""
    later = {
        (product, row.ai_column, row.said)
        for product, client in {(source.product, source.client) for source in sources}
        for row in computed_of(module, product, client)
    }
    return frozenset(later), *(
        (source.location, _files(folder, source.location), tuple(sorted(
            (row.ai_column, row.said) for row in source.mappings
        )), source.taking.said, source.join, source.as_of,
         source.rule and (source.rule.unpivot, source.rule.explode))
        for source in sources
    )  # fmt: skip


def _files(folder: Path, location: str) -> object:
    try:
        log = sorted((folder / location / "_delta_log").glob("*.json"))
        files = [*files_at(folder, location), *log]
        return tuple((str(f), f.stat().st_ino, f.stat().st_mtime_ns) for f in files)
    except (UnreadableError, OSError) as error:
        return str(error)
