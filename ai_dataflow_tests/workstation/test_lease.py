"""Leases: one holder at a time, whoever dies, wherever the files are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.sections import StorageAccount
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.stores import Folder, open_folder
from ai_dataflow.workstation import lease as leases
from ai_dataflow.workstation.lease import Holder, lease
from ai_dataflow_tests.services.azurite import Azurite


@pytest.fixture(params=["local", "azure"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    """Give an empty folder, here and in a storage account."""
    if request.param == "local":
        return Folder(str(tmp_path / "leases"))
    azurite: Azurite = request.getfixturevalue("azurite")
    own = StorageAccount(
        account_key=SecretStr(azurite.keys["workstation"]), endpoint=azurite.endpoint("workstation")
    )
    container = azurite.create_container("workstation")
    settings = Settings(folder=tmp_path, storage={"workstation": own})
    return open_folder(f"abfss://{container}@workstation.dfs.core.windows.net/leases", settings)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let signs of life, death and patience take less time than in production."""
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(leases, "DEAD_SECONDS", 0.5)
    monkeypatch.setattr(leases, "WAIT_SECONDS", 1.0)
    monkeypatch.setattr(leases, "_LOOK_SECONDS", 0.02)


class Clock:
    """A clock that only goes on while somebody sleeps by it."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let who waits for a lease wait by a clock of the test's own."""
    made = Clock()
    monkeypatch.setattr(leases, "time", made)
    return made


def _leave(folder: Folder, holder: Holder, number: int = 1) -> None:
    """Leave a lease behind as a run on another machine does that was killed."""
    assert folder.write_new(f"{number:08}.json", holder.model_dump_json().encode())


def test_a_second_run_waits_until_the_first_has_ended(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "WAIT_SECONDS", 60.0)  # however loaded the machine is
    monkeypatch.setattr(leases, "DEAD_SECONDS", 30.0)
    order: list[str] = []
    heard: list[str] = []
    waits = threading.Event()

    def hear(text: str) -> None:
        heard.append(text)
        waits.set()

    def second() -> None:
        with lease(folder, "sales", "second", hear):
            order.append("second")

    with lease(folder, "sales", "first"):
        waiting = threading.Thread(target=second)
        waiting.start()
        assert waits.wait(60)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
    assert "waiting for run first, which makes sales" in heard[0]


def test_a_run_that_goes_on_for_too_long_refuses_the_second_with_its_name(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "DEAD_SECONDS", 30.0)  # longer than the second waits
    with (
        lease(folder, "sales", "first"),
        pytest.raises(DataflowError, match=r"run first on .* is making sales") as error,
        lease(folder, "sales", "second"),
    ):
        pytest.fail("both hold it")
    assert error.value.diagnostics[0].code == "WST-006"


