"""A small company whose rejects are replayed, and plain Python that knows what must be published.

ORION joins headers and lines on `No`, and the sheet may require that a line has a header, or a
header a line; VEGA's claims are appended. A value is a number, or one of two words that the sheet
can learn to read: `bad` and `n/a` then become the number of the sheet's edition, so that it shows
when a row was mapped.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.reject_groups import reject_groups
from ai_dataflow.workstation.reject_tables import Current
from ai_dataflow_tests.projects import project, text_file

CLIENTS = ("acme", "borealis")
SOURCES = ("header", "line", "claim")
WORDS = ("bad", "n/a")
TOML = """
    [workstation]
    url = "workstation"

    [modules.claims]
    max_rejected = "75%"
    max_rejected_rise = "100%"
    max_rows_fall = "100%"
"""
CONTROL = "product_code,module_name,submodule_name,client_code,module_location,active\n" + "".join(
    f"{product},claims,{source},{client},data/{client}/{source}.csv,Y\n"
    for client in CLIENTS
    for product, source in (("ORION", "header"), ("ORION", "line"), ("VEGA", "claim"))
)


@dataclass(frozen=True)
class Row:
    """A row of a source: its key, a name of its own, and a value that may be bad."""

    no: int
    name: str
    value: str


@dataclass(frozen=True)
class Mapped:
    """A row that passed, with the number that its value became."""

    row: Row
    number: int


@dataclass
class Sheet:
    """Which words the sheet reads in each source, whose names it requires, and its edition."""

    reads: dict[str, set[str]] = field(default_factory=lambda: {s: set() for s in SOURCES})
    requires: set[str] = field(default_factory=set)
    edition: int = 100

    def mapped(self, source: str, row: Row) -> Mapped | None:
        """Give the row as it is mapped; None where it is rejected."""
        if row.value not in WORDS:
            return Mapped(row, int(row.value))
        return Mapped(row, self.edition) if row.value in self.reads[source] else None

    def csv(self) -> str:
        """Give the sheet as people write it."""
        lines = [
            "module_name,product_code,submodule_name,source_column,ai_column,ai_type,is_key,transform,required"
        ]
        for product, source in (("ORION", "header"), ("ORION", "line"), ("VEGA", "claim")):
            value = "Value"
            for word in sorted(self.reads[source]):
                value = f"REPLACE({value}, '{word}', '{self.edition}')"
            fed_by = f',{source}_value,int64,,"{value}",' if self.reads[source] else (
                f"Value,{source}_value,int64,,,"
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
    """What readers must see of a client: the rows of each source that passed, and the others."""

    passed: dict[str, list[Mapped]]
    open: dict[str, list[Row]]

    @classmethod
    def of(cls, rows: dict[str, list[Row]], sheet: Sheet) -> Published:
        """Give what a run makes of a client's rows."""
        nothing: dict[str, list[Mapped]] = {source: [] for source in SOURCES}
        return cls(nothing, rows).replayed(sheet)

    @property
    def is_publishable(self) -> bool:
        """Whether there are rows, and no more than three in four of them are rejected."""
        lost, good = (sum(map(len, own.values())) for own in (self.open, self.passed))
        return good > 0 and lost * 4 <= (lost + good) * 3

    def replayed(self, sheet: Sheet) -> Published:
        """Give what a replay makes of it; as it is, where it would take published rows away."""
        late = {s: [(row, sheet.mapped(s, row)) for row in self.open[s]] for s in SOURCES}
        passed = {s: [*self.passed[s], *(m for _, m in late[s] if m)] for s in SOURCES}
        if self.is_refused(sheet):
            return self
        complete = _complete(passed, sheet)
        done = {mapped.row for own in complete.values() for mapped in own}
        left = {s: [row for row, _ in late[s] if row not in done] for s in SOURCES}
        return Published(complete, left)

    def is_refused(self, sheet: Sheet) -> bool:
        """Tell whether a replay would have to take away rows that are published."""
        is_late = any(sheet.mapped(s, row) for s in ("header", "line") for row in self.open[s])
        return is_late and _complete(self.passed, sheet) != self.passed

    def rows(self) -> Counter[tuple[object, ...]]:
        """Give the rows that readers see: lines beside their headers, claims below."""
        headers = {m.row.no: m for m in self.passed["header"]}
        found: Counter[tuple[object, ...]] = Counter()
        for line in self.passed["line"]:
            header = headers.get(line.row.no)
            name, number = (header.row.name, header.number) if header else (None, None)
            found[line.row.no, name, number, line.row.name, line.number, None, None] += 1
        with_lines = {line.row.no for line in self.passed["line"]}
        for no, header in headers.items():
            if no not in with_lines:
                found[no, header.row.name, header.number, None, None, None, None] += 1
        for claim in self.passed["claim"]:
            found[claim.row.no, None, None, None, None, claim.row.name, claim.number] += 1
        return found


def _complete(passed: dict[str, list[Mapped]], sheet: Sheet) -> dict[str, list[Mapped]]:
    """Leave out lines and headers that lack what is required of the row that they would make."""
    complete = dict(passed)
    for source, other in (("header", "line"), ("line", "header")):
        partners = {mapped.row.no for mapped in passed[other]}
        if other in sheet.requires:
            complete[source] = [m for m in passed[source] if m.row.no in partners]
    return complete


def make_company(folder: Path) -> Path:
    """Write the project without its data."""
    return project(folder, control=CONTROL, mapping=Sheet().csv(), toml=TOML)


def deliver(folder: Path, client: str, source: str, rows: list[Row]) -> None:
    """Write a source's file."""
    lines = ["No,Name,Value", *(f"{row.no},{row.name},{row.value}" for row in rows)]
    text_file(folder, f"data/{client}/{source}.csv", "\n".join(lines) + "\n")


def seen(folder: Path, client: str) -> Counter[tuple[object, ...]]:
    """Give the rows that readers see of a client."""
    table = pl.read_delta(str(folder / "workstation/claims"))
    own = table.filter(pl.col("client_code") == client)
    names = ("no", "header", "header_value", "line", "line_value", "claim", "claim_value")
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
