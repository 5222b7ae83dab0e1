"""How contenders are measured: each in a process of its own, in turns; medians and ratios."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# Variables that no contender has: two would point to another project; with the third our modules,
# which an installation has compiled, would be compiled at each start.
OWN = ("DAGSTER_HOME", "AI_DATAFLOW_CONFIG", "PYTHONDONTWRITEBYTECODE")


def as_users() -> dict[str, str]:
    """Give the environment that contenders have."""
    return {name: value for name, value in os.environ.items() if name not in OWN}


def set_aside(output: Path) -> None:
    """Move what a round before has made out of the way; it is deleted after all is measured.

    For minutes ext4 does not take inodes again that were freed, and looks at them one by one: who
    writes thousands of files after others were deleted pays for that.
    """
    if output.exists():
        output.rename(tempfile.mkdtemp(dir=output.parent, prefix=f"{output.name}-"))


@dataclass(frozen=True)
class Took:
    """What one contender took once: seconds, peak memory in MB, and seconds by kind of work.

    `work` divides the data work of all threads, which run at the same time. `cpu` are processor
    seconds of all its processes; 0 where they were not measured.
    """

    seconds: float
    mb: float = 0.0
    parts: Mapping[str, float] = field(default_factory=dict)
    work: Mapping[str, float] = field(default_factory=dict)
    cpu: float = 0.0


@dataclass(frozen=True)
class Contender:
    """Somebody who does the work; `share` of it, where all would take too long."""

    name: str
    run: Callable[[], Took]
    share: float = 1.0
    rounds: int | None = None


@dataclass(frozen=True)
class Row:
    """A contender's medians; `ratio` is what ours takes of them. Seconds are of all the work.

    Where processor seconds were measured, the ratio is of these.
    """

    contender: str
    seconds: float
    mb: float
    ratio: float | None
    parts: Mapping[str, float]
    note: str = ""
    work: Mapping[str, float] = field(default_factory=dict)
    cpu: float = 0.0


@dataclass(frozen=True)
class Case:
    """A case of the bench; `checked` tells how the outputs were found to be equal."""

    name: str
    rows: tuple[Row, ...]
    checked: str
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the shape of `results.json`."""
        return asdict(self)


def race(name: str, contenders: Sequence[Contender], rounds: int, check: Callable[[], str]) -> Case:
    """Let contenders run in turns; the first is ours. `check` compares what they have made.

    Raises:
        AssertionError: the outputs differ; no figure counts then.
    """
    took: dict[str, list[Took]] = {contender.name: [] for contender in contenders}
    checked = ""
    for number in range(rounds):
        for contender in contenders:
            if number < (contender.rounds or rounds):
                took[contender.name].append(contender.run())
        checked = checked or check()
    own = took[contenders[0].name]
    return Case(name, tuple(_row(c, took[c.name], own) for c in contenders), checked)


def _row(contender: Contender, took: Sequence[Took], own: Sequence[Took]) -> Row:
    seconds = statistics.median(one.seconds for one in took) / contender.share
    cpu = statistics.median(one.cpu for one in took) / contender.share
    ours = statistics.median(one.cpu if cpu else one.seconds for one in own)
    nearest = min(took, key=lambda one: abs(one.seconds / contender.share - seconds))
    share = contender.share
    note = f"{share:.0%} of the work measured, the rest extrapolated" if share < 1 else ""
    mb = max(one.mb for one in took)
    ratio = ours / (cpu or seconds)
    return Row(contender.name, seconds, mb, ratio, nearest.parts, note, nearest.work, cpu)
