"""Where encounters are played: in a local folder, in a storage account behind a gate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ai_dataflow_tests.paused.acts import Act
from ai_dataflow_tests.paused.gates import Gate, GatedProxy
from ai_dataflow_tests.paused.scene import (
    ENDPOINT,
    FULL,
    OLD,
    OURS,
    SHRUNK,
    Scene,
    Snapshot,
    behind,
    make_scene,
)
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.azure import WORKSTATION, abfss, storage
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.processes import unique

# Names as those of a run that was killed, for `cleanup` to find.
_LEFT = "client_code=acme/00000000000000000000000000000000.parquet"


@dataclass
class Place:
    """A scene, and the gate before its workstation; a `proxy` where that is in an account."""

    scene: Scene
    proxy: GatedProxy | None = None
    _published: Snapshot = field(init=False)
    _nothing: Snapshot = field(init=False)

    def __post_init__(self) -> None:
        """Publish the first sheet."""
        self._nothing = Snapshot(self.scene)
        self.scene.deliver(OLD)
        assert spine.run_changed(self.scene.folder).exit_code == 0
        self._published = Snapshot(self.scene)

    @property
    def endpoint(self) -> str:
        """Where the workstation is reached through the gate; empty where it is local."""
        return self.proxy.endpoint(WORKSTATION) if self.proxy else ""

    def prepare(self, act: Act) -> None:
        """Let the workstation be as it was before the act, and deliver what that is about."""
        (self._nothing if act in ("first run", "accept") else self._published).put_back()
        if act == "accept":
            self._let_wait()
            return
        self.scene.deliver(OURS)
        if act == "cleanup":
            for table in (self.scene.workstation.dataset, self.scene.workstation.rejects):
                table("claims").write(_LEFT, b"of a run that was killed")

    def _let_wait(self) -> None:
        """Publish a sheet without rejects, and let another make both clients wait."""
        for generation, code in ((FULL, 0), (SHRUNK, 1)):
            self.scene.deliver(generation)
            assert spine.run_changed(self.scene.folder).exit_code == code

    def gate(self, number: int, only: str = "") -> Gate:
        """Set up a gate."""
        gate = Gate(number, only)
        if self.proxy:
            self.proxy.gate = gate
        return gate


def local(folder: Path) -> Place:
    """Give a local folder."""
    return Place(make_scene(folder / unique()))


@contextmanager
def azure(folder: Path, server: Azurite) -> Iterator[Place]:
    """Give a container of a storage account."""
    container = server.create_container(WORKSTATION)
    url = f'[workstation]\nurl = "{abfss(WORKSTATION, container, "ai")}"\n'
    reached = {WORKSTATION: f"${{{ENDPOINT}}}"}
    behind(server.endpoint(WORKSTATION))
    with GatedProxy(server.port) as proxy:
        settings = url + storage(server, [WORKSTATION], endpoints=reached)
        yield Place(make_scene(folder / unique(), settings), proxy)
