"""Any order of deliveries, edits, runs, acceptances and cleanups: readers see what a model says.

`AI_DATAFLOW_EXAMPLES` sets the number of histories.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ai_dataflow import load
from ai_dataflow.runs.cleanup import clean
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow_tests.projects import project, table, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.workstation.profiled import check_all_profiles

CLIENTS = ("acme", "borealis")
CONTROL = "product_code,module_name,submodule_name,client_code,module_location,active\n" + "".join(
    f"ORION,claims,claim,{client},data/{client}.csv,Y\n" for client in CLIENTS
)
HEAD = "module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform\n"
NO = "claims,ORION,claim,No,claim_id,int64,\n"
SHEETS = {
    "lenient": f"""{HEAD}{NO}claims,ORION,claim,,amount,int64,"REPLACE(Amount, 'n/a', '0')"\n""",
    "strict": f"{HEAD}{NO}claims,ORION,claim,Amount,amount,int64,\n",
}
clients = st.sampled_from(CLIENTS)
# Rows that are good, that only the lenient sheet can read, and that are bad: about the limits.
deliveries = st.sampled_from([(8, 0, 0), (4, 0, 0), (3, 0, 0), (3, 5, 0), (7, 0, 1), (6, 0, 2)])


@dataclass(frozen=True)
class State:
    """What a partition would be made from: a delivery, by its number, and a sheet."""

    delivery: int
    amounts: tuple[str, ...]
    sheet: str

    @property
    def good(self) -> tuple[int, ...]:
        """The amounts that are published."""
        read = [a.replace("n/a", "0") if self.sheet == "lenient" else a for a in self.amounts]
        return tuple(int(amount) for amount in read if amount.isdigit())

    @property
    def rejected(self) -> int:
        """How many rows are rejected."""
        return len(self.amounts) - len(self.good)

    def shrinks(self, before: State) -> bool:
        """Tell whether it is half of what was there or less, or 10 points more are rejected."""
        lost, bad = len(before.good) - len(self.good), self.rejected - before.rejected
        now, then = self.rejected / len(self.amounts), before.rejected / len(before.amounts)
        return (lost > 1 and lost * 2 > len(before.good)) or (bad > 1 and now - then > 0.1)


@dataclass
class Client:
    """What is published of a client, in which making; what waits, and what is accepted."""

    state: State | None = None
    making: int = 0
    waiting: tuple[State, int, bool] | None = None
    accepted: object = None


class Company(RuleBasedStateMachine):
    """Does what people do; knows what readers must see."""

    def __init__(self) -> None:
        super().__init__()
        self._temporary = tempfile.TemporaryDirectory()
        self.folder = project(Path(self._temporary.name), control=CONTROL, mapping=SHEETS["strict"])
        self.numbers = itertools.count(1)
        self.sheet = "lenient"
        self.files: dict[str, tuple[int, tuple[str, ...]]] = {}
        self.clients = {client: Client() for client in CLIENTS}

    def teardown(self) -> None:
        self._temporary.cleanup()

    @initialize()
    def begin(self) -> None:
        table(self.folder, "ai_mapping", SHEETS[self.sheet])
        for client in CLIENTS:
            self.deliver(client, (4, 4, 0))
        self.run(full=False)

    @rule(client=clients, rows=deliveries)
    def deliver(self, client: str, rows: tuple[int, int, int]) -> None:
        ones, gaps, bad = rows
        amounts = (*["1"] * ones, *["n/a"] * gaps, *["bad"] * bad)
        number = next(self.numbers)
        self.files[client] = (number, amounts)
        rows = "".join(f"{number},{amount}\n" for amount in amounts)
        text_file(self.folder, f"data/{client}.csv", f"No,Amount\n{rows}")

    @rule()
    def edit(self) -> None:
        self.sheet = "strict" if self.sheet == "lenient" else "lenient"
        table(self.folder, "ai_mapping", SHEETS[self.sheet])

    @rule(full=st.booleans())
    def run(self, *, full: bool) -> None:
        report = spine.run(self.folder) if full else spine.run_changed(self.folder)
        expected = {client: self._made(client, full=full) for client in CLIENTS}
        assert _statuses(report) == expected

    def _now(self, client: str) -> State:
        return State(*self.files[client], self.sheet)

    def _stands(self, client: str) -> bool:
        """Tell whether what waits is what would be made, over what readers see."""
        own = self.clients[client]
        return bool(own.waiting) and own.waiting[:2] == (self._now(client), own.making)

    def _made(self, client: str, *, full: bool) -> str:
        """Make a client, as a run should; give the status that it should report."""
        own, now = self.clients[client], self._now(client)
        if not full and (self._stands(client) or own.state == now):
            return "waiting" if self._stands(client) else "unchanged"
        is_accepted = own.accepted in (now, now.sheet)
        if own.state and now.shrinks(own.state) and not is_accepted:
            own.waiting = (now, own.making, now.sheet != own.state.sheet)
            return "waiting"
        self._publish(own, now)
        return "ok"

    def _publish(self, own: Client, now: State) -> None:
        own.state, own.making, own.waiting, own.accepted = now, next(self.numbers), None, None

    @rule(client=clients)
    def accept(self, client: str) -> None:
        own, now = self.clients[client], self._now(client)
        report = spine.accept(self.folder, f"claims|{client}")
        if own.waiting:
            expected = self._accepted(client)
        else:
            expected = "unchanged" if own.state == now else "failed"
        assert _statuses(report) == {client: expected}

    @rule(sheet=st.booleans())
    def accept_many(self, *, sheet: bool) -> None:
        report = spine.accept(self.folder, module="" if sheet else "claims", sheet=sheet)
        expected, to_come = {}, []
        for client, own in self.clients.items():
            now = self._now(client)
            if own.state == now:
                continue
            if own.waiting:
                if own.waiting[2] or not sheet:
                    expected[client] = self._accepted(client)
            elif not sheet or (own.state and own.state.sheet != now.sheet):
                own.accepted = now.sheet if sheet else now
                to_come.append(f"claims|{client}")
        assert _statuses(report) == expected
        assert report.accepted == to_come

    def _accepted(self, client: str) -> str:
        if not self._stands(client):
            return "failed"
        self._publish(self.clients[client], self._now(client))
        return "ok"

    @rule()
    def clean(self) -> None:
        workstation = open_workstation(load_project(self.folder).settings)
        assert clean(workstation, "cleanup", timedelta(0))["claims"].problems == ()

    @invariant()
    def profiles_are_of_what_readers_see(self) -> None:
        check_all_profiles(self.folder)

    @invariant()
    def readers_see_what_was_published(self) -> None:
        for client, own in self.clients.items():
            if own.state:
                rows = load("claims", client=client, config=self.folder).collect()
                wanted = [(own.state.delivery, amount) for amount in own.state.good]
                assert sorted(rows.select("claim_id", "amount").rows()) == sorted(wanted)


def _statuses(report: RunReport) -> dict[str, str]:
    return {p.partition.partition("|")[2]: p.status for p in report.partitions}


@pytest.mark.timeout(0)
@pytest.mark.slow
def test_readers_see_what_was_published_or_accepted() -> None:
    Company.TestCase.settings = settings(
        max_examples=int(os.environ.get("AI_DATAFLOW_EXAMPLES", "5")),
        stateful_step_count=15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    Company.TestCase("runTest").runTest()
