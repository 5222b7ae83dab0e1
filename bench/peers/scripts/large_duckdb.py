"""One large partition, DuckDB in one statement; one commit."""

import sys

import duckdb
from committing import commit

STATEMENT = """
COPY (
    SELECT claim_id, status, line, amount, 'ORION' AS product_code, 'acme' AS client_code
    FROM (
        SELECT No AS claim_id, upper(Status) AS status FROM '{project}/data/header.parquet'
    ) header
    FULL JOIN (
        SELECT No AS claim_id, Line AS line, TRY_CAST(Amount AS DOUBLE) AS amount
        FROM '{project}/data/line.parquet' WHERE TRY_CAST(Amount AS DOUBLE) IS NOT NULL
    ) line
    USING (claim_id)
    UNION ALL
    SELECT id, state, NULL::BIGINT, TRY_CAST(total AS DOUBLE), 'VEGA', 'acme'
    FROM '{project}/data/claim.parquet' WHERE TRY_CAST(total AS DOUBLE) IS NOT NULL
) TO '{out}/claims' (FORMAT parquet, PARTITION_BY (client_code))
"""


def main(project: str, out: str) -> None:
    """Make the partition of a project."""
    duckdb.execute(STATEMENT.format(project=project, out=out))
    commit(f"{out}/claims")


if __name__ == "__main__":
    main(*sys.argv[1:])
