"""What the CLI shows in a terminal: summaries, diagnostics, the state of partitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.planning.coverage import Coverage
from ai_dataflow.planning.explain import Feed
from ai_dataflow.planning.plan import Plan
from ai_dataflow.workstation.cleanup import Cleaned
from ai_dataflow.workstation.paths import Workstation
from ai_dataflow.workstation.reports import (
    COUNTS,
    ErrorReport,
    PartitionReport,
    RunReport,
    report_name,
)
from ai_dataflow.workstation.status import PartitionStatus

_STATE_STYLES = {"ok": "green", "failed": "red", "held": "yellow", "never": "dim"}
_SHOWN_PARTITIONS = 5


def progress_bar(console: Console) -> Progress:
    """Make the progress bar of a run; it leaves nothing behind."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


def show_diagnostics(console: Console, diagnostics: Iterable[Diagnostic]) -> None:
    """Show diagnostics: code and title, place, message, what they hold back, whose they are."""
    for problem in diagnostics:
        for line in diagnostic_lines(problem):
            console.print(line, soft_wrap=True)


def diagnostic_lines(problem: Diagnostic) -> list[Text]:
    """Give a diagnostic as lines for people."""
    style = "red" if problem.severity == "error" else "yellow"
    head = Text(f"{problem.severity}[{problem.code}]", f"bold {style}")
    subject = f"   ({problem.subject})" if problem.subject else ""
    place = Text("  --> ", "blue").append(_printable(problem.place), "default")
    lines = [
        head.append(f": {problem.meaning.title}", "bold"),
        place.append(_printable(subject), "dim") if problem.place else None,
        Text(_printable(f"  {problem.message}")),
        Text(_printable(f"  cause: {problem.cause}")) if problem.cause else None,
        Text(_printable(f"  fix: {problem.fix}")) if problem.fix else None,
        Text(f"  {_touched(problem)}") if problem.partitions else None,
        Text(
            f"  owner: {problem.owner or 'nobody'}    help: ai-dataflow help {problem.code}", "dim"
        ),
    ]
    return [line for line in lines if line is not None]


def _printable(text: str) -> str:
    """Spell out what a terminal would act upon: escapes, or marks that turn the text around."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def show_validation(console: Console, diagnostics: Sequence[Diagnostic], plan: Plan | None) -> None:
    """Show every problem and the verdict; without a plan nothing can run."""
    for problem in diagnostics:
        show_diagnostics(console, [problem])
        console.print()
    if plan is None:
        console.print(f"{_count(len(diagnostics), 'problem')} · nothing can run")
    else:
        show_verdict(console, plan)


def show_verdict(console: Console, plan: Plan) -> None:
    """Show the last line of a validation: how many problems, and what can run."""
    counts = Counter(problem.severity for problem in plan.diagnostics)
    pairs = {(product, c.module) for c in plan.coverage.values() for product in c.products}
    back = {pair for problem in plan.errors for pair in _pairs(plan, problem)}
    failing = {key for problem in plan.errors for key in problem.partitions}
    runs = len([key for key in plan.jobs if key not in failing])
    console.print(
        f"{_count(counts['error'], 'error')}, {_count(counts['warning'], 'warning')} · "
        f"{len(back)} of {len(pairs | back)} module × product pairs held · "
        f"{runs} of {_count(len(plan.partitions), 'partition')} can run",
        soft_wrap=True,
    )


def _pairs(plan: Plan, problem: Diagnostic) -> set[tuple[str, str]]:
    """Give the product and module pairs that an error touches; without a product: all."""
    modules = {key.partition("|")[0] for key in problem.partitions}
    if problem.product:
        return {(problem.product, module) for module in modules}
    covered = [c for c in plan.coverage.values() if c.module in modules]
    return {(product, c.module) for c in covered for product in c.products}


def github_line(problem: Diagnostic) -> str:
    """Give a diagnostic as a workflow command of GitHub Actions, which marks the file's line.

    The format is that of GitHub's documentation, "Workflow commands for GitHub Actions".
    """
    file, _, rest = problem.place.replace("!", ":").partition(":")
    line = next((part for part in rest.split(":") if part.isdigit()), "1")
    text = f"{problem.message} ({problem.place}). {problem.fix}. owner: {problem.owner}"
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    title = f"{problem.code} {problem.meaning.title}".replace(",", "%2C").replace(":", "%3A")
    return f"::{problem.severity} file={file},line={line},title={title}::{escaped}"


def show_plan(console: Console, plan: Plan, published: set[str]) -> None:
    """Show, per module, what a run would do now, and what the products map."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("module")
    for name in ("run", "of them new", "held back", "removed"):
        table.add_column(name, justify="right")
    removed = published - set(plan.partitions)
    modules = sorted({key.partition("|")[0] for key in {*plan.partitions, *removed}})
    for module in modules:
        own = [key for key in plan.jobs if key.startswith(f"{module}|")]
        table.add_row(
            module,
            str(len(own)),
            str(len(set(own) - published)),
            str(sum(key.startswith(f"{module}|") for key in plan.held)),
            str(sum(key.startswith(f"{module}|") for key in removed)),
        )
    console.print(table)
    for key, problems in plan.held.items():
        console.print(Text(f"held back: {key}: {problems[0].code} at {problems[0].place}"))
    for key in sorted(removed):
        console.print(Text(f"removed: {key} is not in the control table; its data stays"))
    for coverage in plan.coverage.values():
        console.print()
        console.print(_coverage(coverage))


