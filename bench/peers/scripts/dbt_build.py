"""dbt with DuckDB: a view for each submodule, a model written by client; one commit."""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def main(project: str, out: str) -> None:
    """Build the models of a project; dbt works in a copy of its folder."""
    work = Path(out) / "dbt"
    shutil.copytree(Path(__file__).with_name("dbt"), work)
    (Path(out) / "claims").mkdir()
    env = os.environ | {"PROJECT": project, "OUT": out, "DBT_PROFILES_DIR": str(work)}
    dbt = Path(sys.executable).with_name("dbt")
    command = [dbt, "--no-version-check", "--no-send-anonymous-usage-stats", "--quiet", "build"]
    subprocess.run(command, cwd=work, env=env, check=True)
    from committing import commit  # noqa: PLC0415 - not while dbt is at work

    commit(f"{out}/claims")


if __name__ == "__main__":
    main(*sys.argv[1:])
