"""The state of partitions as blocks: what `ai-dataflow status` shows. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ai_dataflow.config.grouped import grouped
from ai_dataflow.notifications.model import (
    Block,
    Cause,
    Cell,
    Column,
    Paragraph,
    Table,
    Tone,
    cells,
)
from ai_dataflow.notifications.wording import counted, local, some
from ai_dataflow.workstation.cut_off import CutOff
from ai_dataflow.workstation.reports import ErrorReport
from ai_dataflow.workstation.statuses import PartitionStatus

_TONES: dict[str, Tone] = {
    "ok": "good", "failed": "bad", "held": "warn", "waiting": "warn", "never": "dim",
}  # fmt: skip


def status_blocks(
    statuses: Sequence[PartitionStatus],
    cut_off: Sequence[CutOff] = (),
    damaged: Sequence[str] = (),
) -> list[Block]:
    """Say how each partition is, what is wrong with some and since when, and how many are so.

    Before them stand the runs that were cut off, and those whose report is damaged.
    """
    columns = (
        *(Column(name) for name in ("partition", "state", "published")),
        *(Column(name, is_number=True) for name in ("rows", "version")),
        Column("wrong since", is_wide=True),
    )
    counts = Counter(status.state for status in statuses)
    tone: Tone = "bad" if any(_TONES[state] == "bad" for state in counts) else ""
    return [
        *(Paragraph(cut_off_text(run), "bad") for run in cut_off),
        *((Paragraph(_damaged_text(damaged), "bad"),) if damaged else ()),
        Table(columns, tuple(map(_row, statuses))),
        *_causes(statuses),
        Paragraph(" · ".join(f"{count} {state}" for state, count in sorted(counts.items())), tone),
    ]


def cut_off_text(run: CutOff) -> str:
    """Say of a run that was cut off what is known, and what to do."""
    what = (
        "was cut off: it ended without a report, and gave its last sign of life at"
        if run.is_certain
        else "seems to be cut off: it left no report, and gave no sign of life since"
    )
    done = (
        f"It had published {some(run.published)}; readers see that already."
        if run.published
        else "Nothing says that it published anything."
    )
    seen = f"{local(run.seen)} on {run.host}"
    again = "Run again what changed: `ai-dataflow run`."
    return f"Run {run.run_id} {what} {seen}. It was to make {some(run.modules)}. {done} {again}"


def _damaged_text(damaged: Sequence[str]) -> str:
    """Say which reports cannot be read, and what that means for what is told."""
    reports = counted(len(damaged), "run report")
    are = "is" if len(damaged) == 1 else "are"
    return f"{reports} in _runs cannot be read and {are} not counted here: {some(damaged)}"


def _row(status: PartitionStatus) -> tuple[Cell, ...]:
    runs = f" ({status.failed_runs} runs)" if status.failed_runs > 1 else ""
    return cells(
        status.partition,
        Cell(status.state, _TONES[status.state]),
        local(status.published),
        "" if status.rows is None else f"{status.rows:,}",
        "" if status.version is None else f"{status.version:,}",
        f"{local(status.failing_since)}{runs}" if status.error else "",
    )


def _causes(statuses: Sequence[PartitionStatus]) -> list[Cause]:
    """Give each cause once, with the partitions that it concerns."""
    pairs = [(s, ErrorReport.model_validate(s.error)) for s in statuses if s.error]
    causes = grouped(pairs, lambda pair: (pair[0].state, pair[1].identity))
    return [
        terminal_cause(state, alike[0][1], some([s.partition for s, _ in alike]), _TONES[state])
        for (state, _), alike in causes.items()
    ]


def terminal_cause(state: str, error: ErrorReport, partitions: str, tone: Tone = "bad") -> Cause:
    """Give a cause as a terminal shows it: labels with colons, an arrow to the place."""
    lines = (
        ("-->", error.place), ("", error.message), ("cause:", error.cause), ("fix:", error.fix),
        ("partitions:", partitions), ("owner:", error.owner),
    )  # fmt: skip
    filled = tuple((label, text) for label, text in lines if text)
    return Cause(f"{state}[{error.code}]", error.title, "", tone, filled)
