MODEL (name stage.orion_header, kind VIEW);
SELECT split_part(filename, '/', -2) AS client_code, No::BIGINT AS claim_id,
       upper(trim(status)) AS status, CAST(opened AS DATE) AS opened, region, branch, agent
FROM read_parquet('__PROJECT__/data/*/ORION-header.parquet', filename = true)
