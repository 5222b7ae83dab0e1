"""What is unusual of first publications: against the other clients of the module. Pure.

How many rows a client has says nothing of another one's. What shares and sizes its columns have
does: they are unusual where they lie far outside those of the others.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from ai_dataflow.runs.drift import TEST
from ai_dataflow.workstation.distances import measured
from ai_dataflow.workstation.margins import ENOUGH_CLIENTS, FLOORS, MEDIANS, SECONDS, strictness

_GROUP = ("product_code", "ai_column", "ai_type", "measure")
# The measures that are compared, with the kind that each is of; of sizes it is the logarithm.
MEASURES = {
    "null_share": "nulls",
    "scale": "level",
    "negative_share": "signs",
    "number_share": "looks",
    "date_share": "looks",
    "blank_share": "looks",
    "broken_share": "encoding",
    "length_mean": "lengths",
}
_SIZES = ("scale", "length_mean")


@dataclass(frozen=True)
class Far:
    """Of some columns: the tests in which first publications are far from the other clients.

    `tests` counts those of each publication, far or not.
    """

    far: pl.DataFrame
    tests: pl.DataFrame


def far_from_others(current: pl.DataFrame, first: Collection[str]) -> Far:
    """Tell in which tests first publications are far from all other clients, whatever chance does.

    Args:
        current: the profiles of some columns that readers see of all clients of the module.
        first: the publications among them that are the first ones of their clients.
    """
    both = current.unique(TEST[:-1], keep="last", maintain_order=True)
    tests = _deviations(_long(measured(both.filter(pl.col("ai_column") != ""))))
    wanted = tests.filter(pl.col("publication").is_in([*first]))
    kinds = list(FLOORS)
    floor = pl.col("kind").replace_strict(kinds, [FLOORS[kind].others for kind in kinds])
    usual = pl.max_horizontal(floor, MEDIANS * pl.col("middle"), SECONDS * pl.col("second"))
    far = wanted.with_columns(usual.alias("margin")).filter(
        pl.col("distance") > pl.col("margin"), pl.col("others") >= ENOUGH_CLIENTS
    )
    return Far(far, wanted.group_by("client_code").len())


def unlike_others(parts: Collection[Far]) -> pl.DataFrame:
    """Give the tests, of all columns, that chance does not explain either."""
    tests = pl.concat([part.tests for part in parts]).group_by("client_code").sum()
    strict = tests.with_columns(strictness(tests["len"]).alias("z")).drop("len")
    size = pl.when(pl.col("kind") == "nulls").then("rows").otherwise("filled")
    noise = 0.5 * pl.col("z") * (1 / (size + 1)).sqrt()
    far = pl.concat([part.far for part in parts]).join(strict, on="client_code")
    scored = far.with_columns(pl.max_horizontal("margin", noise).alias("margin"))
    return (
        scored.with_columns((pl.col("distance") / pl.col("margin")).alias("score"))
        .filter(pl.col("score") > 1)
        .select(*TEST, "distance", "margin", "score", "measure", "usual", "others")
    )


def _long(profiles: pl.DataFrame) -> pl.DataFrame:
    """Give a row for each measure of a profile."""
    sizes = [pl.when(pl.col(name) > 0).then(pl.col(name).log()).alias(name) for name in _SIZES]
    key = [*TEST[:-1], "ai_type", "filled", "rows"]
    given = profiles.with_columns(sizes)
    long = given.unpivot([*MEASURES], index=key, variable_name="measure", value_name="value")
    return long.drop_nulls("value")


def _deviations(measures: pl.DataFrame) -> pl.DataFrame:
    """Give how far each is from the median of all, and how far the others are."""
    middle = pl.col("value").median().over(_GROUP)
    distance = (pl.col("value") - middle).abs()
    there = measures.with_columns(middle.alias("usual"), distance.alias("distance"))
    farthest = pl.col("distance").top_k(3).over(_GROUP, mapping_strategy="join")
    # Of three the first may be the client's.
    farthest = farthest.list.sort(descending=True)
    second = pl.when(pl.col("distance") >= farthest.list.get(1, null_on_oob=True)).then(
        farthest.list.get(2, null_on_oob=True)
    )
    return there.with_columns(
        pl.col("measure").replace_strict(MEASURES).alias("kind"),
        pl.col("distance").median().over(_GROUP).alias("middle"),
        second.otherwise(farthest.list.get(1, null_on_oob=True)).fill_null(0.0).alias("second"),
        (pl.len().over(_GROUP) - 1).alias("others"),
    )
