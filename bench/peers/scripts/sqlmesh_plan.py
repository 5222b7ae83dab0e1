"""sqlmesh with DuckDB: a view for each submodule, a full model, a COPY by client; one commit."""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def main(project: str, out: str) -> None:
    """Plan and apply the models of a project; sqlmesh works in a copy of its folder."""
    work = Path(out) / "sqlmesh"
    shutil.copytree(Path(__file__).with_name("sqlmesh"), work)
    for model in (work / "models").iterdir():
        model.write_text(model.read_text().replace("__PROJECT__", project))
    env = os.environ | {"SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true"}
    sqlmesh = Path(sys.executable).with_name("sqlmesh")
    subprocess.run([sqlmesh, "plan", "--auto-apply", "--no-prompts"], cwd=work, env=env, check=True)
    import duckdb  # noqa: PLC0415 - not while sqlmesh is at work
    from committing import commit  # noqa: PLC0415

    duckdb.connect(str(work / "bench.duckdb")).execute(
        f"COPY (FROM ai.claims) TO '{out}/claims' (FORMAT parquet, PARTITION_BY (client_code))"
    )
    commit(f"{out}/claims")


if __name__ == "__main__":
    main(*sys.argv[1:])
