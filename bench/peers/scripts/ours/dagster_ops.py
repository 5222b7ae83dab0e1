"""A Dagster job of one op, which makes all clients; each is a materialization of the table."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import dagster as dg
from by_hand import make  # before Polars is imported: it says how many threads Polars has
from committing import commit


class Paths(dg.Config):
    """Where the clients are, and where the table is to be."""

    project: str
    out: str


@dg.op
def claims(context: dg.OpExecutionContext, config: Paths) -> None:
    """Make all clients; Dagster hears which of them are made."""
    clients, table = sorted((Path(config.project) / "data").iterdir()), Path(config.out) / "claims"
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        wrong = list(pool.map(make, clients, [table] * len(clients), chunksize=4))
    commit(str(table))
    for client, error in zip(clients, wrong, strict=True):
        if not error:
            context.log_event(dg.AssetMaterialization("claims", partition=client.name))
    if any(wrong):
        raise dg.Failure("\n".join(filter(None, wrong)))


@dg.job
def job() -> None:
    """Make the table."""
    claims()


def main(project: str, out: str) -> None:
    """Run the job with an instance of its own, in SQLite."""
    (home := Path(out) / "dagster").mkdir()
    config = {"ops": {"claims": {"config": {"project": project, "out": out}}}}
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        result = job.execute_in_process(config, instance=instance, raise_on_error=False)
    sys.exit(not result.success)
