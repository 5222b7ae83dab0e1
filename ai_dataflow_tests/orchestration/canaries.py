"""Canaries: secrets and values that are unique, planted in a project where everything fails."""

from __future__ import annotations

import base64
import sqlite3
import zlib
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs.azure import abfss
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.postgres import USER, Postgres
from ai_dataflow_tests.services.processes import HOST, unique

HEADER = "product_code,module_name,submodule_name,client_code,module_location,active"
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,is_key
    claims,*,claim,ClaimNo,claim_id,int64,,
    claims,*,claim,Subject,subject,string,,
    claims,*,claim,Amount,amount,float64,,
    joined,LYRA,header,Key,joined_id,string,,Y
    joined,LYRA,header,Left,left_side,string,,
    joined,LYRA,line,Key,joined_id,string,,Y
    joined,LYRA,line,Right,right_side,string,,
    bent,LYRA,claim,,bent_day,date,"STRPTIME(Subject, '%Y-%m-%d')",
"""
ERRORS = """
    CREATE TABLE claims ("ClaimNo" bigint, "Subject" text, "Amount" text);
    INSERT INTO claims VALUES (1, '{0}', '{1}');
    CREATE VIEW quoting AS
        SELECT "ClaimNo", "Subject", CAST("Subject" AS integer) AS "Amount" FROM claims;
    CREATE VIEW in_detail AS SELECT "ClaimNo", "Subject",
        (json_build_array("Subject")::text || '{{')::json ->> 0 AS "Amount" FROM claims;
