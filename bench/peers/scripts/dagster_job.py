"""The script by hand as a Dagster job, whose processes import nothing of Dagster."""

import sys

if __name__ == "__main__":
    from ours.dagster_ops import main

    main(*sys.argv[1:])
