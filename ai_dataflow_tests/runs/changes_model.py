"""A company that edits its sources, sheet, dictionary and control table, and runs what changed."""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
from pathlib import Path

import polars as pl
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.planning.draft import make_plan
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.readers import DatasetNotFoundError, read_dataset
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow_tests.projects import NO_LIMITS
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.recast_model import become, is_kept
from ai_dataflow_tests.workstation.profiled import check_all_profiles

CLIENTS = ("acme", "borealis", "cobalt")
MODULES = ("claims", "policies")
WAITS = "WST-002"
NAMES = {
    pl.Int64(): "int64", pl.String(): "string", pl.Date(): "date", pl.Float64(): "float64"
}  # fmt: skip
TOML = """
source_rules = "source_rules.csv"
ai_columns = "ai_columns.csv"
[sql.lyra]
url = "sqlite:///lyra.sqlite"
[workstation]
url = "{workstation}"
""" + "".join(f"[modules.{module}]\n{NO_LIMITS}" for module in MODULES)
# Of columns of any type.
COMPUTED = (
    "client_code",
    "CASE WHEN No IS NULL THEN product_code ELSE client_code END",
    "'all'",
)
# What the dictionary says of a column, by its columns below.
HELD = ("Y,,,,,", ",Y,,,,", ",,2,,,", ",,,50%,,", ",,,,,", "",
        "Y,,,,,N", ",Y,,,warn,", ",,2,,warn,N", ",,2,,,Y", ",,,50%,,N", ",,2,,error,N")  # fmt: skip
_INSERT = "INSERT INTO {} VALUES (?, ?, ?, ?)"
_UPDATE = "UPDATE {} SET Value = ?, Seen = ? WHERE Client = ?"
_DELETE = "DELETE FROM {0} WHERE Client = ? AND No = (SELECT MAX(No) FROM {0} WHERE Client = ?)"
clients = st.sampled_from(CLIENTS)
modules = st.sampled_from(MODULES)
values = st.sampled_from(["1", "2", "x", "007", "2024-01-31"])
kinds = st.sampled_from(["int64", "string", "date", "float64"])
wheres = st.sampled_from(["", "Value <> 'x'", "CAST(Value AS INT) > 1"])
uniques = st.sampled_from([",", "Value,latest:CAST(No AS INT)", "No,"])


