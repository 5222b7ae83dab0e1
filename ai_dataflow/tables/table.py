"""Tables that people edit: their layout, their cells' places, and the checks that all share."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, Void, did_you_mean, listing
from ai_dataflow.tables.grids import Flaw, Grid, UnreadableError, by_line, is_workbook, read_grid

T = TypeVar("T")
Names = tuple[str, str, str]  # a module, a product, a submodule: what rows of two tables share

# Names that become folders, partition keys and parts of paths; a leading dot would hide or escape.
NAME_RULE = r"(?!\.)(?!.*\.\.\.)[A-Za-z0-9_.-]{1,100}"
MODULE_RULE = rf"(?!_){NAME_RULE}"
SQL_SCHEME = "sql://"  # of tables that are in a database
_NAMES = (
    "use up to 100 letters, digits, `_`, `-` and `.`, not beginning with a dot "
    "(nor, for a module, with `_`)"
)
YES = frozenset({"y", "yes", "true", "t", "1", "x"})
NO = frozenset({"n", "no", "false", "f", "0"})


@dataclass(frozen=True)
class Sheet:
    """How a table's cells are called: `file.xlsx!Sheet!F17` or `file.csv:17:column`.

    Rows of a database have no numbers: a cell is called by its row's `keys`, by line, as in
    `sql://platform/dbo.ai_control_table[ORION|claims|claim|acme]:active`.
    """

    name: str
    letters: tuple[tuple[str, str], ...] = ()
    keys: Mapping[int, str] | None = field(default=None, compare=False, repr=False)

    def place(self, line: int, column: str = "") -> str:
        """Name a cell; without a column, or one that the table lacks, its line."""
        if self.keys is not None:
            row = f"[{self.keys[line]}]" if line in self.keys else ""
            return f"{self.name}{row}" + (f":{column}" if column else "")
        if not self.letters:
            return f"{self.name}:{line}" + (f":{column}" if column else "")
        letter = dict(self.letters).get(column, "A")
        return f"{self.name}!{letter}{line}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table that people edit; it knows its cells' places."""

    sheet: Sheet
    line: int

    def place(self, column: str) -> str:
        """Name one of the row's cells."""
        return self.sheet.place(self.line, column)

    def problem(self, code: str, column: str, message: str, fix: str, **more: Any) -> Diagnostic:
        """Make a diagnostic about one of the row's cells; `more` are further fields of it."""
        place = self.place(column)
        return Diagnostic(code, message, place=place, fix=fix, line=self.line, **more)


