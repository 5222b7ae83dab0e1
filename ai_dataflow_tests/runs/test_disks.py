"""A disk that is full or read-only: readers keep the old version, the rest goes on, it passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ai_dataflow import load
from ai_dataflow.workstation.reports import ErrorReport, RunReport
from ai_dataflow_tests.disks import Disk, MakeDisk
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.runs.runs import cli, dagster_statuses, run_project

# `acme` is all good, `borealis` has a reject, `cirrus` is in a database; `fees` is another module.
CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/acme.csv,Y
    ORION,claims,claim,borealis,data/borealis.csv,Y
    LYRA,claims,claim,cirrus,sql://lyra/claims,Y
    ORION,fees,fee,acme,data/fees.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,*,claim,No,claim_id,int64
    claims,*,claim,Amount,amount,float64
    fees,*,fee,No,fee_id,int64
"""
TOML = """
    [workstation]
    url = "workstation"
    [sql.lyra]
    url = "sqlite:///data/lyra.sqlite"
"""
CLAIMS = {"claims|acme", "claims|borealis", "claims|cirrus"}
ALL = {*CLAIMS, "fees|acme"}


@dataclass(frozen=True)
class Shop:
    """A project of four partitions."""

    folder: Path

    def deliver(self, first: int) -> None:
        """Let all products deliver rows with numbers of their own."""
        rows = {"acme": "{0},1.5\n{1},2.5\n", "borealis": "{0},3.5\n{1},much\n", "fees": "{0},\n"}
        for name, text in rows.items():
            given = "No,Amount\n" + text.format(first, first + 1)
            text_file(self.folder, f"data/{name}.csv", given)
        table = pl.DataFrame({"No": [first, first + 1], "Amount": [4.5, 5.5]})
        url = f"sqlite:///{self.folder}/data/lyra.sqlite"
        table.write_database("claims", url, if_table_exists="replace")

    def claims(self) -> pl.DataFrame:
        """Give what readers see of the claims."""
        return load("claims", config=self.folder).collect().sort("client_code", "claim_id")

    def numbers(self) -> list[int]:
        """Give the published claims, by client and number."""
        return self.claims()["claim_id"].to_list()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(project(tmp_path / "p", control=CONTROL, mapping=MAPPING, toml=TOML))
    made.deliver(1)
    return made


def _published(first: int) -> list[int]:
    """Give the numbers that are published of a delivery: two of acme, one of borealis, two more."""
    return [first, first + 1, first, first, first + 1]


def _errors(report: RunReport) -> dict[str, ErrorReport]:
    assert all(p.error for p in report.failed)
    return {p.partition: p.error for p in report.failed if p.error}


def _full(shop: Shop, disk: Disk) -> dict[str, ErrorReport]:
    """Run once with space and once, after a delivery, without; give what failed."""
    assert run_project(shop.folder).exit_code == 0
    before = shop.claims()
    shop.deliver(11)
    disk.fill()
    report = run_project(shop.folder)
    assert report.exit_code == 1
    errors = _errors(report)
    statuses = dagster_statuses(shop.folder, "ai_dataset")
    assert {key for key, status in statuses.items() if status == "FAILED"} == set(errors)
    gone = pl.col("client_code").is_in([key.partition("|")[2] for key in errors])
    assert_frame_equal(shop.claims().filter(gone), before.filter(gone))
    return errors


def _told(error: ErrorReport, place: Path, why: str = "no space is left on its disk") -> None:
    """Make sure that an error says what, where, what to do, and whose it is."""
    assert (error.code, error.owner, error.place) == ("WST-001", "ai-platform", str(place))
    assert error.message == f"{place} cannot be used: {why}"
    assert error.fix.endswith("then run the failed partitions again")


def _passes(shop: Shop, disk: Disk) -> None:
    """Run with space again: everything is there that was to be, once."""
    disk.free()
    report = run_project(shop.folder)
    assert report.exit_code == 0
    assert shop.numbers() == _published(11)
    rejects = pl.read_delta(str(shop.folder / "workstation/_rejects/claims"))
    assert ["12" in row for row in rejects["raw_row"]] == [True]
    assert set(dagster_statuses(shop.folder, "ai_dataset").values()) == {"MATERIALIZED"}