"""


@dataclass
class Canaries:
    """What is planted: secrets, which are to be found nowhere, and values of rows."""

    secrets: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

    def secret(self, name: str, text: str = "") -> str:
        """Plant a secret: a given one, or one that nothing else has."""
        return self.secrets.setdefault(name, text or unique("sEcReT"))

    def value(self, name: str) -> str:
        """Plant a value."""
        return self.values.setdefault(name, unique("vAlUe"))

    def secrets_in(self, text: bytes) -> set[str]:
        """Name the secrets that are in a text, however they are spelt."""
        return {
            f"{name} ({how})"
            for name, secret in self.secrets.items()
            for how, spelt in _spellings(secret).items()
            if spelt.encode() in text
        }

    def found_in(self, text: bytes) -> set[str]:
        """Name the secrets and values that are in a text."""
        values = {name for name, value in self.values.items() if value.encode() in text}
        return self.secrets_in(text) | values


def _spellings(secret: str) -> dict[str, str]:
    return {
        "as it is": secret,
        "quoted": quote(secret, safe=""),
        "quoted for a form": quote_plus(secret),
        "unquoted": unquote(secret),
        "in base64": base64.b64encode(secret.encode()).decode().rstrip("="),
        "in JSON": secret.replace("/", "\\/"),
    }


def plant(folder: Path, azurite: Azurite, postgres: Postgres, closed: int) -> Canaries:
    """Write the project; `closed` is a port where nobody answers."""
    canaries = Canaries()
    container = azurite.create_container("lyralake")
    azurite.create_container("workstation", container)
    for name, content in _files(canaries).items():
        azurite.upload("lyralake", container, name, content)
    database = postgres.create_database()
    values = canaries.value("in a table"), canaries.value("in a table's number")
    postgres.execute(ERRORS.format(*values), database=database)
    control = [HEADER, *_rows(container)]
    toml = f"""
        {_storage(canaries, azurite, container, closed)}
        {_sql(canaries, postgres, database, closed)}
        [workstation]
        url = "{abfss("workstation", container, "ai")}"
        [execution]
        retry_seconds = 0
    """
    project(folder, control="\n".join(control), mapping=MAPPING, toml=toml)
    return canaries


def _rows(container: str) -> list[str]:
    files = {name: f"{name}.csv" for name in ("text", "quote", "latin")}
    files |= {"parquet": "broken.parquet", "jsonl": "broken.jsonl"}
    places = {client: abfss("lyralake", container, path) for client, path in files.items()}
    for account in ("orionlake", "vegalake", "gonelake", "identitylake"):
        places[account] = abfss(account, container, "text.csv")
    tables = ("lyra/missing", "lyra/quoting", "lyra/in_detail")
    tables += ("wrong/claims", "bulk/claims", "gone/claims")
    places |= {name.replace("/", "-"): f"sql://{name}" for name in tables}
    rows = [f"LYRA,claims,claim,{client},{place},Y" for client, place in places.items()]
    place = abfss("lyralake", container)
    rows += [f"LYRA,joined,{part},acme,{place}/{part}.csv,Y" for part in ("header", "line")]
    return [*rows, f"LYRA,bent,claim,text,{places['text']},Y"]


def _files(canaries: Canaries) -> dict[str, bytes]:
    v = canaries.value
    key = v("a key that is there twice")
    head = "ClaimNo,Subject,Amount\n"
    text = f"1,{v('a text')},2\n2,b,{v('no number')}\n3,{v('too many fields')},4,5,6\n"
    files = {
        "text.csv": f"{head}{text}",
        "quote.csv": f'{head}1,"{v("a quote never closed")},2\n2,b,3\n',
        "broken.jsonl": f'{{"ClaimNo": 1, "Subject": "{v("broken JSON")}", "Amount"\n',
        "header.csv": f"Key,Left\n{key},a\n{key},b\n",
        "line.csv": f"Key,Right\n{key},c\n{key},d\n",
    }
    # In one encoding alone it might be read, by the look of its words: these are random.
    mixed = f"{head}2,ü,3\n".encode() + f"1,{v('no UTF-8')}\xfc,2\n".encode("latin-1")
    parquet = f"PAR1{v('broken Parquet')}PAR1".encode()
    encoded = {name: content.encode() for name, content in files.items()}
    return {**encoded, "latin.csv": mixed, "broken.parquet": parquet}


def _storage(canaries: Canaries, azurite: Azurite, container: str, closed: int) -> str:
    wrong = base64.b64encode(unique("a wrong key").encode()).decode()
    expired = azurite.sas("vegalake", container, expiry=timedelta(hours=-1))
    gone = f"sv=2024-11-04&se=2099-01-01&sp=rl&sig={quote(unique('sig+/') + '=', safe='')}"
    for name, token in {"expired SAS": expired, "SAS of nobody": gone}.items():
        canaries.secret(name, token)
        canaries.secret(f"signature of the {name}", token.partition("sig=")[2].partition("&")[0])
    connection = azurite.connection_string("workstation")
    canaries.secret("connection string", connection)
    canaries.secret("workstation's key", azurite.keys["workstation"])
    return f"""
        [storage.orionlake]
        account_key = "{canaries.secret("wrong key", wrong)}"
        endpoint = "{azurite.endpoint("orionlake")}"
        [storage.vegalake]
        sas_token = "{expired}"
        endpoint = "{azurite.endpoint("vegalake")}"
        [storage.lyralake]
        account_key = "{canaries.secret("key", azurite.keys["lyralake"])}"
        endpoint = "{azurite.endpoint("lyralake")}"
        [storage.gonelake]
        sas_token = "{gone}"
        endpoint = "http://{HOST}:{closed}/gonelake"
        [storage.identitylake]
        tenant_id = "00000000-0000-0000-0000-000000000000"
        client_id = "00000000-0000-0000-0000-000000000001"
        client_secret = "{canaries.secret("client secret")}"
        endpoint = "{azurite.endpoint("orionlake")}"
        [storage.workstation]
        connection_string = "{connection}"
    """


def _sql(canaries: Canaries, postgres: Postgres, database: str, closed: int) -> str:
    def url(password: str, port: int) -> str:
        return f"postgresql+psycopg://{USER}:{password}@{HOST}:{port}/{database}"

    odbc = postgres.odbc(database).replace(postgres.password, canaries.secret("ODBC password"))
    canaries.secret("password", postgres.password)
    return f"""
        [sql.lyra]
        url = "{postgres.url(database)}"
        [sql.wrong]
        url = "{url(canaries.secret("wrong password"), postgres.port)}"
        [sql.bulk]
        url = "{postgres.url(database)}"
        odbc = "{odbc}"
        [sql.gone]
        url = "{url(canaries.secret("password for nobody"), closed)}"
    """


def written_in(folder: Path) -> bytes:
    """Give all that is written in a folder, with what SQLite has in compressed columns."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    parts = [path.read_bytes() for path in files]
    for path in files:
        if path.suffix == ".db":
            parts += _unpacked(path)
    return b"\n".join(parts)


def _unpacked(path: Path) -> list[bytes]:
    with closing(sqlite3.connect(path)) as database:
        named = "SELECT name FROM sqlite_master WHERE name = 'snapshots'"
        if not database.execute(named).fetchall():
            return []
        rows = database.execute("SELECT snapshot_body FROM snapshots").fetchall()
    return [zlib.decompress(body) for (body,) in rows]
