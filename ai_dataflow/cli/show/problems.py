"""Diagnostics in a terminal, and for GitHub."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from ai_dataflow.cli.show.texts import SHOWN_PARTITIONS, some
from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.visible import printable
from ai_dataflow.notifications.wording import counted

if TYPE_CHECKING:
    from ai_dataflow.planning.plan import Plan
    from ai_dataflow.workstation.reports import RunReport


def show_diagnostics(console: Console, diagnostics: Iterable[Diagnostic]) -> None:
    """Show diagnostics: code and title, place, message, what they hold back, whose they are."""
    for problem in diagnostics:
        for line in diagnostic_lines(problem):
            console.print(line, soft_wrap=True)


def problems_of_run(report: RunReport, said: Iterable[Diagnostic] = ()) -> Iterator[Diagnostic]:
    """Give what is of the run itself: of no partition, and not what is said before."""
    before = [problem.to_json() for problem in said]
    for problem in report.diagnostics:
        if not problem["partitions"] and problem not in before:
            yield Diagnostic(**{name: of for name, of in problem.items() if name != "partitions"})


def diagnostic_lines(problem: Diagnostic) -> list[Text]:
    """Give a diagnostic as lines for people."""
    style = "red" if problem.severity == "error" else "yellow"
    head = Text(f"{problem.severity}[{problem.code}]", f"bold {style}")
    subject = f"   ({problem.subject})" if problem.subject else ""
    place = Text("  --> ", "blue").append(printable(problem.place), "default")
    lines = [
        head.append(f": {problem.meaning.title}", "bold"),
        place.append(printable(subject), "dim") if problem.place else None,
        Text(printable(f"  {problem.message}")),
        Text(printable(f"  cause: {problem.cause}")) if problem.cause else None,
        Text(printable(f"  fix: {problem.fix}")) if problem.fix else None,
        Text(printable(f"  {_touched(problem)}")) if problem.partitions else None,
        Text(printable(f"  owner: {problem.owner or 'nobody'}    {_help(problem)}"), "dim"),
    ]
    return [line for line in lines if line is not None]


def _help(problem: Diagnostic) -> str:
    return f"help: ai-dataflow help {problem.code}"


def show_validation(console: Console, diagnostics: Sequence[Diagnostic], plan: Plan | None) -> None:
    """Show every problem and the verdict; without a plan nothing can run."""
    for problem in diagnostics:
        show_diagnostics(console, [problem])
        console.print()
    if plan is None:
        said = f"{counted(len(diagnostics), 'problem')} · nothing can run"
        console.print(Text(said, "bold red"), soft_wrap=True)
    else:
        _show_dialects(console, plan)
        show_verdict(console, plan)


def _show_dialects(console: Console, plan: Plan) -> None:
    """Say how text files are read that are not all in UTF-8 with commas; of many alike the first.

    What was found out nobody said: it is worth a look.
    """
    from ai_dataflow.planning.text_files import text_files

    alike = grouped(text_files(plan), lambda read: str(read.dialect))
    for how, sources in sorted(alike.items()):
        locations = list(dict.fromkeys(read.location for read in sources))
        more = f" and {len(locations) - 1} more" if len(locations) > 1 else ""
        text = f"{locations[0]}{more}: read as {how}"
        console.print(Text(printable(text), "dim"), soft_wrap=True)


def show_verdict(console: Console, plan: Plan) -> None:
    """Show the last line of a validation: how many problems, what can run; in its colour."""
    counts = Counter(problem.severity for problem in plan.diagnostics)
    pairs = {(product, c.module) for c in plan.coverage.values() for product in c.products}
    back = {pair for problem in plan.errors for pair in _pairs(plan, problem)}
    failing = {key for problem in plan.errors for key in problem.partitions}
    runs = len([key for key in plan.jobs if key not in failing])
    colour = "red" if counts["error"] else "yellow" if counts["warning"] else "green"
    text = (
        f"{counted(counts['error'], 'error')}, {counted(counts['warning'], 'warning')} · "
        f"{len(back)} of {len(pairs | back)} module × product pairs held · "
        f"{runs} of {counted(len(plan.partitions), 'partition')} can run"
    )
    console.print(Text(text, f"bold {colour}"), soft_wrap=True)


def _pairs(plan: Plan, problem: Diagnostic) -> set[tuple[str, str]]:
    """Give the product and module pairs that an error touches; without a product: all."""
    modules = {key.module for key in problem.partitions}
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
    title = f"{problem.code} {problem.meaning.title}"
    properties = f"file={_property(file)},line={line},title={_property(title)}"
    return f"::{problem.severity} {properties}::{_data(text)}"


def _data(text: str) -> str:
    return printable(text, "\n").replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(",", "%2C").replace(":", "%3A")


def _touched(problem: Diagnostic) -> str:
    """Say which partitions an error holds back, or makes fail."""
    keys = problem.partitions
    modules = sorted({key.module for key in keys})
    shape = f"{', '.join(modules)} × {counted(len({key.client for key in keys}), 'client')}"
    fails = problem.meaning.concern == "source"
    verb = "would fail" if fails else f"{'is' if len(keys) == 1 else 'are'} held back"
    examples = f": {some(keys)}" if len(keys) <= SHOWN_PARTITIONS else ""
    return f"{counted(len(keys), 'partition')} ({shape}) {verb} until this is fixed{examples}"