@dataclass(frozen=True)
class Layout:
    """The columns that a table must and may have, and the prefix of its codes.

    `key` names a row, where it has no number; `is_ordered` tells that the order of rows matters.
    `loose` are columns whose cells count by what they mean, such as a flag: all others are codes,
    names and paths, of which every letter counts.
    """

    prefix: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    is_ordered: bool = False
    loose: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns."""
        return self.required + self.optional


@dataclass(frozen=True)
class CellTable:
    """A table's cells as trimmed texts: by line, blank lines left out, and by column.

    A column that the layout knows and the table lacks is blank. `flaws` are what is wrong with
    cells and lines as such, before anyone asks what they mean.
    """

    sheet: Sheet
    layout: Layout
    rows: Mapping[int, Mapping[str, str]]
    flaws: tuple[Diagnostic, ...] = ()

    def column(self, name: str) -> Iterator[tuple[int, str]]:
        """Give the cells of a column, each with its line."""
        return ((line, cells[name]) for line, cells in self.rows.items())

    def wrong(
        self, number: str, column: str, why: Callable[[str], str], fix: str, *, void: Void = ""
    ) -> Iterator[Diagnostic]:
        """Find the wrong cells of a column; `why` says it, or nothing where all is well."""
        for line, value in self.column(column):
            if message := why(value):
                yield self.problem(number, line, column, message, fix, void=void)

    def blanks(self, columns: Iterable[str]) -> Iterator[Diagnostic]:
        """Find blank cells in columns that need a value (code `…-003`)."""
        for column in columns:
            for line, value in self.column(column):
                if not value:
                    message, fix = f"`{column}` is blank", "fill it in"
                    yield self.problem("003", line, column, message, fix, void="cell")

    def bad_names(self, columns: Iterable[str], also: str = "") -> Iterator[Diagnostic]:
        """Find names that cannot be part of a partition key or a path (code `…-004`)."""
        for column in columns:
            rule = re.compile(MODULE_RULE if column == "module_name" else NAME_RULE)

            def why(value: str, rule: re.Pattern[str] = rule, column: str = column) -> str:
                fits = value in ("", also) or rule.fullmatch(value)
                return "" if fits else f"`{value[:80]}` cannot be a {column}"

            yield from self.wrong("004", column, why, _NAMES, void="cell")

    def bad_flags(self, columns: Iterable[str]) -> Iterator[Diagnostic]:
        """Find cells that are neither yes nor no (code `…-005`)."""
        for column in columns:
            yield from self.wrong("005", column, _no_flag, "Y or N")

    def diagnostics(self, problems: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Give the flaws, and of these problems those that are not a flaw's consequence.

        A cell with a flaw has no value of its own; a line of the wrong width has none at all.
        """
        flawed = {flaw.place for flaw in self.flaws if flaw.severity == "error"}
        widths = (flaw for flaw in self.flaws if flaw.void == "line")
        shifted = {f.line for f in widths if f.place == self.sheet.place(f.line)}
        flaws = (f for f in self.flaws if f.severity == "error" or f.line not in shifted)
        rest = (p for p in problems if p.place not in flawed and p.line not in shifted)
        return [*flaws, *rest]

    def problem(
        self, number: str, line: int, column: str, message: str, fix: str, **more: Any
    ) -> Diagnostic:
        """Make a diagnostic about one cell; `more` are further fields of it."""
        code = f"{self.layout.prefix}-{number}"
        return Row(self.sheet, line).problem(code, column, message, fix, **more)


def _no_flag(value: str) -> str:
    is_flag = not value or value.casefold() in YES | NO
    return "" if is_flag else f"`{value[:80]}` is neither yes nor no"


def repeats(things: Iterable[T], key: Callable[[T], Hashable]) -> Iterator[tuple[T, T]]:
    """Give each thing whose key an earlier one has, with the first of these."""
    first: dict[Hashable, T] = {}
    for thing in things:
        if (earlier := first.setdefault(key(thing), thing)) is not thing:
            yield thing, earlier


def is_yes(text: str) -> bool:
    """Tell whether a checked flag says yes; blank is no."""
    return text.casefold() in YES


def is_no(text: str) -> bool:
    """Tell whether a checked flag says no; blank is yes, where this is asked."""
    return text.casefold() in NO


def read_table(reference: str, folder: Path, layout: Layout) -> CellTable:
    """Read a table and check its header.

    Args:
        reference: as in the settings: `control_table.csv`, `ai_mapping.xlsx#AI_Map`.
        folder: where relative references start.
        layout: the columns to expect.

    Raises:
        DataflowError: CFG-005 or CFG-006, or the codes of wrong headers, for every wrong column.
    """
    path, _, sheet = reference.partition("#")
    file = folder / path
    try:
        if not file.is_file():
            raise DataflowError(_no_table(reference, file))
        grid = read_grid(file, sheet)
    except UnreadableError as error:
        raise DataflowError(unreadable(reference, error)) from None
    except OSError as error:  # a name that no file can have, a folder that nobody may look into
        why = UnreadableError(str(error.strerror), "name a file that this user may read")
        raise DataflowError(unreadable(reference, why)) from None
    return to_table(grid, layout)


