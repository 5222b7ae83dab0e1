"""One contender in its process: `python -m bench.child FILE TARGET ARGUMENT…`.

The target is a function (`module:function`), or `cli`: then the arguments are those of
`ai-dataflow`, and what its report says of the time is a part of the figures. They are written into
the file: seconds of the whole process, imports included; its peak memory; seconds by kind of work.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

from bench.memory import peak_mb

_STARTED = time.time()


def main(file: str, target: str, *arguments: str) -> None:
    """Do the work and write the figures."""
    told = _cli(*arguments) if target == "cli" else _function(target, *arguments)
    parts, work = dict(told.get("timings", {})), told.get("work", {})
    seconds = time.time() - _born()
    parts["start-up and rest"] = seconds - sum(parts.values())
    Path(file).write_text(json.dumps({
        "seconds": seconds, "mb": peak_mb(), "parts": parts, "work": work,
    }))  # fmt: skip


def _cli(*arguments: str) -> dict[str, Any]:
    from ai_dataflow.cli import main as cli  # noqa: PLC0415 - its import is a part of the time

    sys.argv = ["ai-dataflow", *arguments, "--json"]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        cli()
    report = json.loads(printed.getvalue())
    failed = [p for p in report["partitions"] if p["status"] == "failed"]
    if failed:
        raise SystemExit(f"{len(failed)} partitions failed: {failed[0]}")
    return dict(report)


def _function(target: str, *arguments: str) -> dict[str, Any]:
    module, _, name = target.partition(":")
    return dict(getattr(importlib.import_module(module), name)(*arguments) or {})


def _born() -> float:
    """Give when this process was started, in seconds since the epoch."""
    fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    ticks = int(fields[19])
    booted = next(
        int(line.split()[1])
        for line in Path("/proc/stat").read_text(encoding="ascii").splitlines()
        if line.startswith("btime")
    )
    exact = booted + ticks / 100
    return exact if abs(exact - _STARTED) < 1 else _STARTED  # the clock may have been set


if __name__ == "__main__":
    main(*sys.argv[1:])
