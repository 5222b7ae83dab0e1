"""Looking up piece by piece: rows too many for memory, in a lookup that it can hold.

The rows are cut in their order, whatever their keys: most of them may have the same. How often each
row of the lookup was found is added up, so it is accounted for once, as in a join of all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.partition.clients import heights, nothing, occurrences, summed
from ai_dataflow.partition.pairs import LEFT, RIGHT, gathered, lost, paired, paired_as_of, staying
from ai_dataflow.partition.parts import Part
from ai_dataflow.partition.scratch import Scratch
from ai_dataflow.partition.sides import Joined, Side, none_alone, unkeyed


def looked_up(left: Part, lookup: Part, on: Sequence[str], pieces: int, space: Scratch) -> Joined:
    """Look rows up, in so many pieces, each put aside.

    Raises:
        DataflowError: DAT-002 where a row is lost, or was multiplied.
    """
    table, holds = lookup.rows.collect(), lookup.source.holds
    times, clients = np.zeros(table.height, np.int64), len(left.height)
    rows, both = [], nothing(clients)
    size = math.ceil(int(left.height.sum()) / pieces)
    for piece in range(pieces):
        some = left.rows.slice(piece * size, size).collect()
        pairs = paired_as_of(some, table, on, holds) if holds else paired(some, table, on)
        if not (occurrences(pairs[LEFT].drop_nulls(), some.height) == 1).all():
            raise DataflowError(lost(lookup.source))
        met = pairs.drop_nulls()
        times += occurrences(met[RIGHT], table.height)
        both = both + heights(met, clients)
        joined = gathered(staying(pairs, "lookup"), some, table, on)
        rows.append(space.hold(joined, space.spill_bytes))
    side = Side(lookup, table, times)
    used = summed(table.select(lookup.by), (times > 0).astype(np.int64), clients)
    repeated = dict.fromkeys(unkeyed(left, on), nothing(clients)) | side.repeated(on)
    alone = side.alone(pl.Series(np.flatnonzero(times == 0), dtype=pl.UInt32))
    return Joined(pl.concat(rows), used, both, repeated, (none_alone(left), alone))