def to_table(grid: Grid, layout: Layout, keys: Mapping[int, str] | None = None) -> CellTable:
    """Check a grid's header and give its rows; `keys` name them where they have no number.

    Raises:
        DataflowError: the codes of wrong headers, for every wrong column.
    """
    header_line, header = grid.lines[0] if grid.lines else (1, [])
    letters = zip(header, grid.letters, strict=False)
    sheet = Sheet(grid.name, tuple((name, letter) for name, letter in letters if name), keys)
    loose = {i for i, name in enumerate(header) if name in layout.loose}
    counting = (f for f in grid.flaws if not (f.is_of_codes and f.column in loose))
    flaws = [_flaw(flaw, grid, sheet, layout) for flaw in by_line(counting)]
    if wrong := header_problems(sheet, layout, header_line, header):
        raise DataflowError(*wrong, *(f for f in flaws if f.line == header_line))
    blank = dict.fromkeys(layout.columns, "")
    rows = {line: blank | _named(header, cells) for line, cells in grid.lines[1:]}
    return CellTable(sheet, layout, rows, tuple(flaws))


def _named(header: list[str], cells: list[str]) -> dict[str, str]:
    """Give a line's cells by column; a line may be too short or too long, which is a flaw of it."""
    return {column: cell for column, cell in zip(header, cells, strict=False) if column}


def _flaw(flaw: Flaw, grid: Grid, sheet: Sheet, layout: Layout) -> Diagnostic:
    """Give a flaw its code and its place: the cell, or the line."""
    if flaw.column >= 0 and grid.letters:
        place = f"{grid.name}!{grid.letters[flaw.column]}{flaw.line}"
    else:
        named = grid.header[flaw.column] if 0 <= flaw.column < len(grid.header) else ""
        place = sheet.place(flaw.line, named)
    return Diagnostic(
        f"{layout.prefix}-{flaw.number}",
        flaw.message,
        place=place,
        fix=flaw.fix,
        severity="warning" if flaw.is_warning else "error",
        line=flaw.line,
        void=flaw.void,
    )


def header_problems(sheet: Sheet, layout: Layout, line: int, header: list[str]) -> list[Diagnostic]:
    """Find what is wrong with a header: unknown, missing and doubled columns."""

    def problem(number: str, column: str, message: str, fix: str) -> Diagnostic:
        place = sheet.place(line, column if column in header else "")
        return Diagnostic(f"{layout.prefix}-{number}", message, place=place, fix=fix)

    named = [column for column in header if column]
    if len(named) == 1 and (separator := next((c for c in ";\t|" if c in named[0]), "")):
        shown = {"\t": "tabs"}.get(separator, f"`{separator}`")
        fix = "save the table with commas between its cells"
        return [problem("906", "", f"the header is one cell, with {shown} in it", fix)]
    unknown = [column for column in dict.fromkeys(named) if column not in layout.columns]
    missing = [column for column in layout.required if column not in named]
    twice = sorted({column for column in named if named.count(column) > 1})
    remedy = f"remove or rename it; known are {listing(layout.columns, 20)}"
    return [
        *(problem("001", column, f"there is no column `{column[:80]}` in this table"
                  f"{did_you_mean(column, layout.columns)}", remedy) for column in unknown),
        *(problem("002", column, f"the column `{column}` is missing", "add it to the header")
          for column in missing),
        *(problem("907", column, f"the column `{column[:80]}` is there twice", "keep one")
          for column in twice),
    ]  # fmt: skip


def _no_table(reference: str, file: Path) -> Diagnostic:
    near = [
        other.name for other in file.parent.glob("*")
        if other != file and (other.suffix == ".csv" or is_workbook(other))
    ]  # fmt: skip
    what = (
        f"`{reference}` is a folder, no table"
        if file.is_dir()
        else f"there is no table `{reference}`"
    )
    return Diagnostic(
        "CFG-005",
        f"{what}{did_you_mean(file.name, near)}",
        place=reference,
        fix="correct the name in ai_dataflow.toml or put the table there",
    )


def unreadable(reference: str, error: UnreadableError) -> Diagnostic:
    """Tell why a table cannot be read."""
    return Diagnostic(
        "CFG-006",
        f"`{reference}` cannot be read: {error}",
        place=reference,
        fix=error.fix or "save it as .xlsx without a password, or as UTF-8 CSV with commas",
    )
