"""A small company whose rejects are replayed, and plain Python that knows what must be published.

ORION joins headers and lines on `No`, in a way that a rule names, and looks rates up; the sheet may
require that a line has a header, a header a line, or both a rate. VEGA's claims are appended. A
value is a number, or one of two words that the sheet can learn to read: `bad` and `n/a` then become
the number of the sheet's edition, so that it shows when a row was mapped. Of the product's rows the
sheet computes a mark: the value, and a number that may be edited; for a 3 it may fail.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.reject_groups import reject_groups
from ai_dataflow.workstation.reject_tables import Current
from ai_dataflow_tests.projects import project, text_file

CLIENTS = ("acme", "borealis")
PRODUCTS = {"header": "ORION", "line": "ORION", "rate": "ORION", "claim": "VEGA"}
SOURCES = tuple(PRODUCTS)
JOINED = ("header", "line", "rate")
WORDS = ("bad", "n/a")
TOML = """
    source_rules = "source_rules.csv"
    ai_columns = "ai_columns.csv"

    [workstation]
    url = "workstation"

    [modules.claims]
    max_rejected = "75%"
    max_rejected_rise = "100%"
    max_rows_fall = "100%"
    duplicate_keys = "reject"
"""
CONTROL = "product_code,module_name,submodule_name,client_code,module_location,active\n" + "".join(
    f"{product},claims,{source},{client},data/{client}/{source}.csv,Y\n"
    for client in CLIENTS
    for source, product in PRODUCTS.items()
)


@dataclass(frozen=True)
class Row:
    """A row of a source: its key, a name of its own, and a value that may be bad."""

    no: int
    name: str
    value: str


@dataclass(frozen=True)
class Mapped:
    """A row that passed, with the number that its value became, and what its mark adds to that."""

    row: Row
    number: int
    adds: int


@dataclass
class Sheet:
    """Which words the sheet reads in each source, whose names it requires, and its edition.

    The dictionary may say that numbers of claims are two at least, and that each is there once; or
    only warn of those that are not.
    Its rules filter words, and keep the latest row of each key in the sources of `unique`.
    `adds` is what a mark adds to the value; where it is `strict`, it fails for a 3.
    """

    reads: dict[str, set[str]] = field(default_factory=lambda: {s: set() for s in SOURCES})
    requires: set[str] = field(default_factory=set)
    edition: int = 100
    join: str = "full"
    least: int = 0
    is_key: bool = False
    warns: bool = False
    unpivots: bool = False  # the one column of VEGA's claims that has values
    filters: dict[str, set[str]] = field(default_factory=lambda: {s: set() for s in SOURCES})
    unique: set[str] = field(default_factory=set)
    adds: int = 0
    strict: bool = False

    def mapped(self, source: str, row: Row) -> Mapped | None:
        """Give the row as it is mapped; None where it is rejected."""
        if row.value not in WORDS:
            return Mapped(row, int(row.value), self.adds)
        is_read = row.value in self.reads[source]
        return Mapped(row, self.edition, self.adds) if is_read else None

    def fails(self, mapped: Mapped) -> bool:
        """Tell whether a row with such a value gets no mark."""
        return self.strict and mapped.number == 3

    def taken(self, source: str, rows: list[Row]) -> list[Row]:
        """Give the rows of a source that its rule takes."""
        left = [row for row in rows if row.value not in self.filters[source]]
        latest = {row.no: row for row in left}  # the names count up
        return [row for row in left if source not in self.unique or latest[row.no] == row]

    def said(self, source: str) -> tuple[object, ...]:
        """Give what the rule of a source says of its rows."""
        is_unpivoted = self.unpivots and source == "claim"
        return sorted(self.filters[source]), source in self.unique, is_unpivoted

    def rules(self) -> str:
        """Give the rules: which rows are taken, and how lines are joined to headers."""
        joins = {"line": self.join, "rate": "lookup"}
        lines = ["module_name,product_code,submodule_name,where,unique_by,keep,join,unpivot"]
        for source, product in PRODUCTS.items():
            words = ", ".join(f"'{word}'" for word in sorted(self.filters[source]))
            is_unpivoted = self.unpivots and source == "claim"
            column = "amount" if is_unpivoted else "Value"
            where = f'"{column} NOT IN ({words})"' if words else ""
            unpivot = "amount FOR what IN (Value)" if is_unpivoted else ""
            keep = '"latest:CAST(SUBSTR(Name, 2) AS INT)"'
            unique = f"No,{keep}" if source in self.unique else ","
            how = f"{joins.get(source, '')},{unpivot}"
            lines.append(f"claims,{product},{source},{where},{unique},{how}")
        return "\n".join(lines) + "\n"

    def holding(self, before: list[Mapped], late: list[Mapped]) -> list[Mapped]:
        """Give the late claims for which all holds, beside those that are published."""
        least, is_key = (0, False) if self.warns else (self.least, self.is_key)
        enough = [c for c in late if c.number >= least and not self.fails(c)]
        times = Counter(claim.number for claim in [*before, *enough])
        return [claim for claim in enough if not is_key or times[claim.number] == 1]

    def dictionary(self) -> str:
        """Give the dictionary as people write it."""
        severity = "warn" if self.warns else ""
        said = f"claims,claim_value,{self.least or ''},{'Y' * self.is_key},{severity}"
        return f"module_name,ai_column,min,is_key,severity\n{said}\n"

    def csv(self) -> str:
        """Give the sheet as people write it."""
        lines = [
            "module_name,product_code,submodule_name,source_column,ai_column,ai_type,is_key,transform,required"
        ]
        value = "COALESCE(line_value, claim_value)"
        mark = f"{value} + {self.adds}"
        if self.strict:
            mark = f"CASE WHEN 1 / ({value} - 3) IS NULL THEN NULL ELSE {mark} END"
        lines.append(f'claims,*,,,mark,int64,,"{mark}",')
        for source, product in PRODUCTS.items():
            column = value = "amount" if source == "claim" and self.unpivots else "Value"
            for word in sorted(self.reads[source]):
                value = f"REPLACE({value}, '{word}', '{self.edition}')"
            fed_by = f',{source}_value,int64,,"{value}",' if self.reads[source] else (
                f"{column},{source}_value,int64,,,"
            )  # fmt: skip
            key = "Y" if product == "ORION" else ""
            lines += [
                f"claims,{product},{source},No,no,int64,{key},,",
                f"claims,{product},{source},Name,{source},string,,,"
                + "Y" * (source in self.requires),
                f"claims,{product},{source},{fed_by}",
            ]
        return "\n".join(lines) + "\n"


@dataclass
class Published:
    """What readers must see of a client: the rows of each source that passed, and the others.

    Of those that passed, a join may leave some out. `join` is how lines were joined to headers,
    `adds` what the marks of these add, `unpivots` tells whether its claims were unpivoted when
    they were made, `taken` what the rules said by which a run took the rows, where its record is
    there.
    """

    passed: dict[str, list[Mapped]]
    open: dict[str, list[Row]]
    join: str = "full"
    unpivots: bool = False
    taken: dict[str, tuple[object, ...]] = field(default_factory=dict)
    adds: int = 0

    @classmethod
    def of(cls, rows: dict[str, list[Row]], sheet: Sheet) -> Published:
        """Give what a run makes of a client's rows."""
        nothing: dict[str, list[Mapped]] = {source: [] for source in SOURCES}
        taken = {source: sheet.taken(source, rows[source]) for source in SOURCES}
        said = {source: sheet.said(source) for source in SOURCES}
        made = cls(nothing, taken, sheet.join, sheet.unpivots, said, sheet.adds)
        return made.replayed(sheet)

    @property
    def is_publishable(self) -> bool:
        """Whether joins leave rows, and no more than three in four of all are rejected."""
        lost, good = (sum(map(len, own.values())) for own in (self.open, self.passed))
        return good > 0 and lost * 4 <= (lost + good) * 3 and bool(self.rows())

    def replayed(self, sheet: Sheet) -> Published:
        """Give what a replay makes of it; as it is, where it would take published rows away."""
        if self.is_refused(sheet):
            return self
        late = self._with_late(sheet)
        complete = _complete(late, sheet) if self._joins_anew(sheet) else late
        done = {mapped.row for own in complete.values() for mapped in own}
        left = {s: [row for row in self._left(s, sheet) if row not in done] for s in SOURCES}
        is_joined_anew = any(len(complete[s]) > len(self.passed[s]) for s in JOINED)
        how = sheet if is_joined_anew else self
        return Published(complete, left, how.join, self.unpivots, self.taken, how.adds)

    def _joins_anew(self, sheet: Sheet) -> bool:
        """Tell whether a row of the joined product comes late: else it stays as it is."""
        return any(sheet.mapped(s, row) for s in JOINED for row in self._left(s, sheet))

    def _with_late(self, sheet: Sheet) -> dict[str, list[Mapped]]:
        late = {s: [sheet.mapped(s, row) for row in self._left(s, sheet)] for s in SOURCES}
        passing = {s: list(filter(None, late[s])) for s in SOURCES}
        passing["claim"] = sheet.holding(self.passed["claim"], passing["claim"])
        return {s: [*self.passed[s], *passing[s]] for s in SOURCES}

    def is_refused(self, sheet: Sheet) -> bool:
        """Tell whether a replay would have to take away, or change, rows that are published."""
        if self.open["claim"] and self.unpivots != sheet.unpivots:  # they were made otherwise
            return True
        if any(self.open[s] and s in sheet.unique and sheet.said(s) != self.taken.get(s)
               for s in SOURCES):  # fmt: skip
            return True  # other rows might be kept
        if not self._joins_anew(sheet):
            return False
        complete = _complete(self._with_late(sheet), sheet)
        stays = all(mapped in complete[s] for s in SOURCES for mapped in self.passed[s])
        return not stays or replace(self, join=sheet.join, adds=sheet.adds).rows() != self.rows()

    def _left(self, source: str, sheet: Sheet) -> list[Row]:
        """Give the rejects of a source that its rule does not filter."""
        return [row for row in self.open[source] if row.value not in sheet.filters[source]]

    def rows(self) -> Counter[tuple[object, ...]]:
        """Give the rows that readers see: lines beside their headers and rates, claims below."""
        headers = {m.row.no: m for m in self.passed["header"]}
        rates = {m.row.no: m for m in self.passed["rate"]}
        found: Counter[tuple[object, ...]] = Counter()

        def add(no: int, header: Mapped | None, line: Mapped | None) -> None:
            parts = [(m.row.name, m.number) if m else (None, None)
                     for m in (header, line, rates.get(no), None)]  # fmt: skip
            mark = line.number + self.adds if line else None
            found[no, *(value for part in parts for value in part), mark] += 1

        for line in self.passed["line"]:
            if line.row.no in headers or self.join == "full":
                add(line.row.no, headers.get(line.row.no), line)
        with_lines = {line.row.no for line in self.passed["line"]}
        for no, header in headers.items():
            if no not in with_lines and self.join != "inner":
                add(no, header, None)
        for claim in self.passed["claim"]:
            found[
                claim.row.no, *[None] * 6, claim.row.name, claim.number, claim.number + claim.adds
            ] += 1
        return found


