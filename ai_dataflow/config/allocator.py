"""How Polars keeps memory that is free again: said in the environment, before it is imported."""

from __future__ import annotations

import os

from ai_dataflow.config.cores import cores

_VARIABLE = "_RJEM_MALLOC_CONF"  # of jemalloc, which Polars is built with on Linux


def allocator_settings() -> dict[str, str]:
    """Give the variable that lets memory be taken again, by any thread, before the system has it.

    By default jemalloc gives pieces of 8 MB and more back at once, and has four stores of free
    memory for each core: so memory mostly came from the system, which has to clear it. For a
    partition of twenty million rows that was a twelfth of the processor time. What is set already,
    by a user or by Polars, comes last, and so counts. Other allocators pass over it.
    """
    settings = [f"oversize_threshold:0,narenas:{cores()}", os.environ.get(_VARIABLE)]
    return {_VARIABLE: ",".join(filter(None, settings))}
