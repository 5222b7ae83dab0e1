MODEL (name ai.claims, kind FULL, grain (product_code, client_code, claim_id));
SELECT claim_id, status, opened, region, branch, agent, amount, quantity, rate, note, kind, code,
       'LYRA' AS product_code, client_code
FROM stage.lyra_header FULL JOIN stage.lyra_detail USING (client_code, claim_id)
UNION ALL
SELECT claim_id, status, opened, region, branch, agent, amount, quantity, rate, note, kind, code,
       'ORION' AS product_code, client_code
FROM stage.orion_header FULL JOIN stage.orion_detail USING (client_code, claim_id)
UNION ALL
SELECT claim_id, status, opened, region, branch, agent, amount, quantity, rate, note, kind, code,
       'VEGA' AS product_code, client_code
FROM stage.vega_header FULL JOIN stage.vega_detail USING (client_code, claim_id)