@pytest.mark.proves(
    "write",
    "full",
    "WST-001: no space; that partition fails, its old data stays, the piece of a file is gone",
)
def test_a_full_disk_while_data_is_written_fails_that_partition(
    shop: Shop, make_disk: MakeDisk
) -> None:
    claims = shop.folder / "workstation/claims"
    disk = make_disk(claims / "client_code=acme")
    errors = _full(shop, disk)
    assert set(errors) == {"claims|acme"}
    _told(errors["claims|acme"], claims)
    assert len(disk.left()) == 1, "what could not be written whole is gone, the old file is there"
    _passes(shop, disk)


@pytest.mark.proves(
    "write", "full", "WST-001: no space for rejects; no row is published without them"
)
def test_a_full_disk_while_rejects_are_written_publishes_no_row_without_them(
    shop: Shop, make_disk: MakeDisk
) -> None:
    """The others are published: that older rejects leave needs no space, and can wait."""
    disk = make_disk(shop.folder / "workstation/_rejects")
    errors = _full(shop, disk)
    assert set(errors) == {"claims|borealis"}
    for error in errors.values():
        _told(error, disk.folder / "claims")
    assert sum(name.endswith(".parquet") for name in disk.left()) == 1
    _passes(shop, disk)


@pytest.mark.proves(
    "commit",
    "full",
    "WST-001: no space; the module's partitions fail, readers keep the old version",
)
def test_a_full_disk_at_the_commit_publishes_nothing_of_the_module(
    shop: Shop, make_disk: MakeDisk
) -> None:
    claims = shop.folder / "workstation/claims"
    disk = make_disk(claims / "_delta_log")
    errors = _full(shop, disk)
    assert set(errors) == CLAIMS
    for error in errors.values():
        _told(error, claims)
    assert disk.left() == {f"{0:020}.json"}
    _passes(shop, disk)


@pytest.mark.proves(
    "read SQL",
    "full",
    "WST-001: no space for the copy; the partition fails, its last copy and old data stay",
)
def test_a_full_disk_while_a_table_is_copied_leaves_the_last_copy(
    shop: Shop, make_disk: MakeDisk
) -> None:
    disk = make_disk(shop.folder / "workstation/_staging/claims/cirrus")
    errors = _full(shop, disk)
    assert set(errors) == {"claims|cirrus"}
    _told(errors["claims|cirrus"], disk.folder)
    kept = sorted(Path(name).suffix for name in disk.left())
    assert kept == [".json", ".parquet"]
    _passes(shop, disk)


def test_a_full_workstation_fails_all_and_keeps_all(shop: Shop, make_disk: MakeDisk) -> None:
    disk = make_disk(shop.folder / "workstation")
    errors = _full(shop, disk)
    assert set(errors) == ALL
    for partition, error in errors.items():
        _told(error, disk.folder / "_leases" / partition.partition("|")[0])
    _passes(shop, disk)


def _kept(shop: Shop) -> list[Path]:
    return list((shop.folder / ".cache/ai_dataflow/runs").glob("*.json"))


@pytest.mark.proves(
    "report",
    "full",
    "WST-001, exit code 1; the data is published, the report kept here and delivered later",
)
def test_a_full_disk_at_the_report_keeps_it_beside_the_project(
    shop: Shop, make_disk: MakeDisk
) -> None:
    disk = make_disk(shop.folder / "workstation/_runs")
    assert run_project(shop.folder).exit_code == 0
    shop.deliver(11)
    disk.fill()
    report = run_project(shop.folder)
    assert (report.exit_code, report.failed) == (1, [])
    assert report.unreported == [
        f"WST-001 {disk.folder} cannot be used: no space is left on its disk"
    ]
    assert shop.numbers() == _published(11), "the data is published all the same"
    (kept,) = _kept(shop)
    assert RunReport.model_validate_json(kept.read_text()).run_id == report.run_id
    _passes(shop, disk)
    assert _kept(shop) == []
    assert kept.name in disk.left()