@pytest.mark.proves(
    "write", "concurrent", "one run at a time makes a module; the others wait and say for whom"
)
def test_one_of_many_holds_it_at_a_time(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "WAIT_SECONDS", 60.0)  # however loaded the machine is
    monkeypatch.setattr(leases, "DEAD_SECONDS", 30.0)
    holding: list[str] = []
    together: list[list[str]] = []

    def run(name: str) -> None:
        with lease(folder, "sales", name):
            holding.append(name)
            together.append([*holding])
            time.sleep(0.02)
            holding.remove(name)

    threads = [threading.Thread(target=run, args=(f"run-{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names[0] for names in together) == [f"run-{i}" for i in range(6)]
    assert all(len(names) == 1 for names in together)


def test_what_a_run_on_another_machine_left_is_taken_when_it_is_silent(
    folder: Folder, clock: Clock
) -> None:
    _leave(folder, Holder(run_id="dead", host="elsewhere.example.org", pid=1))
    with lease(folder, "sales", "next") as held:
        assert held.number == 2
        assert clock.now > leases.DEAD_SECONDS


OTHER_PLACES = {
    "another namespace": {"namespace": "pid:[1]"},
    "another machine of that name": {"boot_id": "00000000-0000-0000-0000-000000000000"},
    "a place that does not tell": {"boot_id": "", "namespace": "", "process_start": ""},
}


@pytest.mark.parametrize("pid", [os.getpid(), 2**22 + 1], ids=["a pid of ours", "no pid of ours"])
@pytest.mark.parametrize("place", OTHER_PLACES)
def test_a_run_whose_process_we_cannot_see_is_waited_for(
    tmp_path: Path, clock: Clock, place: str, pid: int
) -> None:
    other = Holder.here("other").model_copy(update={"pid": pid} | OTHER_PLACES[place])
    assert not other.is_gone
    folder = Folder(str(tmp_path))
    _leave(folder, other)
    with lease(folder, "sales", "next"):
        assert clock.now > leases.DEAD_SECONDS


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_a_process_that_has_the_pid_of_a_dead_one_holds_nobody_up(
    folder: Folder, clock: Clock
) -> None:
    living = Holder.here("other")
    assert not living.is_gone
    _leave(folder, living.model_copy(update={"process_start": "1"}))
    with lease(folder, "sales", "next") as held:
        assert (held.number, clock.now) == (2, 0)


def test_a_lease_of_an_older_release_is_waited_for(tmp_path: Path, clock: Clock) -> None:
    own = Holder.here("other")
    old = own.model_dump(include={"run_id", "host", "pid", "beat", "released"})
    (tmp_path / "00000001.json").write_text(json.dumps(old))
    with lease(Folder(str(tmp_path)), "sales", "next"):
        assert clock.now > leases.DEAD_SECONDS


def test_a_number_that_was_long_tidied_away_is_not_taken_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While we wanted number 1, one run made it and went, another made 2 and removed 1."""
    monkeypatch.setattr(leases, "DEAD_SECONDS", 60.0)
    write_new = Folder.write_new

    def late(self: Folder, path: str, content: bytes) -> bool:
        monkeypatch.setattr(Folder, "write_new", write_new)
        _leave(self, Holder(run_id="other", host="elsewhere.example.org"), 2)
        return write_new(self, path, content)

    monkeypatch.setattr(Folder, "write_new", late)
    with (
        pytest.raises(DataflowError, match="run other on elsewhere"),
        lease(folder, "sales", "next"),
    ):
        pytest.fail("both hold it")


def test_a_file_that_says_nothing_holds_nobody_up(folder: Folder) -> None:
    folder.write("00000007.json", b"{")
    with lease(folder, "sales", "next") as held:
        assert held.number == 8


def test_a_lost_answer_to_our_own_request_is_not_another_run(
    folder: Folder, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unheard(self: Folder, path: str, content: bytes) -> bool:
        self.write(path, content)
        return False

    monkeypatch.setattr(Folder, "write_new", unheard)
    with lease(folder, "sales", "only") as held:
        assert (held.number, clock.now) == (1, 0)


def test_a_run_that_slept_notices_before_it_publishes(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "BEAT_SECONDS", 60.0)  # asleep
    with lease(folder, "sales", "sleeper") as held:
        held.check()
        with lease(folder, "sales", "next"):
            with pytest.raises(DataflowError, match="another run took sales over") as error:
                held.check()
            assert error.value.diagnostics[0].code == "WST-006"


def test_the_files_of_earlier_leases_are_removed(folder: Folder) -> None:
    for name in ("a", "b", "c"):
        with lease(folder, "sales", name):
            pass
    assert len(folder.files()) == 1


HOLDING = """
import sys
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.lease import lease
with lease(Folder(sys.argv[1]), "sales", "killed"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Give a process that holds the lease."""
    command = [sys.executable, "-c", HOLDING, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_run_that_was_killed_here_holds_nobody_up(
    holder: subprocess.Popen[str], clock: Clock, tmp_path: Path
) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with lease(Folder(str(tmp_path)), "sales", "next"):
        assert clock.now == 0


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_a_run_that_was_killed_and_whose_parent_does_not_ask_holds_nobody_up(
    holder: subprocess.Popen[str], clock: Clock, tmp_path: Path
) -> None:
    holder.kill()
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays listed
    assert Path(f"/proc/{holder.pid}").is_dir()
    with lease(Folder(str(tmp_path)), "sales", "next"):
        assert clock.now == 0


def test_a_run_in_another_process_is_waited_for(
    holder: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "DEAD_SECONDS", 20.0)  # its signs of life are the real ones
    with pytest.raises(DataflowError), lease(Folder(str(tmp_path)), "sales", "next"):
        pytest.fail("both hold it")
