"""What shrinks waits: nobody reads it until it is accepted, and then exactly what was shown."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from ai_dataflow import load
from ai_dataflow.runs import modules
from ai_dataflow.runs.acceptance import Accepted, execute_acceptance
from ai_dataflow.runs.cleanup import clean
from ai_dataflow.runs.outcome import NOBODY
from ai_dataflow.runs.prospect import look_ahead, read_draft
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.layout import Folders, open_workstation
from ai_dataflow.workstation.lease import lease
from ai_dataflow.workstation.records import Record, read_records, updated_records
from ai_dataflow.workstation.reports import PartitionReport, RunReport, read_reports
from ai_dataflow.workstation.statuses import partition_statuses
from ai_dataflow_tests.projects import project, table, text_file
from ai_dataflow_tests.runs import spine

ACME, BOREALIS = "claims|acme", "claims|borealis"
CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/orion/acme.csv,Y
    VEGA,claims,claim,acme,data/vega/acme.csv,Y
    ORION,claims,claim,borealis,data/orion/borealis.csv,Y
"""
HEAD = "module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform\n"
MAPPING = f"""{HEAD}claims,ORION,claim,No,claim_id,int64,
claims,ORION,claim,,amount,float64,"REPLACE(Amount, 'n/a', '0')"
claims,VEGA,claim,No,claim_id,int64,
"""
# Without the transform five of eight rows have an amount that is none.
STRICT = MAPPING.replace(
    """,,amount,float64,"REPLACE(Amount, 'n/a', '0')\"""", ",Amount,amount,float64,"
)
CELL = "ai_mapping.csv:3:source_column"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give a project of two clients that ran once: all eight rows of ORION are published."""
    project(tmp_path, control=CONTROL, mapping=MAPPING)
    _deliver(tmp_path, "acme", ["1", "2", "3", *["n/a"] * 5])
    _deliver(tmp_path, "borealis", ["1", "2", "3", *["n/a"] * 5])
    _deliver(tmp_path, "acme", ["1"] * 9, product="vega")
    report = spine.run(tmp_path)
    assert report.exit_code == 0
    assert [p.is_first for p in report.partitions] == [True, True]
    return tmp_path


def _deliver(folder: Path, client: str, amounts: Sequence[str], product: str = "orion") -> None:
    rows = "".join(f"{number},{amount}\n" for number, amount in enumerate(amounts, 1))
    text_file(folder, f"data/{product}/{client}.csv", f"No,Amount\n{rows}")


def _edit(folder: Path, mapping: str = STRICT) -> None:
    table(folder, "ai_mapping", mapping)


def _rows(folder: Path, client: str, product: str = "ORION") -> int:
    seen = load("claims", client=client, config=folder).collect()
    return seen.filter(product_code=product).height


def _place(folder: Path) -> Folders:
    return open_workstation(load_project(folder).settings)


def _record(folder: Path, key: str = ACME) -> Record:
    return {str(k): r for k, r in read_records(_place(folder), ["claims"]).items()}[key]


def _of(report: RunReport, key: str = ACME) -> PartitionReport:
    (partition,) = [p for p in report.partitions if p.partition == key]
    return partition


def _states(folder: Path) -> dict[str, str]:
    reports = read_reports(_place(folder).reports())
    return {s.partition: s.state for s in partition_statuses([ACME, BOREALIS], reports)}


def _statuses(report: RunReport) -> dict[str, str]:
    return {p.partition: p.status for p in report.partitions}


def test_an_edit_that_rejects_five_of_eight_rows_waits(shop: Path) -> None:
    _edit(shop)
    report = spine.run_changed(shop)
    acme = _of(report)
    assert report.exit_code == 1
    assert (acme.status, acme.version) == ("waiting", None)
    assert (acme.rows_read, acme.rows_rejected, acme.rows_published) == (17, 5, 12)
    assert acme.error is not None
    assert (acme.error.code, acme.error.concern) == ("RUN-024", "mapping")
    assert (acme.error.owner, acme.error.place) == ("ai-mapping", CELL)
    assert acme.error.message == (
        "in 2 partitions together ORION would publish 6 rows, readers see 16 now; 10 of 16 (62.5%) "
        "would be rejected, before 0 of 16 (0.0%), 10 of them for REJ-001 (amount)"
    )
    assert "`ai-dataflow accept --sheet`" in acme.error.fix
    assert _rows(shop, "acme") == 8
    assert _states(shop) == {ACME: "waiting", BOREALIS: "waiting"}


def test_what_waits_is_not_made_again_and_told_again(shop: Path) -> None:
    _edit(shop)
    spine.run_changed(shop)
    shown = _record(shop).waiting
    ahead = look_ahead(read_draft(shop))
    assert (set(ahead.changes.waiting), dict(ahead.changes.due)) == ({ACME, BOREALIS}, {})
    again = spine.run_changed(shop)
    assert again.exit_code == 1
    assert _of(again).error == _of(again).errors[0]
    assert (_of(again).status, _of(again).rows_rejected) == ("waiting", 5)
    assert _record(shop).waiting == shown


def test_what_is_accepted_are_the_files_that_were_shown(shop: Path) -> None:
    _edit(shop)
    spine.run_changed(shop)
    shown = _record(shop).waiting
    assert shown is not None
    report = spine.accept(shop, ACME)
    assert _statuses(report) == {ACME: "ok"}
    assert (report.exit_code, _of(report).rows_published, _of(report).rows_rejected) == (0, 12, 5)
    current = reject_tables.current(_place(shop), "claims")["acme"]
    assert current.data == tuple(file.path for file in shown.data)
    assert current.rejects == tuple(file.path for file in shown.rejects)
    assert (_rows(shop, "acme"), _rows(shop, "borealis")) == (3, 8)
    assert _states(shop) == {ACME: "ok", BOREALIS: "waiting"}
    assert _statuses(spine.run_changed(shop)) == {ACME: "unchanged", BOREALIS: "waiting"}
    assert _statuses(spine.accept(shop, ACME)) == {ACME: "unchanged"}


def test_who_had_to_wait_for_another_run_looks_again(shop: Path) -> None:
    _edit(shop)
    spine.run_changed(shop)
    draft = read_draft(shop)
    with lease(_place(shop).leases("claims"), "claims", "another"):
        pass
    assert _statuses(execute_acceptance(draft, Accepted((ACME,)), "mine", NOBODY)) == {ACME: "ok"}
    draft = read_draft(shop)
    _deliver(shop, "borealis", ["1"] * 8)
    with lease(_place(shop).leases("claims"), "claims", "another"):
        pass
    refused = execute_acceptance(draft, Accepted((BOREALIS,)), "mine too", NOBODY)
    assert [e.code for e in _of(refused, BOREALIS).errors] == ["RUN-026"]


def test_a_source_that_shrinks_is_its_teams(shop: Path) -> None:
    _deliver(shop, "acme", ["1", "2", "3"])
    report = spine.run_changed(shop)
    acme = _of(report)
    assert (acme.status, _of(report, BOREALIS).status) == ("waiting", "unchanged")
    assert acme.error is not None
    assert (acme.error.concern, acme.error.owner) == ("source", "orion-data")
    assert acme.error.place == "control_table.csv:2:module_location"
    assert acme.error.message == "ORION would publish 3 rows, readers see 8 now"
    assert acme.error.fix == (
        "if it is right, `ai-dataflow accept 'claims|acme'` publishes it; else have the source "
        "delivered again, and run"
    )


@pytest.mark.parametrize(
    ("amounts", "status"),
    [
        (["1"] * 4, "ok"),  # half of the rows
        (["1"] * 3, "waiting"),  # more than half are gone
        (["1"] * 7 + ["bad"], "ok"),  # one bad row stops no others
        (["1"] * 6 + ["bad"] * 2, "waiting"),  # 25 points
        (["1"] * 30 + ["bad"] * 3, "ok"),  # 9 points
        (["1"] * 30 + ["bad"] * 4, "waiting"),  # 12 points
    ],
)
def test_the_limits_are_ten_points_of_rejects_and_half_of_the_rows(
    shop: Path, amounts: list[str], status: str
) -> None:
    _deliver(shop, "acme", amounts)
    assert _of(spine.run_changed(shop)).status == status


def test_a_product_that_left_the_control_table_waits_with_its_partition(shop: Path) -> None:
    table(shop, "control_table", CONTROL.replace("VEGA,claims", "VEGA,other"))
    acme = _of(spine.run_changed(shop))
    assert acme.status == "waiting"
    assert [e.message for e in acme.errors] == ["VEGA would publish 0 rows, readers see 9 now"]
    assert acme.errors[0].concern == "mapping"


def test_the_settings_say_how_much_a_module_may_shrink(shop: Path) -> None:
    _edit(shop)
    spine.run_changed(shop)
    with (shop / "ai_dataflow.toml").open("a") as settings:
        settings.write('[modules.claims]\nmax_rejected_rise = "100%"\nmax_rows_fall = "70%"\n')
    assert _statuses(spine.run_changed(shop)) == {ACME: "ok", BOREALIS: "ok"}


def test_what_changes_while_it_waits_is_judged_anew_and_cannot_be_accepted(shop: Path) -> None:
    _edit(shop)
    spine.run_changed(shop)
    _deliver(shop, "acme", ["1"] * 6)
    refused = spine.accept(shop, module="claims")
    assert _statuses(refused) == {ACME: "failed", BOREALIS: "ok"}
    assert [e.code for e in _of(refused).errors] == ["RUN-026"]
    assert _states(shop)[ACME] == "waiting"
    assert _rows(shop, "acme") == 8
    assert _statuses(spine.run_changed(shop)) == {ACME: "ok", BOREALIS: "unchanged"}
    assert _rows(shop, "acme") == 6


def test_a_sheet_that_is_mended_leaves_nothing_to_do(shop: Path) -> None:
    _edit(shop)
    spine.run_changed(shop)
    _edit(shop, MAPPING)
    assert _statuses(spine.run_changed(shop)) == {ACME: "unchanged", BOREALIS: "unchanged"}
    assert _states(shop) == {ACME: "ok", BOREALIS: "ok"}
    assert [e.code for e in _of(spine.accept(shop, ACME)).errors] == ["RUN-026"]


def test_who_accepts_over_another_version_is_refused(shop: Path) -> None:
    _edit(shop)
    spine.run_changed(shop)
    shown = _record(shop).waiting
    _edit(shop, MAPPING)
    spine.run(shop)
    _edit(shop)
    assert shown is not None
    with updated_records(_place(shop), "claims", {"acme": {"waiting": shown}}):
        pass
    refused = _of(spine.accept(shop, ACME))
    assert [e.code for e in refused.errors] == ["RUN-026"]
    assert "readers see another version" in refused.errors[0].message
    assert _rows(shop, "acme") == 8


@pytest.mark.proves(
    "commit", "missing", "RUN-026: what waited has lost its files; readers keep the version before"
)
def test_files_that_are_gone_cannot_be_accepted(shop: Path) -> None:
    _edit(shop)
    spine.run_changed(shop)
    shown = _record(shop).waiting
    assert shown is not None
    (shop / "workstation/claims" / shown.data[0].path).unlink()
    refused = _of(spine.accept(shop, ACME))
    assert [e.code for e in refused.errors] == ["RUN-026"]
    assert "removed its files" in refused.errors[0].message
    assert refused.errors[0].fix == "make it anew: ai-dataflow run -p 'claims|acme'"
    assert _rows(shop, "acme") == 8


def test_nothing_waits_of_what_was_not_run(shop: Path) -> None:
    _edit(shop)
    refused = spine.accept(shop, ACME)
    assert [e.code for e in _of(refused).errors] == ["RUN-025"]
    assert refused.exit_code == 1


def test_cleanup_leaves_what_waits(shop: Path) -> None:
    _edit(shop)
    spine.run_changed(shop)
    cleaned = clean(_place(shop), "cleanup", timedelta(0))["claims"]
    assert (cleaned.files, cleaned.problems) == ((), ())
    assert _statuses(spine.accept(shop, module="claims")) == {ACME: "ok", BOREALIS: "ok"}
    assert clean(_place(shop), "cleanup", timedelta(0))["claims"].files == ()


def test_files_of_what_was_judged_anew_are_left_over(shop: Path) -> None:
    _edit(shop)
    spine.run_changed(shop)
    first = _record(shop).waiting
    _deliver(shop, "acme", ["1", "n/a", "n/a"])
    spine.run_changed(shop)
    cleaned = clean(_place(shop), "cleanup", timedelta(0))["claims"]
    assert first is not None
    assert [Path(url).name for url in cleaned.files] == [Path(first.data[0].path).name]
    assert _statuses(spine.accept(shop, ACME)) == {ACME: "ok"}


def test_a_module_is_accepted_before_its_run_and_only_as_it_is_then(shop: Path) -> None:
    _edit(shop)
    before = spine.accept(shop, module="claims")
    assert (before.accepted, before.partitions, before.exit_code) == ([ACME, BOREALIS], [], 0)
    _deliver(shop, "borealis", ["1", "n/a"])  # nobody accepted this
    assert _statuses(spine.run_changed(shop)) == {ACME: "ok", BOREALIS: "waiting"}
    assert _rows(shop, "acme") == 3
    _deliver(shop, "acme", ["1"])
    assert _of(spine.run_changed(shop)).status == "waiting"


def test_a_sheet_is_accepted_before_its_run_whatever_is_delivered(shop: Path) -> None:
    _edit(shop)
    assert spine.accept(shop, sheet=True).accepted == [ACME, BOREALIS]
    _deliver(shop, "borealis", ["1", "n/a", "n/a", "1", "1"])
    assert _statuses(spine.run_changed(shop)) == {ACME: "ok", BOREALIS: "ok"}


def test_a_sheet_is_accepted_after_its_run_and_no_source(shop: Path) -> None:
    _edit(shop)
    _deliver(shop, "acme", ["1"] * 2, product="vega")
    spine.run_changed(shop)
    assert {e.concern for e in _of(spine.run_changed(shop)).errors} == {"mapping", "source"}
    assert _statuses(spine.accept(shop, sheet=True)) == {BOREALIS: "ok"}
    assert _statuses(spine.accept(shop, module="claims")) == {ACME: "ok"}


def test_rejects_of_what_waits_are_shown_and_not_replayed(shop: Path) -> None:
    _edit(shop)
    spine.run_changed(shop)
    current = reject_tables.current(_place(shop), "claims")["acme"]
    assert (current.rejects, len(current.unpublished)) == ((), 1)
    assert spine.replay(shop).partitions == []


def test_a_run_is_judged_by_what_a_replay_published(shop: Path) -> None:
    _edit(shop)
    spine.run_changed(shop)
    spine.accept(shop, module="claims")
    _edit(shop, MAPPING)
    assert _of(spine.replay(shop)).rows_replayed == 5
    assert _rows(shop, "acme") == 8
    _edit(shop)
    assert _of(spine.run_changed(shop)).status == "waiting"
    assert _rows(shop, "acme") == 8


def test_what_is_kept_for_a_joined_product_stays_while_it_waits(shop: Path) -> None:
    """A replay of rejects after the acceptance joins them with the rows that had passed."""
    table(shop, "control_table", CONTROL + "    ORION,claims,party,acme,data/party.csv,Y\n")
    text_file(shop, "data/party.csv", "No,Name\n" + "".join(f"{n},a{n}\n" for n in range(1, 9)))
    lenient = """
        module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,is_key
        claims,ORION,claim,No,claim_id,int64,,Y
        claims,ORION,claim,,amount,float64,"REPLACE(Amount, 'n/a', '0')",
        claims,VEGA,claim,No,claim_id,int64,,Y
        claims,ORION,party,No,claim_id,int64,,Y
        claims,ORION,party,Name,name,string,,
    """
    _edit(shop, lenient)
    assert _of(spine.run_changed(shop)).status == "ok"
    _edit(shop, lenient.replace("'n/a'", "'none'"))
    assert _of(spine.run_changed(shop)).status == "waiting"
    clean(_place(shop), "cleanup", timedelta(0))
    assert _of(spine.accept(shop, ACME)).status == "ok"
    _edit(shop, lenient)
    assert _of(spine.replay(shop, client="acme")).rows_replayed == 5


def test_a_replay_meanwhile_makes_what_waits_out_of_date(shop: Path) -> None:
    _deliver(shop, "acme", [*["1"] * 19, "bad"])
    assert _of(spine.run_changed(shop)).status == "ok"
    _edit(shop, MAPPING.replace("float64", "float64").replace("'n/a', '0'", "'bad', '0'"))
    _deliver(shop, "acme", ["1", "2"])
    assert _of(spine.run_changed(shop)).status == "waiting"
    assert _of(spine.replay(shop)).rows_replayed == 1
    assert [e.code for e in _of(spine.accept(shop, ACME)).errors] == ["RUN-026"]
    assert _rows(shop, "acme") == 20


def test_naming_a_partition_or_running_all_judges_it_too(shop: Path) -> None:
    _edit(shop)
    assert _of(spine.run(shop, [ACME])).status == "waiting"
    first = _record(shop).waiting
    assert _of(spine.run(shop)).status == "waiting"
    assert _record(shop).waiting != first
    assert _statuses(spine.accept(shop, ACME)) == {ACME: "ok"}


class Killed(BaseException):
    """What nothing catches, as nothing catches SIGKILL."""


def test_an_acceptance_that_could_not_note_itself_is_one(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    _edit(shop)
    spine.run_changed(shop)
    with monkeypatch.context() as patched, suppress(Killed):
        patched.setattr(modules, "keep_records", die)
        spine.accept(shop, ACME)
    assert _rows(shop, "acme") == 3
    assert _statuses(spine.run_changed(shop)) == {ACME: "unchanged", BOREALIS: "waiting"}
    assert _statuses(spine.accept(shop, ACME)) == {ACME: "unchanged"}