def _complete(passed: dict[str, list[Mapped]], sheet: Sheet) -> dict[str, list[Mapped]]:
    """Leave out lines and headers that are in no row that has all that is required, and a mark.

    One that the join leaves out makes none, and stays.
    """
    numbers = {source: {mapped.row.no for mapped in passed[source]} for source in JOINED}

    def has_all(mapped: Mapped, other: str) -> bool:
        return all(mapped.row.no in numbers[each] for each in {other, "rate"} & sheet.requires)

    def is_alone(line: Mapped) -> bool:
        return line.row.no not in numbers["header"] and sheet.join != "full"

    lines = [
        line
        for line in passed["line"]
        if is_alone(line) or (has_all(line, "header") and not sheet.fails(line))
    ]
    with_line = {line.row.no for line in lines}
    headers = [
        header
        for header in passed["header"]
        if (
            header.row.no in with_line
            if header.row.no in numbers["line"]
            else sheet.join == "inner" or has_all(header, "line")
        )
    ]
    return passed | {"header": headers, "line": lines}


def make_company(folder: Path) -> Path:
    """Write the project without its data."""
    text_file(folder, "source_rules.csv", Sheet().rules())
    text_file(folder, "ai_columns.csv", Sheet().dictionary())
    return project(folder, control=CONTROL, mapping=Sheet().csv(), toml=TOML)


