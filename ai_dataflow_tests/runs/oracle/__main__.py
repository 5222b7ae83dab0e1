"""Check companies: `python -m ai_dataflow_tests.runs.oracle FIRST COMPANIES [local|spark]`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from ai_dataflow_tests.runs.oracle.checking import check_company

SETTINGS = {
    "local": "",
    "spark": '[execution]\nengine = "spark"\nworkers = 2\n[spark]\nmaster = "local[2]"\n'
    '[spark.conf]\n"spark.ui.enabled" = "false"\n',
}


def main(first: int, companies: int, engine: str = "local") -> None:
    """Check so many companies, by their seeds from the first on; end at what is wrong."""
    for seed in range(first, first + companies):
        with TemporaryDirectory() as name:
            partitions = check_company(Path(name), seed, settings=SETTINGS[engine])
        print(f"company {seed}: {partitions} partitions are as the oracle says", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