def show_feeds(console: Console, feeds: Sequence[Feed]) -> None:
    """Show where an AI column comes from, in every product; lines do not wrap within a cell."""
    rows = [
        (
            f"{feed.module} · {feed.product} · {feed.submodule}",
            f"{feed.source}{f': {feed.source_type}' if feed.source_type else ''} → {feed.ai_type}",
            feed.cell,
            f"filled for {feed.filled} of {_count(feed.clients, 'client')}",
        )
        for feed in feeds
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        console.print(Text(line.rstrip()), soft_wrap=True)


def _coverage(coverage: Coverage) -> Table:
    table = Table(
        title=f"{coverage.module}: {coverage.ratio:.0%} covered", title_justify="left",
        box=None, header_style="bold", pad_edge=False,
    )  # fmt: skip
    table.add_column("AI column")
    for product in coverage.products:
        table.add_column(product)
    styles = {"mapped": "green", "missing": "dim", "required-missing": "red"}
    for column, cells in coverage.cells.items():
        covers = (cells[product] for product in coverage.products)
        table.add_row(column, *(Text(cover, styles[cover]) for cover in covers))
    return table


def _touched(problem: Diagnostic) -> str:
    """Say which partitions an error holds back, or makes fail."""
    keys = [key.partition("|") for key in problem.partitions]
    modules = sorted({module for module, _, _ in keys})
    shape = f"{', '.join(modules)} × {_count(len({c for _, _, c in keys}), 'client')}"
    fails = problem.meaning.concern == "source"
    verb = "would fail" if fails else f"{'is' if len(keys) == 1 else 'are'} held back"
    examples = f": {_some(problem.partitions)}" if len(keys) <= _SHOWN_PARTITIONS else ""
    return f"{_count(len(keys), 'partition')} ({shape}) {verb} until this is fixed{examples}"


def _count(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number:,} {name}s"


def show_summary(
    console: Console, report: RunReport, workstation: Workstation, kept: str, ui: str
) -> None:
    """Show what a run did: a row per module, the causes of what failed, where to look.

    `kept` is where the report is if the workstation could not take it, `ui` the command that opens
    the Dagster UI.
    """
    console.print(_modules(report))
    if report.removed:
        gone = f"\nno longer in the control table, still published: {_some(report.removed)}"
        console.print(Text(gone), soft_wrap=True)
    _show_causes(console, report)
    _show_places(console, report, workstation, kept, ui)


def show_status(console: Console, statuses: Sequence[PartitionStatus]) -> None:
    """Show the state of each partition: what is published, what is wrong now and since when."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("partition", "state", "published"):
        table.add_column(name, no_wrap=True)
    for name in ("rows", "version"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("wrong since", no_wrap=True)
    for status in statuses:
        table.add_row(
            status.partition,
            Text(status.state, _STATE_STYLES[status.state]),
            _when(status.published),
            _number(status.rows),
            _number(status.version),
            _wrong_since(status),
        )
    console.print(table)
    for status in statuses:
        if status.error:
            error = ErrorReport.model_validate(status.error)
            head = Text(f"\n{status.state}[{error.code}]", "bold red")
            console.print(head.append(f": {error.title}", "bold"))
            _show_details(console, error, [status.partition])
    counts = Counter(status.state for status in statuses)
    console.print("\n" + " · ".join(f"{count} {state}" for state, count in sorted(counts.items())))


def _modules(report: RunReport) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("module")
    for name in ("clients ok", "failed", "rows read", "rejected", "merged", "written", "seconds"):
        table.add_column(name, justify="right")
    for module, own in groupby(report.partitions, key=lambda partition: partition.module):
        table.add_row(module, *_row(list(own)))
    table.add_section()
    total = _row(report.partitions)
    total[-1] = f"{(report.finished - report.started).total_seconds():.1f}"
    table.add_row("all", *total, style="bold")
    return table


def _row(partitions: Sequence[PartitionReport]) -> list[str | Text]:
    """Give a module's figures; rows are those of its published partitions, so that they add up."""
    ok = [p for p in partitions if p.status in ("ok", "unchanged")]
    failed = len(partitions) - len(ok)
    return [
        str(len(ok)),
        Text(str(failed), "red" if failed else ""),
        *(_number(sum(getattr(p, name) for p in ok)) for name in COUNTS),
        f"{sum(p.seconds for p in partitions):.1f}",
    ]


def _show_causes(console: Console, report: RunReport) -> None:
    """Show each cause once, with the partitions that it ended."""
    causes: dict[tuple[str, str, str], tuple[ErrorReport, str, list[str]]] = {}
    for partition in report.failed:
        for error in partition.errors:
            key = (error.code, error.place, error.message)
            causes.setdefault(key, (error, partition.status, []))[2].append(partition.partition)
    for error, status, partitions in causes.values():
        head = Text(f"\n{status}[{error.code}]", "bold red")
        console.print(head.append(f": {error.title}", "bold"))
        _show_details(console, error, partitions)


def _show_details(
    console: Console, problem: Diagnostic | ErrorReport, partitions: Sequence[str]
) -> None:
    lines = [
        ("-->", problem.place),
        ("", problem.message),
        ("cause:", problem.cause),
        ("fix:", problem.fix),
        ("partitions:", _some(partitions)),
        ("owner:", problem.owner),
    ]
    for label, text in lines:
        if text:
            console.print(Text("  " + _printable(f"{label} {text}".strip())), soft_wrap=True)


def show_cleanup(console: Console, cleaned: Mapping[str, Cleaned], *, dry_run: bool) -> None:
    """Show what was left over in each module's folders."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("module")
    for name in ("left-over files", "MB"):
        table.add_column(name, justify="right")
    for module, found in cleaned.items():
        table.add_row(module, _number(len(found.files)), f"{found.bytes / 1e6:,.1f}")
    console.print(table)
    if dry_run:
        console.print("\nNothing was removed: without --dry-run it is.")
    show_diagnostics(console, [p for found in cleaned.values() for p in found.problems])


def _show_places(
    console: Console, report: RunReport, workstation: Workstation, kept: str, ui: str
) -> None:
    places = [
        ("dataset", workstation.root.url),
        ("rejects", workstation.rejects("").url.rstrip("/")),
        ("report", kept or workstation.reports().join(report_name(report.run_id))),
        *(("", f"not delivered yet: {why}") for why in report.unreported[-1:] if kept),
        ("Dagster UI", ui),
    ]
    console.print()
    for name, place in places:
        console.print(Text(_printable(f"{name:<11} {place}")), soft_wrap=True)


def _some(partitions: Sequence[str]) -> str:
    more = len(partitions) - _SHOWN_PARTITIONS
    return ", ".join(partitions[:_SHOWN_PARTITIONS]) + (f" and {more} more" if more > 0 else "")


def _wrong_since(status: PartitionStatus) -> str:
    if not status.error:
        return ""
    runs = f" ({status.failed_runs} runs)" if status.failed_runs > 1 else ""
    return f"{_when(status.failing_since)}{runs}"


def _when(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else ""


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
