"""DuckDB, all clients in one statement, a COPY partitioned by client; one commit."""

import sys

import duckdb
from committing import commit

PRODUCTS = ("LYRA", "ORION", "VEGA")
OF_PRODUCT = """
    SELECT claim_id, status, opened, region, branch, agent, amount, quantity, rate, note, kind,
           code, '{product}' AS product_code, client_code
    FROM (
        SELECT split_part(filename, '/', -2) AS client_code, No AS claim_id,
               upper(trim(status)) AS status, CAST(opened AS DATE) AS opened, region, branch, agent
        FROM read_parquet('{project}/data/*/{product}-header.parquet', filename = true)
    ) header
    FULL JOIN (
        SELECT split_part(filename, '/', -2) AS client_code, No AS claim_id,
               CAST(amount AS DOUBLE) AS amount, CAST(quantity AS BIGINT) AS quantity,
               rate, note, kind, code
        FROM read_parquet('{project}/data/*/{product}-detail.parquet', filename = true)
    ) detail
    USING (client_code, claim_id)
"""


def main(project: str, out: str) -> None:
    """Make all clients of a project."""
    products = [OF_PRODUCT.format(product=product, project=project) for product in PRODUCTS]
    duckdb.execute(
        f"COPY ({' UNION ALL '.join(products)}) TO '{out}/claims' "
        "(FORMAT parquet, PARTITION_BY (client_code))"
    )
    commit(f"{out}/claims")


if __name__ == "__main__":
    main(*sys.argv[1:])
