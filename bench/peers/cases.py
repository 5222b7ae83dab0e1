"""The races against the peers: so many small partitions, some of them broken, and one large one.

Ours is `ai-dataflow run --full`, the whole command with Dagster. Each contender begins without an
output. Outputs are compared by client. Where files are broken a contender may publish nothing; the
script by hand goes on without the clients that fail, as ours does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import polars as pl

from bench import large_partition, small_partitions
from bench.peers.comparing import LARGE, SMALL, digests
from bench.peers.environments import PRODUCT, ROOT, python_of
from bench.peers.measuring import Ran, measured
from bench.racing import OWN, Case, Contender, Took, race, set_aside

OURS, BARE = "ai-dataflow run", "without profiles"
_MANY = 1_000
SCRIPTS = Path(__file__).with_name("scripts")


@dataclass(frozen=True)
class Peer:
    """A peer: its environment, its script, and where in the output its table is.

    What `is_slow` runs in the first round alone where partitions are many.
    """

    name: str
    environment: str
    script: str
    table: str = "claims"
    is_slow: bool = False

    @property
    def lines(self) -> int:
        """How many lines its script has, with the models that it uses."""
        file = SCRIPTS / self.script
        models = (SCRIPTS / self.environment).rglob("*.*") if self.environment != "scripts" else ()
        written = (each for each in (file, *models) if each.suffix != ".pyc")
        texts = [each.read_text(encoding="utf-8") for each in written]
        return sum(bool(line.strip()) for text in texts for line in text.splitlines())


BY_HAND = Peer("script by hand", "scripts", "by_hand.py")
PEERS = (
    BY_HAND,
    Peer("the same as a Dagster job", PRODUCT, "dagster_job.py"),
    Peer("Polars, one query", "scripts", "polars_query.py"),
    Peer("DuckDB, one query", "scripts", "duckdb_query.py"),
    Peer("dlt", "scripts", "dlt_pipeline.py", "lake/claims", is_slow=True),
    Peer("dbt-duckdb", "dbt", "dbt_build.py", is_slow=True),
    Peer("sqlmesh", "sqlmesh", "sqlmesh_plan.py", is_slow=True),
    Peer("pandas by client", "scripts", "pandas_by_client.py", is_slow=True),
)
LARGE_PEERS = (
    Peer("script by hand", "scripts", "large_polars.py"),
    Peer("DuckDB, one query", "scripts", "large_duckdb.py"),
    Peer("dlt", "scripts", "large_dlt.py", "lake/claims"),
    Peer("pandas by client", "scripts", "large_pandas.py"),
)
# Those that our own environment has the libraries for.
AT_HAND = tuple(p for p in PEERS if p.environment in ("scripts", PRODUCT) and p.name != "dlt")


@dataclass
class Track:
    """Where contenders race: a project, their outputs beside it.

    `failed` are those that ended with an error, `empty` those of them that published nothing.
    """

    project: Path
    columns: dict[str, type[pl.DataType]]
    broken: int = 0
    here: bool = False
    failed: set[str] = field(default_factory=set)
    empty: set[str] = field(default_factory=set)

    def ours(self) -> Took:
        """Run the command as it is by default."""
        return self._command(OURS, "ai_dataflow.toml", "workstation")

    def bare(self) -> Took:
        """Run the command so that it keeps no profiles, which no peer does."""
        settings = (self.project / "ai_dataflow.toml").read_text(encoding="utf-8")
        other = settings.replace('"workstation"', '"bare"')
        assert other != settings  # noqa: S101
        more = f'{other}\n[modules.{small_partitions.MODULE}]\nprofile = "off"\n'
        (self.project / "bare.toml").write_text(more, encoding="utf-8")
        return self._command(BARE, "bare.toml", "bare")

    def _command(self, name: str, settings: str, workstation: str) -> Took:
        set_aside(self.project / workstation)
        env = _environment() | {"PYTHONPATH": str(ROOT), "AI_DATAFLOW_CONFIG": settings}
        command = [str(Path(sys.executable).with_name("ai-dataflow")), "run", "--full"]
        return self._told(name, measured(command, self.project, env))

    def run(self, peer: Peer) -> Took:
        """Run a peer's script; `here`, in our own environment."""
        out = self._out(peer)
        set_aside(out)
        out.mkdir(parents=True)
        python = Path(sys.executable) if self.here else python_of(peer.environment)
        command = [str(python), str(SCRIPTS / peer.script), str(self.project), str(out)]
        return self._told(peer.name, measured(command, out, _environment()))

    def _told(self, name: str, ran: Ran) -> Took:
        """Take what a contender took; only where files are broken it may fail."""
        if ran.code and not self.broken:
            raise SystemExit(f"{name} ended with {ran.code}: {ran.said}")
        if ran.code:
            self.failed.add(name)
        return ran.took

    def _out(self, peer: Peer) -> Path:
        return self.project.with_name(f"{self.project.name}-{peer.script.removesuffix('.py')}")

    def check(self, peers: Sequence[Peer], clients: int) -> str:
        """Compare all outputs with ours; those that failed have none, or what ours has.

        Raises:
            AssertionError: one differs.
        """
        ours = digests(self.project / "workstation/claims", self.columns)
        assert len(ours) == clients - self.broken, len(ours)  # noqa: S101
        assert digests(self.project / "bare/claims", self.columns) == ours  # noqa: S101
        for peer in peers:
            found = digests(self._out(peer) / peer.table, self.columns)
            if not found and peer.name in self.failed:
                self.empty.add(peer.name)
            else:
                assert found == ours, peer  # noqa: S101
        rows = sum(rows for rows, _ in ours.values())
        return f"equal rows and checksums of {len(ours):,} clients, {rows:,} rows"

    def race(self, name: str, peers: Sequence[Peer], clients: int, rounds: int) -> Case:
        """Let all run in turns."""
        for environment in {peer.environment for peer in peers} if not self.here else ():
            python_of(environment)  # made before anything is measured
        contenders = [Contender(OURS, self.ours), Contender(BARE, self.bare)]
        once = 1 if clients >= _MANY else None
        contenders += [
            Contender(peer.name, partial(self.run, peer), rounds=once if peer.is_slow else None)
            for peer in peers
        ]
        case = race(name, contenders, rounds, lambda: self.check(peers, clients))
        notes = {peer.name: self._note(peer) for peer in peers}
        rows = (replace(row, note=notes.get(row.contender, "")) for row in case.rows)
        return replace(case, rows=tuple(rows))

    def _note(self, peer: Peer) -> str:
        return f"{peer.lines} lines" + ", publishes nothing" * (peer.name in self.empty)


def small(
    folder: Path,
    clients: int,
    rounds: int,
    *,
    broken: int = 0,
    peers: Sequence[Peer] = PEERS,
    here: bool = False,
) -> Case:
    """Race on so many small partitions, of which some have a file that is cut off."""
    project = folder / "project"
    small_partitions.make_project(project, clients)
    for i in range(broken):
        file = project / f"data/client{i * clients // broken:05d}/ORION-detail.parquet"
        content = file.read_bytes()
        file.unlink()  # clients share it
        file.write_bytes(content[: len(content) // 2])
    ending = f", {broken} of them broken" if broken else ""
    track = Track(project, SMALL, broken, here)
    return track.race(f"peers: {clients:,} small partitions{ending}", peers, clients, rounds)


def large(folder: Path, rows: int, rounds: int, peers: Sequence[Peer] = LARGE_PEERS) -> Case:
    """Race on one partition of so many rows."""
    project = folder / "project"
    project.mkdir(parents=True)
    large_partition.make_project(project, rows)
    return Track(project, LARGE).race(f"peers: one partition of {rows:,} rows", peers, 1, rounds)


def _environment() -> dict[str, str]:
    """Give our environment without what would lead to another project."""
    told = (*OWN, "PYTHONPATH", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in told}
