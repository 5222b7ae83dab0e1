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

_PROFILE = TEST[:-1]
_GROUP = ("product_code", "ai_column", "ai_type")
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


def compared_measures(profiles: pl.DataFrame) -> pl.DataFrame:
    """Give of the profiles of columns what is compared, in a tenth of their memory."""
    given = measured(profiles.filter(pl.col("ai_column") != ""))
    sizes = [pl.when(pl.col(name) > 0).then(pl.col(name).log()).alias(name) for name in _SIZES]
    return given.with_columns(sizes).select(*_PROFILE, "at", "ai_type", "rows", "filled", *MEASURES)


def far_from_others(measures: pl.DataFrame, first: Collection[str]) -> Far:
    """Tell in which tests first publications are far from all other clients, whatever chance does.

    Args:
        measures: `compared_measures` of some columns that readers see of all clients of the module.
        first: the publications among them that are the first ones of their clients.
    """
    ordered = measures.sort("at", maintain_order=True)
    given = ordered.unique(_PROFILE, keep="last", maintain_order=True)
    is_first = pl.col("publication").is_in([*first])
    far = [_far(given, measure, kind).filter(is_first) for measure, kind in MEASURES.items()]
    tests = pl.sum_horizontal(pl.col(measure).is_not_null() for measure in MEASURES).sum()
    return Far(
        pl.concat(far), given.filter(is_first).group_by("client_code").agg(tests.alias("len"))
    )


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


def _far(measures: pl.DataFrame, measure: str, kind: str) -> pl.DataFrame:
    """Give what is far from the median of all, by one measure; how far the others are says so."""
    value, distance = pl.col(measure), pl.col("distance")
    usual = value.median().over(_GROUP)
    there = measures.select(
        *_PROFILE, "ai_type", "rows", "filled", usual.alias("usual"),
        (value - usual).abs().alias("distance"),
    )  # fmt: skip
    second, third = (
        distance.drop_nulls().top_k(3).sort(descending=True).get(place, null_on_oob=True)
        for place in (1, 2)
    )
    there = there.with_columns(
        distance.median().over(_GROUP).alias("middle"),
        second.over(_GROUP).alias("second"),
        third.over(_GROUP).alias("third"),
        (distance.count().over(_GROUP) - 1).alias("others"),
    )
    # Of three the first may be the client's.
    others = pl.when(distance >= pl.col("second")).then("third").otherwise("second").fill_null(0.0)
    margin = pl.max_horizontal(FLOORS[kind].others, MEDIANS * pl.col("middle"), SECONDS * others)
    is_far = (distance > margin) & (pl.col("others") >= ENOUGH_CLIENTS)
    kinds = pl.lit(kind).alias("kind"), pl.lit(measure).alias("measure")
    return there.with_columns(margin.alias("margin"), *kinds).filter(is_far)
