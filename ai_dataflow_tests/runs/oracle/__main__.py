"""Check companies or small sheets against the oracle.

`python -m ai_dataflow_tests.runs.oracle FIRST COMPANIES ENGINE PARTITIONS`: the first is a seed,
the engine `local` or `spark`; the partitions are about those of each company.

`python -m ai_dataflow_tests.runs.oracle sheets FIRST COUNT`: so many sheets by their seeds; all of
them are tried, and those that differ are told at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from ai_dataflow_tests.runs.oracle.checking import check_company
from ai_dataflow_tests.runs.oracle.sheets import check_sheets

SETTINGS = {
    "local": "",
    "spark": '[execution]\nengine = "spark"\nworkers = 2\n[spark]\nmaster = "local[2]"\n'
    '[spark.conf]\n"spark.ui.enabled" = "false"\n',
}


def main(first: int, companies: int, engine: str, partitions: int) -> None:
    """Check so many companies, by their seeds from the first on; end at what is wrong."""
    for seed in range(first, first + companies):
        with TemporaryDirectory() as name:
            seen = check_company(Path(name), seed, partitions, SETTINGS[engine])
        print(f"company {seed}: {seen} partitions are as the oracle says", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "sheets":
        sys.exit(1 if check_sheets(int(sys.argv[2]), int(sys.argv[3])) else 0)
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
