"""A Dagster job of one op, which makes all clients; each is a materialization of the table."""

import sys
from pathlib import Path

import dagster as dg
from by_hand import make_all  # before Polars is imported: it says how many threads Polars has
from committing import commit


class Paths(dg.Config):
    """Where the clients are, and where the table is to be."""

    project: str
    out: str


@dg.op
def claims(context: dg.OpExecutionContext, config: Paths) -> None:
    """Make all clients; Dagster hears which of them are made."""
    table = Path(config.out) / "claims"
    made = make_all(config.project, table)
    commit(str(table))
    for client, error in made.items():
        if not error:
            context.log_event(dg.AssetMaterialization("claims", partition=client))
    if wrong := [*filter(None, made.values())]:
        raise dg.Failure("\n".join(wrong))


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