def deliver(folder: Path, client: str, source: str, rows: list[Row]) -> None:
    """Write a source's file."""
    lines = ["No,Name,Value", *(f"{row.no},{row.name},{row.value}" for row in rows)]
    text_file(folder, f"data/{client}/{source}.csv", "\n".join(lines) + "\n")


def seen(folder: Path, client: str) -> Counter[tuple[object, ...]]:
    """Give the rows that readers see of a client."""
    table = pl.read_delta(str(folder / "workstation/claims"))
    own = table.filter(pl.col("client_code") == client)
    names = ("no", "header", "header_value", "line", "line_value", "rate", "rate_value", "claim",
             "claim_value", "mark")  # fmt: skip
    return Counter(own.select(names).rows())


def open_rejects(folder: Path, client: str) -> Counter[tuple[str, str]]:
    """Give the open rejects of a client as they are shown: the source and the row's name."""
    workstation = open_workstation(load_project(folder).settings)
    groups = reject_groups(workstation, "claims", client, samples=1_000)
    return Counter(
        (group.submodule, sample["raw_row"]["Name"])
        for group in groups
        if group.state == "open"
        for sample in group.samples
    )


def replayable(folder: Path, client: str) -> Counter[tuple[str, str]]:
    """Give the open rejects of a client as a replay finds them."""
    workstation = open_workstation(load_project(folder).settings)
    current = reject_tables.current(workstation, "claims").get(client, Current())
    rows = (
        reject_tables.scan(workstation, "claims", current.rejects)
        .filter(reject_tables.IS_OPEN)
        .collect()
    )
    return Counter(
        (submodule, json.loads(raw)["Name"])
        for submodule, raw in rows.select("submodule_name", "raw_row").iter_rows()
    )