@pytest.mark.usefixtures("in_process")
@pytest.mark.proves(
    "transform",
    "full",
    "RUN-002: no scratch space; the partition fails, its old data stays, TMPDIR helps",
)
def test_full_scratch_space_is_no_fault_of_the_mapping(
    shop: Shop, make_disk: MakeDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = make_disk(tmp_path / "scratch")
    monkeypatch.setattr("tempfile.tempdir", str(disk.folder))
    monkeypatch.setattr("ai_dataflow.partition.scratch.SPILL_BYTES", 0)
    errors = _full(shop, disk)
    assert set(errors) == ALL
    for error in errors.values():
        assert (error.code, error.owner, error.place) == (
            "RUN-002", "ai-platform", str(disk.folder),
        )  # fmt: skip
        assert "no space is left" in error.message
        assert "TMPDIR" in error.fix
    assert disk.left() == set()
    _passes(shop, disk)


@pytest.mark.proves("write", "denied", "WST-001: read-only; readers keep the old version")
@pytest.mark.proves(
    "commit", "denied", "WST-001: read-only; nothing is published, other modules go on"
)
@pytest.mark.parametrize("where", ["workstation", "workstation/claims"])
def test_a_read_only_workstation_is_told_as_that(
    shop: Shop, make_disk: MakeDisk, where: str
) -> None:
    disk = make_disk(shop.folder / where)
    assert run_project(shop.folder).exit_code == 0
    before = shop.claims()
    disk.make_read_only()
    errors = _errors(run_project(shop.folder))
    assert set(errors) == (ALL if where == "workstation" else CLAIMS)
    for error in errors.values():
        _told(error, Path(error.place), "its file system is read-only")
    assert_frame_equal(shop.claims(), before)
    for command in ("status", "validate", "plan"):
        assert "Traceback" not in cli(shop.folder, command).stderr
    disk.make_read_only(read_only=False)
    assert run_project(shop.folder).exit_code == 0


@pytest.fixture
def elsewhere(tmp_path: Path) -> str:
    """Give settings with a workstation that is not in the project's folder."""
    return TOML.replace('"workstation"', f'"{tmp_path}/elsewhere"')


@pytest.mark.parametrize("is_new", [True, False], ids=["without an instance", "with one"])
def test_a_read_only_project_needs_an_instance_elsewhere(
    make_disk: MakeDisk, tmp_path: Path, elsewhere: str, is_new: bool
) -> None:
    disk = make_disk(tmp_path / "p", 16)
    project(disk.folder, toml=elsewhere)
    if not is_new:
        assert cli(disk.folder, "run", "--full").returncode == 0
    disk.make_read_only()
    ran = cli(disk.folder, "run", "--full")
    assert ran.returncode == 2
    assert "error[CFG-007]" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert cli(disk.folder, "validate").returncode == 0
    assert cli(disk.folder, "status").returncode == 0


def test_a_read_only_project_with_an_instance_elsewhere_runs(
    make_disk: MakeDisk, tmp_path: Path, elsewhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    disk = make_disk(tmp_path / "p")
    project(disk.folder, toml=elsewhere)
    disk.make_read_only()
    assert cli(disk.folder, "run", "--full").returncode == 0


@pytest.mark.proves(
    "report",
    "denied",
    "RUN-002 if neither workstation nor project takes it; exit code 2, Dagster has the causes",
)
def test_a_report_that_nothing_can_take_leaves_its_first_line(
    make_disk: MakeDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read-only is the project's folder, where the report would be kept, and the workstation."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    disk = make_disk(tmp_path / "p")
    project(disk.folder)
    disk.make_read_only()
    ran = cli(disk.folder, "run", "--full")
    assert ran.returncode == 2
    assert "error[RUN-002]" in ran.stderr
    assert "ended without a report" in ran.stderr
    assert "1 of 1 partitions failed" in ran.stderr
    assert "Traceback" not in ran.stderr


Break = Callable[[Disk], None]


@pytest.mark.proves(
    "event", "denied", "CFG-007, exit code 2; nothing runs, readers keep the old version"
)
@pytest.mark.proves("event", "full", "CFG-007, exit code 2; nothing runs")
@pytest.mark.parametrize("broken", [Disk.fill, Disk.make_read_only], ids=["full", "read-only"])
def test_an_instance_that_cannot_be_written_stops_the_run_before_it_begins(
    shop: Shop, make_disk: MakeDisk, broken: Break
) -> None:
    disk = make_disk(shop.folder / ".dagster", 16)
    assert cli(shop.folder, "run", "--full").returncode == 0
    before = shop.claims()
    broken(disk)
    ran = cli(shop.folder, "run", "--full")
    assert ran.returncode == 2
    assert "error[CFG-007]" in ran.stderr
    assert "has space and may be written" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert_frame_equal(shop.claims(), before)
