"""The project that `ai-dataflow init` writes: small, commented, and running as it is."""

from __future__ import annotations

from pathlib import Path

import openpyxl
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic

_SETTINGS = """\
# A project of ai_dataflow. Paths are relative to this file's folder.
# ${NAME} anywhere is read from the environment: secrets belong there.

control_table = "control_table.csv"        # what to load: one row per semantic model and client
ai_mapping    = "ai_mapping.xlsx#AI_Map"   # which source column feeds which AI column
teams         = "teams.csv"                # who owns what; the first row that matches wins

[mounts]                                   # short names: /mnt/orion/... in the control table
orion = "data/orion"                       # or abfss://semantic@orionlake.dfs.core.windows.net

# [storage.orionlake]                      # a storage account; without a section it is signed in
# account_key = "${ORION_KEY}"             # to by azure-identity: managed identity, Azure CLI, ...

# [sql.policydb]                           # then: sql://policydb/dbo.Claims?client_column=Client
# url = "sqlite:///data/policy.sqlite"     # any SQLAlchemy URL

[workstation]
url = "workstation"                        # where the datasets are published; or abfss://...

[execution]
workers = 4                                # partitions at once

# [mail]                                   # without it, mails are files in mails/
# host = "smtp.example.org"                # tls = "starttls", or smtps, or none
# user = "robot"
# password = "${SMTP_PASSWORD}"
# from = "ai-dataflow@example.org"
"""

_CONTROL = """\
product_code,module_name,submodule_name,client_code,module_location,active
ORION,claims,header,acme,/mnt/orion/claims/{client_code}/header.csv,Y
ORION,claims,line,acme,/mnt/orion/claims/{client_code}/line.csv,Y
ORION,claims,header,borealis,/mnt/orion/claims/{client_code}/header.csv,Y
ORION,claims,line,borealis,/mnt/orion/claims/{client_code}/line.csv,Y
VEGA,claims,claim,acme,data/vega/claims_{client_code}.csv,Y
VEGA,claims,claim,borealis,data/vega/claims_{client_code}.csv,N
"""

_TEAMS = """\
team,email,concern,product_code,module_name
orion-data,orion-data@example.org,source,ORION,*
ai-mapping,ai-mapping@example.org,mapping,*,*
ai-platform,ai-platform@example.org,*,*,*
"""

_MAPPING_HEADER = {
    "module_name": "The module; its AI dataset has this name.",
    "product_code": "The product that the row is about; * is every product.",
    "submodule_name": "The submodule, as in the control table.",
    "source_column": "The product's column. May be blank where there is a transform.",
    "ai_column": "The column of the AI dataset.",
    "ai_type": "string, boolean, int32, int64, float64, decimal(18,2), date, timestamp, ...",
    "transform": "A scalar SQL expression over the source's columns.",
    "is_key": "Y: the product's submodules are joined on it.",
    "required": "Y: a row without a value is rejected.",
    "description": "What the column means; it travels in the dataset's schema.",
}

_MAPPING = (
    ("claims", "ORION", "header", "ClaimNo", "claim_id", "int64", "", "Y", "Y", "Claim number"),
    ("claims", "ORION", "header", "ClaimDate", "claim_date", "date", "", "", "Y", "Day of loss"),
    ("claims", "ORION", "header", "Status", "status", "string", "upper(trim(Status))", "", "",
     "Status, upper case"),
    ("claims", "ORION", "line", "ClaimNo", "claim_id", "int64", "", "Y", "Y", ""),
    ("claims", "ORION", "line", "Amount", "amount", "decimal(18,2)", "", "", "", "Amount claimed"),
    ("claims", "VEGA", "claim", "id", "claim_id", "int64", "", "", "Y", ""),
    ("claims", "VEGA", "claim", "loss_day", "claim_date", "date", "", "", "Y", ""),
    ("claims", "VEGA", "claim", "total", "amount", "decimal(18,2)", "", "", "", ""),
)  # fmt: skip

_DATA = {
    "data/orion/claims/acme/header.csv": """\
ClaimNo,ClaimDate,Status
1001,2026-01-05,open
1002,2026-01-09,closed
1003,2026-02-30,open
""",
    "data/orion/claims/acme/line.csv": """\
ClaimNo,LineNo,Amount
1001,1,120.50
1001,2,80.00
1002,1,1999.99
""",
    "data/orion/claims/borealis/header.csv": """\
ClaimNo,ClaimDate,Status
2001,2026-03-01,open
""",
    "data/orion/claims/borealis/line.csv": """\
ClaimNo,LineNo,Amount
2001,1,75.25
""",
    "data/vega/claims_acme.csv": """\
id,loss_day,total
7,2026-01-15,310.00
8,2026-01-16,n/a
""",
}


def write_project(folder: Path) -> None:
    """Write the project into a new or empty folder.

    Raises:
        DataflowError: CFG-003 where the folder has something in it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataflowError(
            Diagnostic(
                "CFG-003",
                f"{folder} is there already and not an empty folder",
                place=str(folder),
                fix="choose another folder",
            )
        )
    texts = {
        "ai_dataflow.toml": _SETTINGS,
        "control_table.csv": _CONTROL,
        "teams.csv": _TEAMS,
        ".gitignore": "/workstation/\n/.dagster/\n/.cache/\n/mails/\n",
        **_DATA,
    }
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    _write_mapping(folder / "ai_mapping.xlsx")


def _write_mapping(file: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)  # noqa: S101 - a new workbook has one
    sheet.title = "AI_Map"
    sheet.append(list(_MAPPING_HEADER))
    for row in _MAPPING:
        sheet.append([value or None for value in row])
    for i, note in enumerate(_MAPPING_HEADER.values(), start=1):
        cell = sheet.cell(1, i)
        cell.font = Font(bold=True)
        cell.comment = Comment(note, "ai_dataflow")
        sheet.column_dimensions[get_column_letter(i)].width = 18
    sheet.freeze_panes = "A2"
    book.save(file)
