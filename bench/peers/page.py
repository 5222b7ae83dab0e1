"""The table of all races against the peers, in docs/scaling.md: `python -m bench.peers.page`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results.json"
PAGE = Path(__file__).parents[2] / "docs/scaling.md"
BEGIN, END = "<!-- peers: made by python -m bench.peers.page -->\n", "<!-- /peers -->\n"
COLUMNS = {
    "peers_100": "100 small partitions",
    "peers_1000": "1,000",
    "peers_10000": "10,000",
    "peers_broken": "1,000, one file broken",
    "peers_tenth": "1,000, one in ten broken",
    "peers_large": "one of 20 million rows",
}


def table(results: Mapping[str, Any]) -> str:
    """Give the table of what was measured so far."""
    cases = {name: results[name] for name in COLUMNS if name in results}
    names = dict.fromkeys(row["contender"] for case in cases.values() for row in case["rows"])
    lines = [
        f"| | {' | '.join(COLUMNS[name] for name in cases)} |",
        f"|---{'|---' * len(cases)}|",
        *(f"| {name} | {' | '.join(_cell(case, name) for case in cases.values())} |"
          for name in names),
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def _cell(case: Mapping[str, Any], contender: str) -> str:
    row = next((row for row in case["rows"] if row["contender"] == contender), None)
    if row is None:
        return "–"
    figures = f"{row['seconds']:.1f} / {row['cpu']:.1f} / {row['mb']:,.0f}"
    return f"{figures}, publishes nothing" if "nothing" in row["note"] else figures


def write() -> None:
    """Write the table into the page, between its marks."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    PAGE.write_text(f"{before}{BEGIN}{table(results)}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    write()