class Company(RuleBasedStateMachine):
    """Edits a project as people do, and runs what changed."""

    def __init__(self) -> None:
        super().__init__()
        self._temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self._temporary.name)
        self.numbers = itertools.count(1)
        self.sheet = {
            (module, product, column): (column, kind, "")
            for module in MODULES
            for product in ("ORION", "LYRA")
            for column, kind in (("No", "int64"), ("Value", "int64"))
        }
        self.joins = dict.fromkeys(MODULES, "lookup")
        self.seen_rates = set(MODULES)
        self.dictionary: dict[tuple[str, str], str] = {}
        self.unpivots: dict[str, str] = {}
        self.rules: dict[tuple[str, str], str] = {}
        self.computed: dict[tuple[str, str], str] = {}
        self.inactive: set[tuple[str, str, str]] = set()
        self.moved: set[str] = set()
        self.touched = {f"{module}|{client}" for module in MODULES for client in CLIENTS}

    @initialize()
    def company(self) -> None:
        """Begin with files of one product, and a database of another that tells what changed."""
        (self.folder / "ai_dataflow.toml").write_text(TOML.format(workstation="workstation"))
        (self.folder / "teams.csv").write_text("team,email,concern,product_code,module_name\n")
        with sqlite3.connect(self.folder / "lyra.sqlite") as database:
            for module in MODULES:
                database.execute(f"CREATE TABLE {module} (No INTEGER, Value TEXT, Client TEXT, "
                                 "Seen INTEGER)")  # fmt: skip
                for client in CLIENTS:
                    number = next(self.numbers)
                    database.execute(_INSERT.format(module), (number, "1", client, number))
        for module, client in itertools.product(MODULES, CLIENTS):
            self._deliver(module, client, ["1", "2"])
        for module in MODULES:
            self._deliver_rates(module, [1, 2, 3])
        self._save()
        report = spine.run_changed(self.folder)  # a sheet that cannot be read would compare nothing
        assert not report.failed, report.failed
        self.touched.clear()

    @rule(module=modules, client=clients, rows=st.lists(values, min_size=1, max_size=4))
    def deliver(self, module: str, client: str, rows: list[str]) -> None:
        """Deliver a file anew."""
        self._deliver(module, client, rows)
        self.touched.add(f"{module}|{client}")

    @rule(module=modules, numbers=st.lists(st.integers(1, 60), min_size=1, max_size=9, unique=True))
    def deliver_rates(self, module: str, numbers: list[int]) -> None:
        """Deliver anew what all clients of ORION look up."""
        self._deliver_rates(module, numbers)
        self.touched |= {f"{module}|{client}" for client in CLIENTS}

    @rule(module=modules, join=st.sampled_from(["lookup", "left", "inner", "full", ""]),
          is_seen=st.booleans())  # fmt: skip
    def join(self, module: str, join: str, is_seen: bool) -> None:
        """Join rates in another way; publish them, or no more."""
        self.joins[module] = join
        self.seen_rates ^= {module} if is_seen != (module in self.seen_rates) else set()
        self.touched |= {f"{module}|{client}" for client in CLIENTS}
        self._save()

    @rule(module=modules, client=clients)
    def lose(self, module: str, client: str) -> None:
        """Lose a file."""
        self._file(module, client).unlink(missing_ok=True)
        self.touched.add(f"{module}|{client}")

    @rule(module=modules, client=clients, value=values, way=st.sampled_from(["add", "set", "drop"]))
    def write(self, module: str, client: str, value: str, way: str) -> None:
        """Add, change or delete a row of the shared table."""
        statement, given = {
            "add": (_INSERT, (number := next(self.numbers), value, client, number)),
            "set": (_UPDATE, (value, next(self.numbers), client)),
            "drop": (_DELETE, (client, client)),
        }[way]
        with sqlite3.connect(self.folder / "lyra.sqlite") as database:
            database.execute(statement.format(module), given)
        self.touched.add(f"{module}|{client}")

    @rule(module=modules, product=st.sampled_from(["ORION", "LYRA"]),
          column=st.sampled_from(["No", "Value", "Extra"]),
          kind=kinds | st.none(),
          text=st.sampled_from(["", "described"]))  # fmt: skip
    def edit(self, module: str, product: str, column: str, kind: str | None, text: str) -> None:
        """Edit, add or remove a mapping row; a type is the same in both products."""
        key, source = (module, product, column), "Value" if column == "Extra" else column
        if kind is None and column == "Extra":
            self.sheet.pop(key, None)
        elif kind is not None and (column != "Extra" or key not in self.sheet):
            self.sheet[key] = (source, kind, text)
            for other in [own for own in self.sheet if own[::2] == key[::2]]:
                self.sheet[other] = (source, kind, self.sheet[other][2])
        self.touched |= {f"{module}|{client}" for client in CLIENTS}
        self._save()

    @rule(module=modules, column=st.sampled_from(["No", "Value"]),
          said=st.sampled_from(HELD))  # fmt: skip
    def hold(self, module: str, column: str, said: str) -> None:
        """Say in the dictionary what must hold for a column, or nothing."""
        before = self.dictionary.pop((module, column), "")
        if said:
            self.dictionary[module, column] = said
        if {before, said} - {"", ",,,,,"}:  # a row that says nothing is none
            self.touched |= {f"{module}|{client}" for client in CLIENTS}
        self._save()

    @rule(module=modules, listed=st.sampled_from(["", "Value", "Value, No", "No AS 'n', Value"]))
    def unpivot(self, module: str, listed: str) -> None:
        """Let each row of the files become one for each listed column, or one as before.

        All that the sheet reads of them then is what is made.
        """
        if self.unpivots.get(module, "") == listed:
            return
        self.unpivots[module] = listed
        self.touched |= {f"{module}|{client}" for client in CLIENTS}
        self._save()

    @rule(module=modules, product=st.sampled_from(["ORION", "LYRA"]), where=wheres, unique=uniques)
    def take(self, module: str, product: str, where: str, unique: str) -> None:
        """Edit which rows of a source are taken."""
        before = self.rules.get((module, product), ",,")
        self.rules[module, product] = f"{where},{unique}"
        if self.rules[module, product] != before:
            self.touched |= {f"{module}|{c}" for c in CLIENTS
                             if (product, module, c) not in self.inactive}  # fmt: skip
        self._save()

    @rule(module=modules, product=st.sampled_from(["ORION", "LYRA", "*"]),
          text=st.sampled_from(COMPUTED) | st.none())  # fmt: skip
    def compute(self, module: str, product: str, text: str | None) -> None:
        """Edit, add or remove what is computed of a product's rows, or of every product's."""
        self.computed.pop((module, product), None)
        if text is not None:
            self.computed[module, product] = text
        self.touched |= {f"{module}|{client}" for client in CLIENTS}
        self._save()

    @rule(module=modules, client=clients, old=kinds, new=kinds,
          rows=st.lists(values, min_size=1, max_size=3))  # fmt: skip
    def fail(self, module: str, client: str, old: str, new: str, rows: list[str]) -> None:
        """Lose the file of a client while a type changes; each type has values in all files."""
        for each in CLIENTS:
            self.deliver(module, each, [*rows, "1", "2024-01-31"])
        self.edit(module, "ORION", "Value", old, "")
        failed = {p.partition for p in spine.run_changed(self.folder).failed}
        self.touched = failed & self._planned()
        self.lose(module, client)
        self.edit(module, "ORION", "Value", new, "")
        self.run()

    @rule(module=modules, client=clients, product=st.sampled_from(["ORION", "LYRA"]))
    def switch(self, module: str, client: str, product: str) -> None:
        """Deactivate a control row, or activate it again."""
        self.inactive ^= {(product, module, client)}
        self.touched.add(f"{module}|{client}")
        self._save()

    @rule()
    def reorder(self) -> None:
        """Turn the sheet upside down, which changes nothing."""
        self.sheet = dict(reversed(self.sheet.items()))
        self._save()

    @rule()
    def run(self) -> None:
        """Run what changed, and compare it with a run of everything from scratch.

        What would be published from scratch is published, or it waits for a client in the way.
        """
        report, planned = spine.run_changed(self.folder), self._planned()
        made = {p.partition for p in report.partitions if p.status != "unchanged"} & planned
        failed = {p.partition for p in report.failed} & planned
        by_itself = {p.partition for p in report.failed if p.errors[0].code != WAITS} & planned
        assert made <= self.touched
        full = self._full_run()
        assert {p.partition for p in full.failed} == by_itself
        for key in planned - failed:
            assert self._as_now(key) == _content(self.folder / "full.toml", key), key
        for module in {key.module for key in planned - failed}:
            self._check_types(module, failed)
        for key in failed - by_itself:
            assert self._waits(PartitionKey(key).module), f"nobody is in the way of {key}"
        self.touched = failed
        again = spine.run_changed(self.folder)
        assert {
            p.partition for p in again.partitions if p.status != "unchanged"
        } & planned == failed

    @invariant()
    def profiles_are_of_what_readers_see(self) -> None:
        """Of each client and product, in the types that the version has."""
        check_all_profiles(self.folder)

    def _planned(self) -> set[PartitionKey]:
        return set(make_plan(load_project(self.folder)).partitions)

    def _types(self, module: str) -> dict[str, str]:
        """Give the types that the sheet has."""
        plan = make_plan(load_project(self.folder))
        return {column.name: column.ai_type for column in plan.columns[module]}

    def _waits(self, module: str) -> dict[str, str]:
        """Give the columns that readers see in another type than the sheet's, with that type."""
        table = open_workstation(load_project(self.folder).settings).dataset(module)
        schema = read_dataset(table).collect_schema()
        seen = {name: NAMES[dtype] for name, dtype in schema.items()}
        return {n: seen.get(n, "") for n, t in self._types(module).items() if seen.get(n) != t}

    def _as_now(self, key: PartitionKey) -> list[tuple[object, ...]]:
        """Give the rows of a partition in the types of the sheet; none that waits is lost."""
        rows, waits = _content(self.folder, key), self._waits(key.module)
        types = self._types(key.module)
        for at, name in enumerate(types, 1):
            if old := waits.get(name):
                assert all(is_kept(row[at], old, types[name]) for row in rows)
                rows = [(*row[:at], become(row[at], types[name]), *row[at + 1 :]) for row in rows]
        return sorted(rows, key=repr)

    def _check_types(self, module: str, failed: set[PartitionKey]) -> None:
        """Make sure that whoever keeps a column from its type would lose a value of it."""
        types = self._types(module)
        for name, old in self._waits(module).items():
            if not old:
                continue
            table = open_workstation(load_project(self.folder).settings).dataset(module)
            rows = read_dataset(table).select("client_code", name).collect().rows()
            well = {key.client for key in self._planned() - failed if key.module == module}
            others = [value for client, value in rows if client not in well]
            assert not all(is_kept(value, old, types[name]) for value in others), name

    def _full_run(self) -> RunReport:
        text = TOML.format(workstation=f"full-{next(self.numbers)}")
        (self.folder / "full.toml").write_text(text)
        return spine.run(self.folder / "full.toml")

    def _file(self, module: str, client: str) -> Path:
        return self.folder / f"data/{module}/{client}/orion.csv"

    def _deliver(self, module: str, client: str, rows: list[str]) -> None:
        file = self._file(module, client)
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{next(self.numbers)},{value}\n" for value in rows)
        file.write_text(f"No,Value\n{lines}")

    def _deliver_rates(self, module: str, numbers: list[int]) -> None:
        lines = "".join(f"{number},{next(self.numbers)}\n" for number in numbers)
        (self.folder / f"data/{module}/rates.csv").write_text(f"No,Rate\n{lines}")

    def _save(self) -> None:
        rows = "".join(
            f"{module},{product},,,Whose,string,,,,{text}\n"
            for (module, product), text in self.computed.items()
        )
        rows += "".join(
            f"{module},{product},all,{self._read(module, product, source)},{column},{kind},{text},"
            f"{'Y' * (product == 'ORION' and column == 'No')},,\n"
            for (module, product, column), (source, kind, text) in self.sheet.items()
        )
        rows += "".join(
            f"{module},ORION,rates,No,No,{self.sheet[module, 'ORION', 'No'][1]},,Y,,\n"
            f"{module},ORION,rates,Rate,Rate,int64,,,{'NY'[module in self.seen_rates]},\n"
            for module in MODULES
        )
        header = "module_name,product_code,submodule_name,source_column,ai_column,ai_type"
        (self.folder / "ai_mapping.csv").write_text(
            f"{header},description,is_key,published,transform\n{rows}"
        )
        rules = "".join(f"{module},ORION,rates,,,,{join},\n" for module, join in self.joins.items())
        rules += "".join(map(self._rule, MODULES, ["ORION"] * len(MODULES)))
        rules += "".join(map(self._rule, MODULES, ["LYRA"] * len(MODULES)))
        header = "module_name,product_code,submodule_name,where,unique_by,keep,join,unpivot"
        (self.folder / "source_rules.csv").write_text(f"{header}\n{rules}")
        rows = "".join(f"{m},{column},{said}\n" for (m, column), said in self.dictionary.items())
        header = "module_name,ai_column,is_key,required,min,max_null,severity,blocks"
        (self.folder / "ai_columns.csv").write_text(f"{header}\n{rows}")
        rows = "".join(
            f"{product},{module},all,{client},{where},"
            f"{'N' if (product, module, client) in self.inactive else 'Y'}\n"
            for module, client in itertools.product(MODULES, CLIENTS)
            for product, where in (
                ("ORION", f"data/{module}/{client}/orion.csv"),
                ("LYRA", f"sql://lyra/{module}?client_column=Client&change_column=Seen"),
            )
        )
        rows += "".join(f"ORION,{m},rates,*,data/{m}/rates.csv,Y\n" for m in MODULES)
        header = "product_code,module_name,submodule_name,client_code,module_location,active"
        (self.folder / "control_table.csv").write_text(f"{header}\n{rows}")

    def _read(self, module: str, product: str, source: str) -> str:
        """Give the column that feeds an AI column: one that is made, where one is made of it."""
        is_made = product == "ORION" and source in self.unpivots.get(module, "")
        return "amount" if is_made else source

    def _rule(self, module: str, product: str) -> str:
        """Give the rule of a source; where its rows are unpivoted, all of them are kept."""
        taken, listed = self.rules.get((module, product), ",,"), self.unpivots.get(module, "")
        if product == "LYRA" or not listed:
            return f"{module},{product},all,{taken},,\n"
        where = taken.partition(",")[0].replace("Value", "amount")
        return f'{module},{product},all,{where},,,,"amount FOR name IN ({listed})"\n'

    def teardown(self) -> None:
        """Remove the company."""
        self._temporary.cleanup()


def _content(config: Path, key: str) -> list[tuple[object, ...]]:
    """Give the rows of a partition in the columns that the sheet has now, in any order."""
    project = load_project(config)
    module, _, client = key.partition("|")
    columns = [column.name for column in make_plan(project).columns[module]]
    try:
        rows = read_dataset(open_workstation(project.settings).dataset(module), client).collect()
    except DatasetNotFoundError:
        return []
    rows = rows.with_columns(
        pl.lit(None).alias(name) for name in columns if name not in rows.columns
    )
    return sorted(rows.select("product_code", *columns).rows(), key=repr)
