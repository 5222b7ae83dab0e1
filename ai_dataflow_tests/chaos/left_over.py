"""What lies in a workstation that nothing names; and what any version of a table needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

from ai_dataflow.connections.stores import Folder
from ai_dataflow.extracts.staging import last_manifest, staged_files
from ai_dataflow.runs.cleanup import clean
from ai_dataflow.workstation.data_files import publication_of
from ai_dataflow.workstation.profiles import open_profiles
from ai_dataflow_tests.chaos.reading import publications
from ai_dataflow_tests.chaos.world import World

_LEASES, _OUTBOX, _PROFILES = "_leases/", "_outbox/", "_profiles/"
OF_ITS_OWN = re.compile(
    r"_runs/[^/]+\.json(#\d+)?"  # half a local report has a name that no listing shows
    r"|_runs_order/\d{8}\.[^/]+"
    r"|_(inputs|arrivals)/[^/]+\.json"
    r"|_under_way/[^/]+\.json(#\d+)?"  # until a run has looked at what it was to make
    r"|(_rejects/|_profiles/)?[^/_]+/_delta_log/(\d{20}\.(json|checkpoint\.parquet)|_last_checkpoint)"
)
# Cleanup writes a table of profiles anew, where something of it goes.
_COMMIT_OF_PROFILES = re.compile(rf"{_PROFILES}[^/_]+/_delta_log/\d{{20}}\.json")


def check_cleanup(world: World) -> None:
    """Clean up at once: what nothing names has to go, all else has to stay.

    Raises:
        AssertionError: it is not so.
    """
    before, needed = listed(world), named(world)
    profiles = {f"{_PROFILES}{m}/{path}" for m in world.modules for path in _profiled(world, m)}
    problems = {m: c.problems for m, c in clean(world.workstation, "c", timedelta(0)).items()}
    after = {path for path in listed(world) if not path.startswith(_LEASES)}
    assert not any(problems.values()), problems
    after -= _checked_profiles(world, after, profiles)
    before -= {path for path in before if _is_profile(path)}
    after -= {path for path in after - before if _COMMIT_OF_PROFILES.fullmatch(path)}
    wanted = {path for path in before if path in needed or OF_ITS_OWN.fullmatch(path)}
    fences = {path for path in after - before if _is_fence(world, path)}
    left, removed = after - fences - wanted, wanted - after
    assert (left, removed) == (set(), set()), f"cleanup left {left} and removed {removed}"
    tables = [path.partition("/_delta_log/")[0] for path in fences]
    assert len(tables) == len(set(tables)), f"a table was fenced more than once: {fences}"
    assert needed <= after, f"there is no {needed - after}"
    leases = [path for path in listed(world) if path.startswith(_LEASES)]
    assert len(leases) == len(world.modules), f"leases are left: {leases}"


def _is_profile(path: str) -> bool:
    return path.startswith(_PROFILES) and path.endswith(".parquet")


def _checked_profiles(world: World, after: set[str], before: set[str]) -> set[str]:
    """Give the files of profiles that are there, each of which somebody may read.

    Cleanup writes their tables anew: what these name by now is there, of what they named before
    the files may be there for whoever reads them, and nothing else is. They tell of publications
    that versions name, and of no other.
    """
    files = {path for path in after if _is_profile(path)}
    for module in world.modules:
        now = {f"{_PROFILES}{module}/{path}" for path in _profiled(world, module)}
        assert now <= files, f"there is no {now - files}"
        before |= now
        rows = open_profiles(world.workstation, module).read()
        added = {publication_of(path) for path in _added(world.workstation.dataset(module))}
        left = {*rows["publication"]} - added
        assert not left, f"profiles are left of {left}"
    assert files <= before, f"cleanup left {files - before}"
    return files


def _profiled(world: World, module: str) -> set[str]:
    """Give the files that a table of profiles names now."""
    table, files = world.workstation.profiles(module), set[str]()
    for file in sorted(table.files("_delta_log"), key=lambda file: file.path):
        for line in table.read(file.path).splitlines() if file.path.endswith(".json") else ():
            action = json.loads(line)
            if add := action.get("add"):
                files.add(unquote(str(add["path"])))
            if remove := action.get("remove"):
                files.discard(unquote(str(remove["path"])))
    return files


def _is_fence(world: World, path: str) -> bool:
    """Tell whether a file is a commit that carries the number of a lease, and changes nothing."""
    if not re.fullmatch(r"(_rejects/)?[^/_]+/_delta_log/\d{20}\.json", path):
        return False
    lines = world.workstation.root.read(path).splitlines()
    return {action for line in lines for action in json.loads(line)} == {"commitInfo", "txn"}


def check_reports(world: World) -> None:
    """Make sure that each run report is whole: a run that was killed has none, or a whole one."""
    reports = world.workstation.reports()
    for file in reports.files():
        assert json.loads(reports.read(file.path))["finished"]


def listed(world: World) -> set[str]:
    """Give all files of the workstation but the mails; local ones as the system knows them.

    A killed command's mails are sent by a process of their own, which goes on.
    """
    root = world.workstation.root
    found = {file.path for file in root.files()} if root.account else _local(Path(root.url))
    return {path for path in found if not path.startswith(_OUTBOX)}


def _local(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def named(world: World) -> set[str]:
    """Give what versions of tables name, what manifests name, what is kept for what readers see."""
    found, files = set(), listed(world)
    for module in world.modules:
        for prefix in (module, f"_rejects/{module}"):
            found |= {f"{prefix}/{path}" for path in _added(world.workstation.root.folder(prefix))}
        for client in world.clients:
            staging = world.workstation.staging(module, client)
            prefix = f"_staging/{module}/{client}"
            found |= {f"{prefix}/{path}" for path in staged_files(staging)}
            common = last_manifest(staging).common_files
            found |= {path for path in files if path.rpartition("/")[2] in common}
        for key in world.workstation.common_sources(module):
            folder = world.workstation.common(module, key)
            prefix = f"_common/{module}/{key.product}/{key.submodule}"
            found |= {f"{prefix}/{path}" for path in staged_files(folder)}
        for client, publication in publications(world, module).items():
            prefix = f"_kept/{module}/{client}/{publication}/"
            found |= {path for path in files if path.startswith(prefix)}
    return found


def profiles_named(world: World) -> set[str]:
    """Give the files that some version of a table of profiles names.

    `cleanup` puts them together. Those that a reader may have open it leaves for the next time.
    """
    tables = (f"{_PROFILES}{module}" for module in world.modules)
    folder = world.workstation.root.folder
    return {f"{table}/{path}" for table in tables for path in _added(folder(table))}


def _added(table: Folder) -> Iterator[str]:
    for file in table.files("_delta_log"):
        if file.path.endswith(".json"):
            for line in table.read(file.path).splitlines():
                if add := json.loads(line).get("add"):
                    yield unquote(str(add["path"]))
