MODEL (name stage.vega_detail, kind VIEW);
SELECT split_part(filename, '/', -2) AS client_code, No::BIGINT AS claim_id,
       CAST(amount AS DOUBLE) AS amount, CAST(quantity AS BIGINT) AS quantity, rate, note, kind, code
FROM read_parquet('__PROJECT__/data/*/VEGA-detail.parquet', filename = true)
