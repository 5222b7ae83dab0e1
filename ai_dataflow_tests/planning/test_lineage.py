"""Column lineage: which source columns each AI column of a partition comes from."""

from __future__ import annotations

from pathlib import Path

from ai_dataflow.config.project import load_project
from ai_dataflow.planning.lineage import Origin, lineage
from ai_dataflow.planning.plan import make_plan
from ai_dataflow_tests.projects import project

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,header,acme,h.csv,Y
    ORION,claims,line,acme,sql://policydb/dbo.Lines,Y
    VEGA,claims,claim,acme,c.csv,Y
    VEGA,claims,claim,borealis,c.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,is_key
    claims,ORION,header,ClaimNo,claim_id,int64,,Y
    claims,ORION,line,ClaimNo,claim_id,int64,,Y
    claims,VEGA,claim,id,claim_id,int64,,
    claims,ORION,line,,total,float64,Net * (1 + Tax) + Net,
    claims,VEGA,claim,Currency,currency,string,'EUR',
    claims,VEGA,claim,Status,status,string,upper(State),
    claims,VEGA,claim,,broken,string,upper((,
"""
TOML = '[sql.policydb]\nurl = "sqlite://"\n'


def origins(folder: Path, partition: str) -> dict[str, tuple[Origin, ...]]:
    written = project(folder, control=CONTROL, mapping=MAPPING, toml=TOML)
    return lineage(make_plan(load_project(written)).jobs[partition])


def test_a_column_comes_from_each_product_and_submodule_that_maps_it(tmp_path: Path) -> None:
    assert origins(tmp_path, "claims|acme")["claim_id"] == (
        Origin("adls_extract", "ORION", "header", "ClaimNo"),
        Origin("azure_sql_extract", "ORION", "line", "ClaimNo"),
        Origin("adls_extract", "VEGA", "claim", "id"),
    )


def test_a_transform_comes_from_the_columns_that_it_reads_once_each(tmp_path: Path) -> None:
    found = origins(tmp_path, "claims|acme")
    assert [origin.column for origin in found["total"]] == ["Net", "Tax"]
    assert [origin.column for origin in found["status"]] == ["State"]


def test_columns_that_come_from_nowhere_have_no_origin(tmp_path: Path) -> None:
    found = origins(tmp_path, "claims|borealis")
    assert list(found) == ["claim_id", "total", "currency", "status", "broken"]
    assert found["total"] == ()  # mapped by another product only
    assert found["currency"] == ()  # a constant
    assert found["broken"] == ()  # does not compile; the run says so
