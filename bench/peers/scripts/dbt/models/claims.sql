{{ config(materialized='external', location=env_var('OUT') ~ '/claims',
          options={'partition_by': 'client_code', 'overwrite_or_ignore': 1}) }}
{% for product in ['lyra', 'orion', 'vega'] %}
select claim_id, status, opened, region, branch, agent, amount, quantity, rate, note, kind, code,
       '{{ product | upper }}' as product_code, client_code
from {{ ref(product ~ '_header') }}
full join {{ ref(product ~ '_detail') }} using (client_code, claim_id)
{% if not loop.last %}union all{% endif %}
{% endfor %}
