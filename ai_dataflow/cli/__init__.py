"""`ai-dataflow`: the command line. Each command is thin; what it does lives elsewhere.

A command imports what it uses when it is called, and nothing that it does not use.

Exit codes: 0 all well, 1 some partitions failed, 2 nothing could run (configuration or usage), 130
ended by Ctrl-C, 143 by SIGTERM.
"""

from __future__ import annotations

import atexit
import gc
import io
import logging
import os
import sys

try:
    from ai_dataflow.cli import (  # noqa: F401 - they add commands
        accepting,
        coding,
        comparing,
        contracts_out,
        describing,
        looking,
        notify,
        rejected,
        running,
        sheets,
    )
    from ai_dataflow.cli.app import app, err, print_error, without_colour
    from ai_dataflow.cli.ending import interruptible
    from ai_dataflow.config.allocator import allocator_settings
    from ai_dataflow.config.diagnostics import DataflowError
    from ai_dataflow.config.importing import importing
except KeyboardInterrupt:  # nothing is there yet that would take it, and nothing is begun
    print("Interrupted.", file=sys.stderr)
    sys.exit(130)

# What looks at sources, and so may need worker processes.
_LOOKING = ("run", "accept", "retry", "plan", "validate", "sheet")
PROGRAM = "ai-dataflow"
_MANY = 100_000  # objects made between two looks for garbage; Python's own figure is 700


def main() -> None:
    """Run the command line; no mistake of a user, and no Ctrl-C, ends it with a traceback."""
    interruptible(_main)


def _main() -> None:
    # A command imports a million objects, makes little garbage, and ends. To look for that was a
    # third of its processor time, half of it at its exit.
    gc.set_threshold(_MANY)
    atexit.register(gc.freeze)
    # What azure-identity tried is told in our words; without a handler it would print its own.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    # A console or a file that has no `→` gets `\u2192`: a Windows code page, a locale of ASCII.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = without_colour(sys.argv[1:])
    if arguments[:1] and arguments[0] in _LOOKING and "--help" not in arguments:
        _copy_early()
    try:
        app(arguments, prog_name=PROGRAM)
    except DataflowError as error:
        if "--json" in sys.argv:
            print_error(error.diagnostics)
        from ai_dataflow.cli.show.problems import show_diagnostics

        show_diagnostics(err, error.diagnostics)
        sys.exit(2)


def _copy_early() -> None:
    """Let workers be copies of this process, which has imported half of what they need.

    Now it has no threads yet, and has computed nothing; who calls this from a program of their own
    may have, and is not copied.
    """
    if "polars" in sys.modules:
        return
    os.environ.update(allocator_settings())
    with importing():
        import ai_dataflow.runs.prospect  # noqa: F401 - the command needs it as well
        from ai_dataflow.engine.forking import copy_this_process

    copy_this_process()
