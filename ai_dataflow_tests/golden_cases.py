"""Tiny broken projects, one for each code that `validate` can tell; see `test_golden`.

Each is what it changes of the project that `projects.project` writes.
"""

from __future__ import annotations

from typing import Any

from ai_dataflow_tests.golden_parts import (
    AI,
    AWAY,
    CHOOSING,
    CLOSED,
    HEADER,
    LAKE,
    LOCATION,
    MAPPING_IN_SQL,
    NO_CERTIFICATE,
    SQL,
    TWO_PRODUCTS,
    TYPED,
    VEGA,
    coded,
    computed,
    explained,
    joined,
    joining,
    located,
    parquet,
    reshaped,
    ruled,
    typed,
)
from ai_dataflow_tests.projects import CONTROL, MAPPING, TEAMS

CASES: dict[str, dict[str, Any]] = {
    "CFG-001": {"files": {"ai_dataflow.toml": None}},
    "CFG-002": {"toml": "[workstation]\nurl = workstation\n"},
    "CFG-003": {"toml": "[execution]\nworker = 4\n"},
    "CFG-004": {"toml": '[sql.policydb]\nurl = "postgresql://u:${NO_SUCH_PASSWORD}@db/policy"\n'},
    "CFG-005": {"files": {"teams.csv": None, "team.csv": ""}},
    "CFG-020": {
        "toml": CLOSED,
        "tables": {"control_table": "sql://db/dbo.ai_control_table"},
    },
    "CFG-021": {
        "toml": '[sql.db]\nurl = "nosuch://u:secret@h/d"\n',
        "tables": {"control_table": "sql://db/dbo.ai_control_table"},
    },
    "CFG-022": {  # a driver that no extra has
        "control": located("sql://db/dbo.Claims"),
        "toml": '[sql.db]\nurl = "mysql+pymysql://u:secret@h/d"\n',
    },
    "MAP-908": {
        "toml": '[sql.platform]\nurl = "sqlite:///platform.sqlite"\n',
        "tables": {"ai_mapping": "sql://platform/ai_mapping"},
        "files": {"platform.sqlite": MAPPING_IN_SQL},
    },
    "SRC-007": {"control": located("sql://db/dbo.Claims"), "toml": CLOSED},
    "SRC-020": {
        "control": located("sql://db/dbo.Claims"),
        "toml": '[sql.db]\nurl = "nosuch://u:secret@h/d"\n',
    },
    "CFG-006": {"files": {"teams.csv": "team,email\nMünchen,".encode("latin-1")}},
    "CTL-001": {"control": CONTROL.replace("submodule_name", "submodul_name")},
    "CTL-002": {"control": CONTROL.replace(",active", "").replace(",Y", "")},
    "CTL-003": {"control": CONTROL.replace(LOCATION, "")},
    "CTL-004": {"control": CONTROL.replace("acme", "a/b")},
    "CTL-005": {"control": CONTROL.replace(",Y", ",maybe")},
    "CTL-006": {"control": CONTROL + "    ORION,claims,claim,acme,data/other.csv,Y\n"},
    "CTL-007": {
        "control": located("/mnt/orino/claims.csv"),
        "toml": '[mounts]\norion = "data"\n',
    },
    "CTL-008": {"control": located("sql://policy/Claims"), "toml": SQL},
    "CTL-009": {"control": located("data/{client}.csv")},
    "CTL-010": {
        "control": CONTROL.replace(",active", ",active,file_format").replace(",Y", ",Y,xls")
    },
    "CTL-011": {"control": CONTROL + "    ORION,claims,payment,acme,data/claims.csv,Y\n"},
    "CTL-012": {
        "control": CONTROL + "    ORION,claims,claim,Acme,data/other.csv,Y\n",
        "files": {"data/other.csv": "ClaimNo,Amount\n"},
    },
    "CTL-013": {"control": located("../../etc/claims.csv")},
    "CTL-014": {
        "control": located("sql://policydb/Claims?client_column=Clint"),
        "mapping": f"{HEADER}\n    claims,ORION,claim,No,claim_id,int64\n",
        "toml": SQL,
    },
    "CTL-015": {
        "control": CONTROL
        + "    ORION,claims,line,acme,data/claims.csv,Y\n"
        + "    ORION,claims,claim,acmee,data/claims.csv,Y\n",
        "mapping": MAPPING + "    claims,ORION,line,Amount,line_amount,float64\n",
    },
    "CTL-018": {
        "control": CONTROL.replace(",active", ",active,load").replace(",Y", ",Y,append:No")
    },
    "CTL-019": {
        "control": CONTROL.replace(",active", ",active,load").replace(",Y", ",Y,append_by:No")
    },
    "CTL-020": {
        "control": located("sql://policydb/Claims")
        .replace(",active", ",active,load")
        .replace(",Y", ",Y,append_by:Client"),
        "mapping": f"{HEADER}\n    claims,ORION,claim,No,claim_id,int64\n",
        "toml": SQL,
    },
    "CTL-901": {"control": CONTROL.replace("acme", " acme\u00a0")},
    "CTL-902": {"control": located("data/claims, old.csv")},
    "CTL-906": {"control": CONTROL.replace(",", ";")},
    "CTL-907": {"control": CONTROL.replace("_code,module", "_code,product_code,module")},
    "MAP-040": coded("client_code", "ORION,claim,No,id,int64,", "*,claim,Big,id,int64,acme"),
    "MAP-041": coded("code_list", "*,claim,Note,note,string,notse", codes="notes,a,b,\n"),
    "MAP-042": coded("unmapped", "*,claim,Note,note,string,keep"),
    "MAP-043": coded("default", "*,claim,No,claim_id,int64,none"),
    "MAP-044": coded("code_list", "*,claim,Amount,note,string,notes", codes="notes,a,b,\n"),
    "COD-003": coded("code_list", "*,claim,Note,note,string,notes", codes="notes,a,,\n"),
    "COD-006": coded(
        "code_list", "*,claim,Note,note,string,n", codes="n,a,b,\nn,a,c,\nn,a,d,ORION\n"
    ),
    "COD-008": coded(
        "code_list", "*,claim,Note,grade,int64,n", codes="n,a,one,\nn,b,2,\nn,c,two,\n"
    ),
    "MAP-060": computed("Amount,total,float64,,"),
    "MAP-061": computed(",total,float64,amount * 2,Y"),
    "MAP-062": computed(",amount,float64,1,"),
    "MAP-063": computed(",total,float64,1 + amuont,"),
    "MAP-064": computed(",gross,float64,net * 2,", ",net,float64,amount - gross,"),
    "RUL-006": ruled("ORION,claim,,No > 1", "ORION,claim,,No < 9"),
    "RUL-007": ruled("ORION,claim,,No > 1", "*,claim,acme,No < 9"),
    "RUL-008": ruled("ORION,clain,,No > 1", "ORION,claim,acmee,No < 9"),
    "RUL-010": ruled("ORION,claim,,uper(Note) = 'A'"),
    "RUL-011": ruled("ORION,claim,,No"),
    "RUL-012": ruled("ORION,claim,,,No,first"),
    "RUL-013": ruled("ORION,claim,,,No,latest:Note"),
    "RUL-020": joining("line,lokup,"),
    "RUL-021": joining("line,lookup,note <= day"),
    "RUL-022": joining("line,left,day >= note"),
    "RUL-023": joining("more,lookup,"),
    "RUL-024": joining("claim,inner,"),
    "RUL-025": joining("line,lookup,dai > nte"),
    "RUL-026": joining("line,lookup,day > note"),
    "CTL-030": {"control": CONTROL + "    VEGA,claims,rates,*,data/claims.csv,Y\n"},
    "CTL-031": {
        "control": CONTROL + '    ORION,claims,rates,*,"data/{client_code}.csv",Y\n',
        "mapping": MAPPING + "    claims,ORION,rates,Rate,rate,float64\n",
    },
    "MAP-050": {
        "control": TYPED,
        "mapping": f"{HEADER},published\n    claims,ORION,claim,No,claim_id,int64,N\n"
        "    claims,ORION,claim,Note,note,string,\n    claims,VEGA,claim,No,claim_id,int64,Y\n",
    },
    "MAP-051": {
        "control": TYPED,
        "mapping": f"{HEADER},published\n    claims,ORION,claim,No,claim_id,int64,N\n",
    },
    "RUL-030": reshaped("value FOR quarter IN No, Big"),
    "RUL-031": reshaped("value FOR quarter IN (Amount)", "Note"),
    "RUL-032": reshaped("value FOR quarter IN (Amount, `Amount `)"),
    "RUL-033": reshaped("value FOR quarter IN (Amount, Note)"),
    "RUL-034": reshaped("amount FOR quarter IN (Day)"),
    "RUL-035": reshaped("", "Amount"),
    "RUL-036": reshaped("value FOR quarter IN (No)"),
    "DIC-006": {
        "toml": 'ai_columns = "dictionary.csv"\n',
        "files": {"dictionary.csv": "module_name,ai_column\nclaims,amount\nclaims,amount\n"},
    },
    "DIC-010": explained("ai_type", "amount,float65"),
    "DIC-011": explained("ai_type,required", "claim_id,int32,Y", required="N"),
    "DIC-012": explained(
        "min,max", "claim_id,1.5,", "amount,9,1", "note,a,z", mapped="Note,note,string"
    ),
    "DIC-013": explained(
        "pattern", "claim_id,[0-9]+", "note,[A-Z{2}[0-9]{6}", mapped="Note,note,string"
    ),
    "DIC-014": explained("code_list", "amount,sizes"),
    "DIC-015": explained("max_null", "amount,20"),
    "DIC-016": explained("references", "claim_id,policy.claim_id", "amount,claims.claim_id"),
    "DIC-017": explained("description", "amuont,Amount claimed"),
    "DIC-018": explained("is_key", "tags,Y", mapped="'[]',tags,list(string)"),
    "DIC-020": explained("valid_from", "claim_id,since", "amount,note", mapped="Note,note,string"),
    "DIC-019": explained("required", "amount,Y", control=TWO_PRODUCTS, mapped=VEGA.strip()),
    "DIC-021": explained("min,severity", "amount,0,wran", "claim_id,1,info"),
    "DIC-022": explained(
        "max_null,references,severity,blocks", "amount,5%,,warn,Y", "claim_id,,claims.claim_id,,Y"
    ),
    "DIC-023": explained("unit,severity,blocks", "amount,EUR,warn,", "claim_id,,,N"),
    "MAP-003": {"mapping": MAPPING.replace("amount", "")},
    "MAP-004": {"mapping": MAPPING.replace("amount", "2nd amount")},
    "MAP-005": {
        "mapping": f"{HEADER},is_key\n    claims,ORION,claim,ClaimNo,claim_id,int64,perhaps\n"
    },
    "MAP-006": {"mapping": MAPPING.replace("float64", "flaot64")},
    "MAP-007": {"control": TWO_PRODUCTS, "mapping": MAPPING + VEGA.replace("int64", "string")},
    "MAP-008": {"mapping": MAPPING.replace("claim_id", "client_code")},
    "MAP-009": {"mapping": MAPPING + "    claims,ORION,claim,Amount,claim_id,int64\n"},
    "MAP-010": {"mapping": MAPPING.replace("Amount", "")},
    "MAP-011": typed(",status,string", "uper(Note)"),
    "MAP-012": joined(
        "claim,No,claim_id,int64,Y",
        "claim,Note,status,string,",
        "line,No,claim_id,int64,Y",
        "line,Note,status,string,",
    ),
    "MAP-013": joined("claim,No,claim_id,int64,Y", "line,No,line_id,int64,Y"),
    "MAP-014": {
        "control": CONTROL
        + "".join(f"    ORION,claims,claim,client{i:02},data/{i}.csv,Y\n" for i in range(13))
        + "    VEGA,claims,claim,borealis,data/claims.csv,Y\n",
        "mapping": MAPPING.replace(",Amount", ",Amont") + VEGA,
        "files": {f"data/{i}.csv": "ClaimNo,Amount\n" for i in range(13)},
        "workbooks": True,
    },
    "MAP-015": typed("Day,claim_id,int64"),
    "MAP-016": {"mapping": MAPPING + "    claims,ORION,clam,Region,region,string\n"},
    "MAP-017": {"mapping": MAPPING.replace("ClaimNo", "claimno")},
    "MAP-018": typed("ref,reference,string"),
    "MAP-019": typed(",share,float64", "Amount / SUM(Amount)"),
    "MAP-020": joined("claim,No,claim_id,string,Y", "line,Note,claim_id,string,Y"),
    "MAP-021": {
        "control": TWO_PRODUCTS,
        "mapping": f"{HEADER},required\n    claims,ORION,claim,Amount,amount,float64,Y\n"
        + VEGA.replace("int64", "int64,"),
    },
    "MAP-022": typed("No,claim_id,int32"),
    "MAP-023": {"control": TWO_PRODUCTS, "mapping": MAPPING + VEGA.replace("claim_id", "Claim_Id")},
    "CTL-016": {"control": CONTROL + "    ORION,claims,claim,borealis,data/claims.csv,Y\n"},
    "CTL-017": {
        "control": CONTROL
        + "    ORION,claims,claim,borealis,data/b.csv,Y\n"
        + "    VEGA,claims,claim,borealis,data/claims.csv,Y\n"
        + "    VEGA,claims,claim,boraelis,data/v.csv,Y\n",
        "mapping": MAPPING + VEGA,
    },
    "CTL-021": {
        "control": CONTROL.replace(",active", ",active,client_value").replace(",Y", ",Y,0815")
    },
    "CTL-022": {
        "control": located("data/rows.parquet?client_column=Client"),
        "mapping": f"{HEADER}\n    claims,ORION,claim,No,claim_id,int64\n",
        "files": {"data/rows.parquet": parquet({"No": [1], "Client": [1.5]})},
    },
    "CTL-023": {
        "control": located("data/claims.csv?client_column=Client"),
        "files": {"data/claims.csv": "Client,ClaimNo,Amount\nacme,1,1\nother,2,2\nother,3,3\n"},
    },
    "SRC-016": {
        "control": located("data/claims.csv?client_column=Client"),
        "files": {"data/claims.csv": "Client,ClaimNo,Amount\nacme,1,1\n,2,2\n"},
    },
    "MAP-024": typed(",is_overdue,boolean", "Day < current_date"),
    "MAP-025": {
        "control": TWO_PRODUCTS + "    LYRA,claims,claim,coral,data/l.csv,Y\n",
        "mapping": MAPPING
        + VEGA.replace("claim_id", "amount").replace("int64", "float64")
        + "    claims,LYRA,claim,Amount,amouunt,float64\n",
    },
    "MAP-026": typed("Note,note,string", "upper(trim(Ref))"),
    "MAP-028": typed(",share,float64", "No / 2"),
    "MAP-029": typed(",since,date", "CAST('2024-1-1' AS DATE)"),
    "MAP-030": typed(",points,float64", "ROUND(Amount)"),
    "MAP-027": joined("claim,No,claim_id,int64,Y", "line,No,claim_id,int64,"),
    "MAP-031": joined(
        "claim,No,claim_id,int64,Y", "line,Amount,amount,float64,", marked="required"
    ),
    "MAP-901": {"mapping": MAPPING.replace("claim_id", "claim_id ")},
    "MAP-903": {"mapping": MAPPING, "merged": "A2:A3"},
    "MAP-904": {"mapping": MAPPING, "cells": {"E3": "=cmd()"}},
    "MAP-905": {"mapping": MAPPING, "cells": {"E3": "#REF!"}},
    "TEM-003": {"teams": TEAMS.replace("orion-data@example.org", "")},
    "TEM-006": {"teams": TEAMS.replace("source", "sorce")},
    "TEM-007": {"teams": TEAMS.replace("orion-data@", "orion-data at ")},
    "TEM-008": {"teams": TEAMS.split("    ai-platform", maxsplit=1)[0]},
    "TEM-009": {"teams": TEAMS.replace("ORION", "ORIN")},
    "TEM-010": {"teams": CHOOSING.replace("ORION,*,,", "ORION,*,faliures,")},
    "TEM-011": {"teams": CHOOSING.replace("ORION,*,,", "ORION,*,,montly")},
    "TEM-012": {
        "teams": CHOOSING + "    orion-data,orion-data@example.org,source,ORION,*,digest,\n"
    },
    "SRC-001": {"control": located("data/nowhere.csv")},
    "SRC-002": {"files": {LOCATION: ""}},
    "SRC-003": {"files": {LOCATION: "ClaimNo,Amount,ClaimNo\n"}},
    "SRC-031": {"files": {LOCATION: "ClaimNo,Amount\n7,Dvořák\n".encode("cp1250")}},
    "SRC-032": {"files": {LOCATION: "ClaimNo,Amount\n7,Köln Gießen Zürich\n".encode("latin-1")}},
    "SRC-010": {
        "control": located("data/two"),
        "files": {"data/two/a.csv": "ClaimNo,Amount\n", "data/two/b.csv": "Amount\n"},
    },
    "SRC-011": {"control": located(LAKE), "toml": NO_CERTIFICATE},
    "SRC-012": {"control": located(LAKE), "toml": AWAY},
    "WST-004": {"toml": AI + AWAY},
    "WST-005": {"toml": AI + NO_CERTIFICATE},
    "COV-001": {
        "control": TWO_PRODUCTS,
        "mapping": MAPPING + VEGA,
        "toml": "[modules.claims]\nmin_coverage = 0.9\ncoverage_blocks = true\n",
    },
}
