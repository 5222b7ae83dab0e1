"""In which order run reports came: by numbers, not by clocks, of which each machine has its own.

Beside the reports are empty files, `order/<number>.<run_id>`. Whoever writes a report makes one
first, with a number above all that are there. Of two runs that wrote at once neither is later.
"""

from __future__ import annotations

from collections.abc import Iterable

from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.reaching import reaching

SUFFIX = ".json"
_ORDER = "order/"


def take_number(folder: Folder, run_id: str) -> None:
    """Make a run's report, which is written next, the newest one.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    number = max(numbers(folder).values(), default=0) + 1
    with reaching(folder):
        folder.write(f"{_ORDER}{number:08}.{run_id}", b"")


def numbers(folder: Folder) -> dict[str, int]:
    """Give the number of each run's report; those of older versions of this program have none.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    with reaching(folder):
        return _numbers(file.path for file in folder.files(_ORDER))


def run_ids(folder: Folder) -> list[str]:
    """Give the runs that left a report, the newest report first.

    Those without a number came before all others, among each other as their files are dated.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    with reaching(folder):
        if not folder.exists():
            return []
        files = sorted(folder.aged_files(), key=lambda aged: aged[1], reverse=True)
    paths = [file.path for file, _ in files]
    order = _numbers(paths)
    ids = [path.removesuffix(SUFFIX) for path in paths if path.endswith(SUFFIX)]
    return sorted(ids, key=lambda run_id: order.get(run_id, 0), reverse=True)


def _numbers(paths: Iterable[str]) -> dict[str, int]:
    names = (path.removeprefix(_ORDER).partition(".") for path in paths if path.startswith(_ORDER))
    ordered = sorted((int(number), run_id) for number, _, run_id in names if number.isdigit())
    # A report whose writing failed and that was brought later has two: the last one counts.
    return {run_id: number for number, run_id in ordered}
