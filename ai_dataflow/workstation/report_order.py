"""In which order run reports came: by numbers, not by clocks, of which each machine has its own.

Beside the reports' folder is another one with empty files, `<number>.<run_id>`. Whoever writes a
report makes one first, with a number above all that are there. Of two runs that wrote at once
neither is later.
"""

from __future__ import annotations

from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.reaching import reaching

SUFFIX = ".json"
_ORDER = "_order"


def take_number(folder: Folder, run_id: str) -> None:
    """Make a run's report, which is written next, the newest one.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    number = max(numbers(folder).values(), default=0) + 1
    with reaching(folder):
        _order(folder).write(f"{number:08}.{run_id}", b"")


def drop_numbers(folder: Folder) -> None:
    """Remove the order of reports that are elsewhere now.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    with reaching(folder):
        _order(folder).delete([file.path for file in _order(folder).files()])


def numbers(folder: Folder) -> dict[str, int]:
    """Give the number of each run's report; those of older versions of this program have none.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    with reaching(folder):
        names = [file.path.partition(".") for file in _order(folder).files()]
    ordered = sorted((int(number), run_id) for number, _, run_id in names if number.isdigit())
    # A report whose writing failed and that was brought later has two: the last one counts.
    return {run_id: number for number, run_id in ordered}


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
    order = numbers(folder)
    ids = [path.removesuffix(SUFFIX) for path in paths if path.endswith(SUFFIX)]
    return sorted(ids, key=lambda run_id: order.get(run_id, 0), reverse=True)


def _order(folder: Folder) -> Folder:
    return folder.moved(f"{folder.url}{_ORDER}", folder.prefix and f"{folder.prefix}{_ORDER}")
