{% macro header(product) %}
select split_part(filename, '/', -2) as client_code, No as claim_id, upper(trim(status)) as status,
       cast(opened as date) as opened, region, branch, agent
from read_parquet('{{ env_var("PROJECT") }}/data/*/{{ product }}-header.parquet', filename = true)
{% endmacro %}

{% macro detail(product) %}
select split_part(filename, '/', -2) as client_code, No as claim_id, cast(amount as double) as amount,
       cast(quantity as bigint) as quantity, rate, note, kind, code
from read_parquet('{{ env_var("PROJECT") }}/data/*/{{ product }}-detail.parquet', filename = true)
{% endmacro %}
