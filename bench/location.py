"""Loading the code location, which every Dagster process does, beside importing Dagster alone."""

from __future__ import annotations

from pathlib import Path

from bench.peers.measuring import child
from bench.racing import Case, Contender, race
from bench.small_partitions import make_project


def ours() -> None:
    """Load the definitions of the project in the current folder."""
    from ai_dataflow.definitions import defs  # noqa: PLC0415

    defs.get_repository_def()


def dagster_alone() -> None:
    """Import Dagster, and load a job without a step."""
    import dagster as dg  # noqa: PLC0415

    @dg.job
    def nothing() -> None:
        pass

    dg.Definitions(jobs=[nothing]).get_repository_def()


def measure(folder: Path, clients: int, rounds: int) -> Case:
    """Measure both in a project of so many partitions."""
    make_project(folder / "project", clients)

    def contender(name: str, function: str) -> Contender:
        target = f"bench.location:{function}"
        return Contender(name, lambda: child(target, cwd=folder / "project"))

    contenders = [contender("the code location", "ours"),
                  contender("Dagster and nothing else", "dagster_alone")]  # fmt: skip
    name = f"code location, {clients:,} partitions"
    return race(name, contenders, rounds, lambda: "there is no output")
