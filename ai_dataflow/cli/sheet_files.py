"""The files that `ai-dataflow sheet` reads and writes, and those that it leaves alone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing
from ai_dataflow.config.settings import Settings
from ai_dataflow.tables.cell_words import Offers
from ai_dataflow.tables.grids import UnreadableError, is_workbook
from ai_dataflow.tables.marked_workbooks import write_marked
from ai_dataflow.tables.new_workbooks import TITLES, Tab, write_workbook
from ai_dataflow.tables.project import (
    LAYOUTS,
    read_tables,
    references,
    table_file,
)
from ai_dataflow.tables.single import load_teams
from ai_dataflow.tables.table import CellTable, read_table, unreadable
from ai_dataflow.tables.teams import Team, with_owner


def named_workbook(file: Path, settings: Settings) -> Path:
    """Give the workbook that is meant; some table of the project is in it.

    Raises:
        DataflowError: CFG-030: it is none of the project's, or no workbook.
    """
    table = _named(file, settings)
    if is_workbook(table):
        return table
    raise _wrong_table(
        file,
        f"notes need a workbook, and `{file}` is none",
        "`ai-dataflow validate` tells the same; `ai-dataflow sheet workbook` makes one",
    )


def copy_of(workbook: Path, target: Path | None, settings: Settings) -> Path:
    """Give where the copy of a workbook goes.

    Raises:
        DataflowError: CFG-031: a file of the project is there; CFG-033: no file can be there.
    """
    copy = (target or workbook.with_name(f"{workbook.stem}.checked.xlsx")).resolve()
    with writing(copy):
        is_taken = copy in (*_tables(settings), settings.file.resolve()) or copy.is_dir()
    if is_taken:
        raise DataflowError(
            _in_the_way(copy, f"`{copy.name}` is of the project", "name another file with --out")
        )
    if copy.suffix.lower() != ".xlsx":
        raise _wrong_table(
            copy, f"the copy would be `{copy.name}`", "name one that ends with .xlsx"
        )
    return copy


def write_copy(workbook: Path, copy: Path, problems: Sequence[Diagnostic]) -> list[str]:
    """Write a copy of a workbook with problems in it; give what of it the copy lacks.

    Raises:
        DataflowError: CFG-006 or CFG-033.
    """
    with writing(copy):
        try:
            return write_marked(workbook, copy, problems)
        except UnreadableError as error:
            raise DataflowError(unreadable(workbook.name, error)) from None


def csv_tables(file: Path | None, settings: Settings) -> dict[Path, str]:
    """Give CSV tables of the project, each with the setting that names it; all, or the named one.

    Raises:
        DataflowError: CFG-030: it is none of the project's, or a workbook.
    """
    tables = {at: name for at, name in _tables(settings).items() if not is_workbook(at)}
    if file is None:
        return tables
    table = _named(file, settings)
    if table not in tables:
        raise _wrong_table(file, f"`{file}` is a workbook, no CSV table", "name a CSV table")
    return {table: tables[table]}


def write_whole(file: Path, text: str) -> None:
    """Replace a file's text in one step, so that whoever reads it gets the old or the new one."""
    partial = file.with_name(f".{file.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8", newline="")
        shutil.copymode(file, partial)
        partial.replace(file)
    except OSError as error:
        raise not_written(file, error) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_project_workbook(file: Path, settings: Settings, offers: Offers) -> list[str]:
    """Write a project's tables into a new workbook; give the settings that they are of.

    Raises:
        DataflowError: CFG-031, CFG-032 or CFG-033; what is wrong with a table's file or lines.
    """
    with writing(file):
        is_taken = file.exists()
    if is_taken:
        message, fix = f"`{file}` is there already", "choose another name, or remove it"
        raise DataflowError(_in_the_way(file, message, fix))
    if file.suffix.lower() != ".xlsx":
        raise _wrong_table(file, f"`{file}` is no workbook", "choose a name that ends with .xlsx")
    tables = read_tables(settings)
    if wrong := [f for table in tables.values() for f in table.flaws if f.severity == "error"]:
        raise DataflowError(*wrong)
    rows = {name: list(table.rows.values()) for name, table in tables.items()}
    tabs = [Tab(name, LAYOUTS[name], rows[name]) for name in rows]
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".sheet-") as folder:
            made = Path(folder, file.name)
            write_workbook(made, tabs, offers)
            for tab in tabs:
                _check_same(tables[tab.setting], tab, made)
            made.replace(file)
    except UnreadableError as error:
        raise _not_kept(file.name, str(error)) from None
    except OSError as error:
        raise not_written(file, error) from None
    return list(rows)


def _check_same(table: CellTable, tab: Tab, made: Path) -> None:
    """Make sure that a tab says what its table says: some texts no workbook can hold."""
    back = read_table(f"{made.name}#{TITLES[tab.setting]}", made.parent, tab.layout)
    again = list(back.rows.values())
    for i, (line, row) in enumerate(table.rows.items()):
        other = again[i] if i < len(again) else {}
        wrong = next((n for n in tab.layout.columns if other.get(n) != row[n]), "")
        if wrong:
            raise _not_kept(table.sheet.place(line, wrong), "its text would be another one")
    for flaw in back.flaws:
        line = list(table.rows)[flaw.line - 2]
        raise _not_kept(table.sheet.place(line), flaw.message)


@contextmanager
def owners_named(settings: Settings) -> Iterator[None]:
    """Give problems that end the command their owners."""
    try:
        yield
    except DataflowError as error:
        teams = tuple[Team, ...]()
        with suppress(DataflowError):
            teams = load_teams(settings)
        raise DataflowError(*(with_owner(teams, each) for each in error.diagnostics)) from None


def _tables(settings: Settings) -> dict[Path, str]:
    named = references(settings).items()
    files = {name: table_file(reference, settings) for name, reference in named}
    return {file: name for name, file in files.items() if file}


def _named(file: Path, settings: Settings) -> Path:
    """Give the table's file that is meant: from the current folder, or from the project's."""
    tables = _tables(settings)
    meant = [(folder / file).resolve() for folder in (Path.cwd(), settings.folder)]
    if table := next((path for path in meant if path in tables), None):
        return table
    names = listing(sorted(path.name for path in tables))
    raise _wrong_table(file, f"no table of the project is in `{file}`", f"name one of {names}")


def _wrong_table(file: Path, message: str, fix: str) -> DataflowError:
    return DataflowError(Diagnostic("CFG-030", message, place=str(file), fix=fix))


def _in_the_way(file: Path, message: str, fix: str) -> Diagnostic:
    return Diagnostic("CFG-031", message, place=str(file), fix=fix)


def _not_kept(place: str, why: str) -> DataflowError:
    fix = "write the cell in another way, or keep this table as CSV"
    return DataflowError(Diagnostic("CFG-032", f"no workbook can hold this: {why}", place, fix))


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """Tell of a file that cannot be written as a user's problem.

    Raises:
        DataflowError: CFG-033.
    """
    try:
        yield
    except OSError as error:
        raise not_written(file, error) from None


def not_written(file: Path, error: OSError) -> DataflowError:
    """A file that a command cannot write, and why."""
    message = f"`{file}` cannot be written: {error.strerror or error}"
    fix = "close it where it is open, or let this user write there"
    return DataflowError(Diagnostic("CFG-033", message, place=str(file), fix=fix))
