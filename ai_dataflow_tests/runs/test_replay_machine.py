"""Any order of runs, fixes, breakages, kills, replays: every row is in one place, and only there.

`AI_DATAFLOW_EXAMPLES` sets the number of histories.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ai_dataflow.runs.cleanup import clean
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation import publish as publishing
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.replay_model import (
    CLIENTS,
    SOURCES,
    WORDS,
    Published,
    Row,
    Sheet,
    deliver,
    make_company,
    open_rejects,
    replayable,
    seen,
)
from ai_dataflow_tests.workstation.profiled import check_all_profiles

STEPS = ("amend", "commit", "tidy")
values = st.sampled_from(["1", "2", "3", *WORDS])
some_clients = st.sampled_from([CLIENTS[:1], CLIENTS[1:], CLIENTS])


class Killed(BaseException):
    """What nothing catches, as nothing catches SIGKILL."""


class Company(RuleBasedStateMachine):
    """Does what people and machines do to a project; knows what must come of it."""

    def __init__(self) -> None:
        super().__init__()
        self._temporary = tempfile.TemporaryDirectory()
        self.folder = make_company(Path(self._temporary.name))
        self.sheet = Sheet()
        self.files: dict[str, dict[str, list[Row]]] = {}
        self.missing: set[str] = set()
        self.published: dict[str, Published] = {}
        self.named = 0

    def teardown(self) -> None:
        self._temporary.cleanup()

    @initialize()
    def deliver_first(self) -> None:
        for client in CLIENTS:
            self.files[client] = {}
            for source in SOURCES:
                self._deliver(client, source, ["1", "bad"])

    def _deliver(self, client: str, source: str, found: list[str]) -> None:
        """Deliver rows with names of their own; headers with keys of their own, lines in pairs."""
        rows = []
        for i, value in enumerate(found):
            self.named += 1
            rows.append(Row(i // (2 if source == "line" else 1), f"r{self.named}", value))
        self.files[client][source] = rows
        self.missing.discard(f"{client}/{source}")
        deliver(self.folder, client, source, rows)

    @rule(
        client=st.sampled_from(CLIENTS),
        source=st.sampled_from(SOURCES),
        found=st.lists(values, min_size=1, max_size=5),
    )
    def deliver_again(self, client: str, source: str, found: list[str]) -> None:
        self._deliver(client, source, found)

    @rule(client=st.sampled_from(CLIENTS), source=st.sampled_from(SOURCES))
    def lose_a_file(self, client: str, source: str) -> None:
        (self.folder / f"data/{client}/{source}.csv").unlink(missing_ok=True)
        self.missing.add(f"{client}/{source}")

    @rule(source=st.sampled_from(SOURCES), word=st.sampled_from(WORDS))
    def edit_the_sheet(self, source: str, word: str) -> None:
        self.sheet.reads[source] ^= {word}
        self.sheet.edition += 1
        (self.folder / "ai_mapping.csv").write_text(self.sheet.csv(), encoding="utf-8")

    @rule(join=st.sampled_from(("full", "left", "inner")))
    def join_otherwise(self, join: str) -> None:
        """Join lines to headers in another way."""
        self.sheet.join = join
        (self.folder / "source_rules.csv").write_text(self.sheet.rules(), encoding="utf-8")

    @rule()
    def unpivot_claims(self) -> None:
        """Let their rule make rows of one column, or no more; the values are the same."""
        self.sheet.unpivots ^= True
        (self.folder / "ai_mapping.csv").write_text(self.sheet.csv(), encoding="utf-8")
        (self.folder / "source_rules.csv").write_text(self.sheet.rules(), encoding="utf-8")

    @rule(source=st.sampled_from(("header", "line", "rate")))
    def require_a_partner(self, source: str) -> None:
        """Require it, or no more."""
        self.sheet.requires ^= {source}
        (self.folder / "ai_mapping.csv").write_text(self.sheet.csv(), encoding="utf-8")

    @rule(least=st.sampled_from([0, 2, 3]), is_key=st.booleans(), warns=st.booleans())
    def edit_the_dictionary(self, least: int, is_key: bool, warns: bool) -> None:
        """Say what must hold for claims, or that nothing must, or what is only told."""
        self.sheet.least, self.sheet.is_key, self.sheet.warns = least, is_key, warns
        (self.folder / "ai_columns.csv").write_text(self.sheet.dictionary(), encoding="utf-8")

    @rule(source=st.sampled_from(SOURCES), word=st.sampled_from(WORDS))
    def filter_a_word(self, source: str, word: str) -> None:
        """Filter it, or no more."""
        self.sheet.filters[source] ^= {word}
        (self.folder / "source_rules.csv").write_text(self.sheet.rules(), encoding="utf-8")

    @rule(source=st.sampled_from(("line", "claim")))
    def keep_the_latest(self, source: str) -> None:
        """Keep the latest row of each key, or all."""
        self.sheet.unique ^= {source}
        (self.folder / "source_rules.csv").write_text(self.sheet.rules(), encoding="utf-8")

    @rule(source=st.sampled_from(SOURCES), word=st.sampled_from(WORDS))
    def filter_and_replay(self, source: str, word: str) -> None:
        self.filter_a_word(source, word)
        self.replay()

    @rule(adds=st.sampled_from([0, 10]), strict=st.booleans())
    def edit_what_is_computed(self, adds: int, *, strict: bool) -> None:
        self.sheet.adds, self.sheet.strict = adds, strict
        (self.folder / "ai_mapping.csv").write_text(self.sheet.csv(), encoding="utf-8")

    @rule(clients=some_clients)
    def run(self, clients: tuple[str, ...]) -> None:
        report = spine.run(self.folder, [f"claims|{client}" for client in clients])
        self._expect_run(clients, report)

    @rule(clients=some_clients)
    def merge_the_last_extracts(self, clients: tuple[str, ...]) -> None:
        """It is as a run, or fails since a file is no longer the one that was extracted."""
        keys = [f"claims|{client}" for client in clients]
        report = spine.run(self.folder, keys, ["ai_dataset"])
        went_well = [p.partition.split("|")[1] for p in report.partitions if p.status == "ok"]
        self._expect_run(tuple(went_well), report)

    @rule(clients=some_clients)
    def extract_alone(self, clients: tuple[str, ...]) -> None:
        spine.run(self.folder, [f"claims|{client}" for client in clients], ["adls_extract"])

    @rule()
    def replay(self) -> None:
        report = spine.replay(self.folder)
        refused = {c for c, own in self.published.items() if own.is_refused(self.sheet)}
        failed = {(p.partition, *(e.code for e in p.errors)) for p in report.failed}
        assert failed == {(f"claims|{client}", "DAT-005") for client in refused}
        self._replayed(CLIENTS)

    @rule(source=st.sampled_from(SOURCES), word=st.sampled_from(WORDS))
    def fix_and_replay(self, source: str, word: str) -> None:
        self.edit_the_sheet(source, word)
        self.replay()

    @rule(client=st.sampled_from(CLIENTS), fixed=st.sampled_from(WORDS))
    def fix_a_partner_and_replay(self, client: str, fixed: str) -> None:
        """Lines are lost with two headers, of which one can be read later."""
        for source in SOURCES:
            self._deliver(client, source, ["1", *WORDS, "2", "3", "3"])
            if self.sheet.filters[source]:
                self.filter_a_word(source, next(iter(self.sheet.filters[source])))
        self.sheet.reads["header"].clear()
        self.sheet.requires.add("header")
        self.edit_the_sheet("claim", fixed)
        self.run((client,))
        self.fix_and_replay("header", fixed)

    @rule(client=st.sampled_from(CLIENTS))
    def replay_one(self, client: str) -> None:
        spine.replay(self.folder, client=client)
        self._replayed([client])

    @rule()
    def replay_dry(self) -> None:
        report = spine.replay(self.folder, dry_run=True)
        for partition in report.partitions:
            own = self.published[partition.partition.split("|")[1]]
            passed = own.replayed(self.sheet).passed
            passes = sum(len(passed[source]) - len(own.passed[source]) for source in SOURCES)
            assert own.is_refused(self.sheet) or partition.rows_replayed == passes

    @rule(step=st.sampled_from(STEPS), after=st.booleans())
    def run_killed(self, step: str, after: bool) -> None:
        if self._is_visible(lambda: spine.run(self.folder), step, after=after):
            self._expect_published(CLIENTS)
            for client in self._publishable(CLIENTS):
                self.published[client].taken = {}  # the record was to come

    @rule(step=st.sampled_from(STEPS), after=st.booleans())
    def replay_killed(self, step: str, after: bool) -> None:
        if self._is_visible(lambda: spine.replay(self.folder), step, after=after):
            self._replayed(CLIENTS)

    @rule()
    def clean_up(self) -> None:
        workstation = open_workstation(load_project(self.folder).settings)
        clean(workstation, "cleanup", timedelta(0))

    @invariant()
    def every_row_is_where_it_belongs(self) -> None:
        for client, own in self.published.items():
            assert seen(self.folder, client) == own.rows()
            names = Counter((s, row.name) for s, rows in own.open.items() for row in rows)
            assert open_rejects(self.folder, client) == replayable(self.folder, client) == names

    @precondition(lambda self: not self.published)
    @invariant()
    def nothing_is_published(self) -> None:
        assert not (self.folder / "workstation/claims/_delta_log").exists()

    @invariant()
    def profiles_are_of_what_readers_see(self) -> None:
        check_all_profiles(self.folder)

    def _expect_run(self, clients: tuple[str, ...], report: RunReport) -> None:
        well = {p.partition.split("|")[1] for p in report.partitions if p.status == "ok"}
        assert well == set(self._publishable(clients))
        self._expect_published(clients)

    def _expect_published(self, clients: tuple[str, ...]) -> None:
        for client in self._publishable(clients):
            self.published[client] = Published.of(self.files[client], self.sheet)

    def _publishable(self, clients: tuple[str, ...]) -> list[str]:
        return [
            client
            for client in clients
            if not any(gone.startswith(f"{client}/") for gone in self.missing)
            and Published.of(self.files[client], self.sheet).is_publishable
        ]

    def _replayed(self, clients: tuple[str, ...] | list[str]) -> None:
        for client in set(clients) & set(self.published):
            self.published[client] = self.published[client].replayed(self.sheet)

    def _is_visible(self, work: Callable[[], RunReport], step: str, *, after: bool) -> bool:
        """Do something and kill it at a step of publishing; tell whether readers see it."""
        committed = False

        def kill(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
            def step_of_it(*arguments: Any) -> Any:
                nonlocal committed
                if name == step and not after:
                    raise Killed
                done = real(*arguments)
                committed |= name == "commit"
                if name == step:
                    raise Killed
                return done

            return step_of_it

        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
            for name in STEPS:
                patch.setattr(publishing, name, kill(name, getattr(publishing, name)))
            work()
        return committed


Company.TestCase.settings = settings(
    max_examples=int(os.environ.get("AI_DATAFLOW_EXAMPLES", "12")),
    stateful_step_count=16,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestCompany = pytest.mark.slow(Company.TestCase)
