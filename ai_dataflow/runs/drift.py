"""What is unusual of publications, by their profiles: against those before, against other clients.

Pure. A publication is compared with a few earlier ones, and is as far away as the nearest of them;
how far earlier ones were in their turn says how far is usual.
"""

from __future__ import annotations

import polars as pl

from ai_dataflow.workstation.distances import BEFORE, KEYS, KINDS, apart
from ai_dataflow.workstation.margins import FLOORS, GAP, learned, noise, strictness
from ai_dataflow.workstation.nights import WEEK

TEST = (*KEYS, "publication", "kind")
_LISTS = ("quantiles", "frequent", "looks")
_ROWS_OF_CATEGORY = 5  # in the mean of the frequent values, on both sides


def screened(now: pl.DataFrame, then: pl.DataFrame, references: pl.DataFrame) -> pl.DataFrame:
    """Give the tests of publications that chance and least differences do not explain.

    Args:
        now: the measured profiles of publications.
        then: those of what they are compared with.
        references: which is compared with which, as `nights.references` has it.
    """
    tests = _tests(now, then, references)
    kinds = list(FLOORS)
    floor = pl.col("kind").replace_strict(kinds, [FLOORS[kind].usual for kind in kinds])
    return tests.filter(pl.col("distance") > pl.max_horizontal(floor, "noise"))


def confirmed(suspects: pl.DataFrame, past: pl.DataFrame, references: pl.DataFrame) -> pl.DataFrame:
    """Give those of the screened tests that the past does not explain, with margin and score.

    Args:
        suspects: what `screened` gave.
        past: earlier measured profiles of the same clients, products and columns.
        references: which earlier publication is compared with which.
    """
    if suspects.is_empty():
        return learned(suspects.with_columns(earlier=pl.lit(None, pl.List(pl.Float64)), days=0))
    about = suspects.select(KEYS).unique()
    wanted = past.join(about, on=[*KEYS], how="semi")
    tests = _tests(wanted, wanted, references)
    keys = [*KEYS, "kind"]
    earlier = _settled(tests, past).group_by(keys).agg(pl.col("distance").alias("earlier"))
    days = past.group_by("client_code").agg(
        (pl.col("at").max() - pl.col("at").min()).dt.total_days().alias("days")
    )
    together = suspects.join(earlier, on=keys, how="left").join(days, on="client_code", how="left")
    return learned(together).filter(pl.col("score") > 1)


def _settled(tests: pl.DataFrame, past: pl.DataFrame) -> pl.DataFrame:
    """Leave out a client's first week, once there are two: it has no week before."""
    at = past.group_by("client_code", "publication").agg(pl.col("at").first())
    age = pl.col("at") - pl.col("at").min().over("client_code")
    late = at.filter((age >= WEEK) | (age.max().over("client_code") < 2 * WEEK))
    return tests.join(late, on=["client_code", "publication"], how="semi")


def _tests(now: pl.DataFrame, then: pl.DataFrame, references: pl.DataFrame) -> pl.DataFrame:
    """Give distances and noise: a row per profile and kind, to the nearest of its references."""
    pairs = _pairs(now, then, references)
    # Lists are dear to move on.
    scalars = pairs.drop([f"{name}{side}" for name in _LISTS for side in ("", BEFORE)])
    counted = _with_enough_rows(scalars.hstack(apart(pairs).rename(GAP)))
    tests = counted.group_by("client_code", "publication").agg(
        (pl.sum_horizontal(pl.col(gap).is_not_null() for gap in GAP.values()).sum()).alias("tests")
    )
    z = tests.with_columns(strictness(tests["tests"]).alias("z")).drop("tests")
    with_noise = counted.join(
        z, on=["client_code", "publication"], maintain_order="left"
    ).with_columns(noise())
    key = [*KEYS, "publication"]
    nearest = with_noise.group_by(key).agg(
        (pl.col("rows") > pl.col(f"rows{BEFORE}")).all().alias("is_more"),
        *(pl.col(gap).min().alias(kind) for kind, gap in GAP.items()),
        *(pl.col(f"noise_{kind}").max() for kind in KINDS),
    )
    distances = nearest.unpivot(
        [*KINDS], index=[*key, "is_more"], variable_name="kind", value_name="distance"
    )
    noises = nearest.unpivot([f"noise_{kind}" for kind in KINDS], value_name="noise")
    return distances.hstack([noises["noise"]]).filter(pl.col("distance").is_not_null())


def _with_enough_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    """Leave out shares of categories that have fewer rows than a chi-squared test asks for."""
    sides = (pl.col(f"filled{s}") >= _ROWS_OF_CATEGORY * pl.col(f"listed{s}") for s in ("", BEFORE))
    gap = GAP["categories"]
    return pairs.with_columns(pl.when(pl.all_horizontal(*sides)).then(gap).alias(gap))


def _pairs(now: pl.DataFrame, then: pl.DataFrame, references: pl.DataFrame) -> pl.DataFrame:
    """Join publications with what they are compared with; types must be the same."""
    before = then.rename({"publication": "reference"})
    on = [*KEYS, "ai_type", "reference"]
    wanted = now.join(references, on=["client_code", "publication"])
    return wanted.join(before, on=on, suffix=BEFORE).with_columns(
        pl.col("ai_type").alias(f"ai_type{BEFORE}")
    )
