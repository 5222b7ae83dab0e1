"""What must come out of the insurer: computed from its files, in plain Python.

It knows nothing of ai_dataflow and of the sheet. Each function says in its words what the rows of a
source become, and where the others went. Example: python examples/insurer/totals.py insurer
"""

import csv
import hashlib
import json
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from pathlib import Path
from typing import Any

Row = dict[str, Any]
# The rows that readers see, and where the others went: read + produced = published + the rest.
Outcome = tuple[list[Row], Counter[str]]
CLIENTS = ("acme", "borealis", "cobaltix", "dunmore")
LYRA_CLIENTS = {"acme": "4711", "borealis": "0815", "dunmore": "1234"}
COUNTED = ("status", "country", "region_name", "currency", "cover", "channel", "is_large")
SUMMED = ("premium", "amount", "reserve", "amount_eur")


def text_rows(path: Path, encoding: str = "utf-8", delimiter: str = ",") -> list[Row]:
    """Read a file of text; an empty field is nothing."""
    with path.open(encoding=encoding, newline="") as file:
        rows = csv.DictReader(file, delimiter=delimiter)
        return [{name: value or None for name, value in row.items()} for row in rows]


def orion_rows(root: Path, client: str, name: str) -> list[Row]:
    """Read a file of ORION."""
    return text_rows(root / f"data/orion/{client}/{name}.csv", "windows-1252", ";")


def json_rows(path: Path) -> list[Row]:
    """Read lines of JSON."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def lyra_rows(root: Path, client: str, table: str) -> list[Row]:
    """Read a client's rows of a table of LYRA."""
    with closing(sqlite3.connect(root / "data/lyra.sqlite")) as database:
        database.row_factory = sqlite3.Row
        statement = f"SELECT * FROM {table} WHERE client = ?"  # noqa: S608 - ours
        return [dict(row) for row in database.execute(statement, [LYRA_CLIENTS[client]])]


def german(amount: str) -> Decimal:
    """Read 1.234,50."""
    return Decimal(amount.replace(".", "").replace(",", "."))


def day(text: str, form: str) -> date | None:
    """Read a day; None where there is no such day."""
    try:
        return datetime.strptime(text, form).date()
    except ValueError:
        return None


german_day = partial(day, form="%d.%m.%Y")
lyra_day = partial(day, form="%Y%m%d")
polaris_day = partial(day, form="%m/%d/%Y")


def latest(rows: Iterable[Row], key: str, order: Callable[[Row], Any]) -> list[Row]:
    """Give the latest row of each key."""
    kept: dict[str, Row] = {}
    for row in rows:
        if row[key] not in kept or order(row) > order(kept[row[key]]):
            kept[row[key]] = row
    return list(kept.values())


def used(terms: Counter[str], asked: int, hits: list[Any], there: int) -> None:
    """Count what becomes of a lookup's rows: `hits` are the rows that were taken, one per use."""
    distinct = len(set(hits))
    terms["not_found"] += asked - len(hits)
    terms["read"] += there
    terms["merged"] += len(hits)
    terms["produced"] += len(hits) - distinct
    terms["unmatched"] += there - distinct


# ------------------------------------------------------------------------------------------------


def orion_agents(root: Path, client: str) -> Outcome:
    """Each agent with the name of the branch and of the branch's region, where these are there."""
    agents = orion_rows(root, client, "agents")
    branches = {row["GeschStelle"]: row for row in orion_rows(root, client, "branches")}
    regions = {row["region"]: row for row in text_rows(root / "data/shared/regions.csv")}
    of_branch = [a["GeschStelle"] for a in agents if a["GeschStelle"] in branches]
    of_region = [branches[b]["Region"] for b in of_branch if branches[b]["Region"] in regions]
    terms = Counter(read=len(agents))
    used(terms, len(agents), of_branch, len(branches))
    used(terms, len(agents), of_region, len(regions))
    rows = []
    for agent in agents:
        branch = branches.get(agent["GeschStelle"], {})
        region = regions.get(branch.get("Region"), {})
        rows.append({
            "agent_id": agent["VermittlerNr"], "agent_name": agent["Name"].strip(),
            "branch_name": branch.get("Bezeichnung"), "region_name": region.get("name"),
        })  # fmt: skip
    return rows, terms


def lyra_agents(root: Path, client: str) -> Outcome:
    """The agents that are still there."""
    every = lyra_rows(root, client, "agents")
    rows = [
        {"agent_id": str(row["agent_no"]), "agent_name": row["full_name"],
         "branch_name": row["branch"], "region_name": row["region"]}
        for row in every if not row["deleted"]
    ]  # fmt: skip
    return rows, Counter(read=len(every), filtered=len(every) - len(rows))


def orion_parties(root: Path, client: str) -> Outcome:
    """All parties; borealis calls the name Firma."""
    countries = {"Schweiz": "CH", "Deutschland": "DE", "D": "DE", "Österreich": "AT"}
    rows = [
        {
            "party_id": row["PartnerNr"],
            "name": row["Firma" if client == "borealis" else "Name"].strip(),
            "email": None if row["EMail"] in ("n/a", "-", "unbekannt") else row["EMail"],
            "country": countries[row["Land"]],
            "birth_date": german_day(row["GebDatum"]),
        }
        for row in orion_rows(root, client, "parties")
    ]
    return rows, Counter(read=len(rows))


def vega_parties(root: Path, client: str) -> Outcome:
    """The last version of each party, if its country is one that we know."""
    every = json_rows(root / f"data/vega/{client}/parties.jsonl")
    countries = {"CHE": "CH", "DEU": "DE", "AUT": "AT"}
    last = latest(every, "id", lambda row: row["version"])
    rows = [
        {"party_id": row["id"], "name": row["name"], "email": row["contact"]["email"],
         "country": countries[row["country"]],
         "birth_date": date.fromisoformat(row["born"])}
        for row in last if row["country"] in countries
    ]  # fmt: skip
    rejected = len(last) - len(rows)
    return rows, Counter(read=len(every), superseded=len(every) - len(last), rejected=rejected)


def lyra_parties(root: Path, client: str) -> Outcome:
    """Parties that are not marked, were born on a day that exists, and have an address or none."""
    every = lyra_rows(root, client, "parties")
    live = [row for row in every if row["status"] != "X"]
    rows = [
        {"party_id": str(row["party_no"]), "name": row["nm"], "email": row["mail"],
         "country": row["iso"], "birth_date": lyra_day(row["born"])}
        for row in live if lyra_day(row["born"]) and "@" in (row["mail"] or "@")
    ]  # fmt: skip
    filtered = len(every) - len(live)
    return rows, Counter(read=len(every), filtered=filtered, rejected=len(live) - len(rows))


def orion_policies(root: Path, client: str) -> Outcome:
    """The last version of each policy that is not deleted, if its premium is a number."""
    every = orion_rows(root, client, "policies")
    live = [row for row in every if row["Geloescht"] == "N"]
    states = {"A": "active", "S": "cancelled", "R": "lapsed"}
    changed = "%d.%m.%Y %H:%M"
    last = latest(live, "VertragNr", lambda r: datetime.strptime(r["GeaendertAm"], changed))
    rows = [
        {"policy_id": row["VertragNr"], "party_id": row["PartnerNr"],
         "start_date": german_day(row["Beginn"]), "premium": german(row["Praemie"]),
         "currency": row["Waehrung"], "status": states[row["Status"]]}
        for row in last if row["Praemie"] != "k.A."
    ]  # fmt: skip
    terms = Counter(read=len(every), filtered=len(every) - len(live))
    terms.update(superseded=len(live) - len(last), rejected=len(last) - len(rows))
    return rows, terms


def vega_policies(root: Path, client: str) -> Outcome:
    """One row for each cover of a policy."""
    every = json_rows(root / f"data/vega/{client}/policies.jsonl")
    rows = [
        {"policy_id": row["id"], "party_id": row["holder"],
         "start_date": date.fromisoformat(row["inception"]),
         "premium": Decimal(cover["premium"]), "cover": cover["code"], "currency": row["ccy"],
         "status": {"act": "active", "can": "cancelled"}[row["state"]]}
        for row in every for cover in row["covers"]
    ]  # fmt: skip
    return rows, Counter(read=len(every), produced=len(rows) - len(every))


def polaris_policies(root: Path, client: str) -> Outcome:
    """The policies of both years; the premium had another name, and there was no channel."""
    folder = root / f"data/polaris/{client}"
    every = [row for year in (2023, 2024) for row in text_rows(folder / f"policies_{year}.csv")]
    states = {"INF": "active", "CAN": "cancelled", "LAP": "lapsed"}
    rows = [
        {"policy_id": row["POL_NO"], "start_date": polaris_day(row["EFF_DATE"]),
         "premium": Decimal(row.get("PREMIUM") or row.get("PREM")), "currency": row["CUR"],
         "status": states.get(row["ST"], "unknown"), "channel": row.get("CHANNEL") or "direct"}
        for row in every
    ]  # fmt: skip
    return rows, Counter(read=len(every))


def orion_claims(root: Path, client: str) -> Outcome:
    """Each claim with its lines; one without lines stands alone, a line without its claim goes."""
    claims, lines = orion_rows(root, client, "claims"), orion_rows(root, client, "lines")
    terms, rows = Counter(read=len(claims) + len(lines)), []
    states = {"offen": "open", "erledigt": "closed"}
    for claim in claims:
        those = [line for line in lines if line["SchadenNr"] == claim["SchadenNr"]]
        terms["merged"] += bool(those)
        rows += [
            {"claim_id": claim["SchadenNr"], "policy_id": claim["VertragNr"],
             "loss_date": german_day(claim["SchadenDatum"]), "status": states[claim["Status"]],
             "line_no": line and int(line["Pos"]), "amount": line and german(line["Betrag"])}
            for line in those or [None]
        ]  # fmt: skip
    there = {claim["SchadenNr"] for claim in claims}
    terms["unmatched"] = sum(line["SchadenNr"] not in there for line in lines)
    return rows, terms


def lyra_claims(root: Path, client: str) -> Outcome:
    """The claims that were assessed."""
    claims = {row["claim_no"]: row for row in lyra_rows(root, client, "claims")}
    assessed = {row["claim_no"]: row for row in lyra_rows(root, client, "assessments")}
    states = {"O": "open", "C": "closed"}
    rows = [
        {"claim_id": str(no), "policy_id": claims[no]["policy_no"],
         "loss_date": lyra_day(claims[no]["loss"]), "status": states[claims[no]["st"]],
         "amount": Decimal(claims[no]["amt"]), "assessed_on": lyra_day(assessed[no]["assessed"]),
         "reserve": Decimal(assessed[no]["reserve"])}
        for no in claims.keys() & assessed.keys()
    ]  # fmt: skip
    read, merged = len(claims) + len(assessed), len(rows)
    return rows, Counter(read=read, merged=merged, unmatched=read - 2 * merged)


def polaris_claims(root: Path, client: str) -> Outcome:
    """The claims that have a day."""
    every = text_rows(root / f"data/polaris/{client}/claims.csv")
    rows = [
        {"claim_id": row["CLAIM"], "policy_id": row["POL_NO"],
         "loss_date": polaris_day(row["LOSS_DATE"]),
         "status": {"O": "open", "C": "closed"}[row["ST"]], "amount": Decimal(row["AMT"])}
        for row in every if row["LOSS_DATE"]
    ]  # fmt: skip
    return rows, Counter(read=len(every), rejected=len(every) - len(rows))


def in_euro(root: Path, payments: list[Row]) -> Outcome:
    """Give payments their rate of the day: the last that holds from that day on or before."""
    rates = text_rows(root / "data/shared/rates.csv")
    terms, hits = Counter(read=len(payments)), []
    for payment in payments:
        booked, currency = str(payment["booked_on"]), payment["currency"]
        held = [r for r in rates if r["currency"] == currency and r["valid_from"] <= booked]
        if rate := max(held, key=lambda row: row["valid_from"], default=None):
            hits.append((currency, rate["valid_from"]))
            payment["rate"] = Decimal(rate["rate"]).quantize(Decimal("0.000001"))
            euro = payment["amount"] * payment["rate"]
            payment["amount_eur"] = euro.quantize(Decimal("0.01"), ROUND_HALF_UP)
    used(terms, len(payments), hits, len(rates))
    return payments, terms


def vega_payments(root: Path, client: str) -> Outcome:
    """All payments."""
    return in_euro(root, [
        {"payment_id": row["id"], "policy_id": row["policy"], "currency": row["ccy"],
         "booked_on": date.fromisoformat(row["booked"]), "amount": Decimal(row["amt"])}
        for row in json_rows(root / f"data/vega/{client}/payments.jsonl")
    ])  # fmt: skip


def polaris_payments(root: Path, client: str) -> Outcome:
    """All payments."""
    return in_euro(root, [
        {"payment_id": row["PAY_ID"], "policy_id": row["POL_NO"], "currency": row["CUR"],
         "booked_on": polaris_day(row["BOOKED"]),
         "amount": Decimal(row["AMT"])}
        for row in text_rows(root / f"data/polaris/{client}/payments.csv")
    ])  # fmt: skip


def cygnus_payments(root: Path, client: str) -> Outcome:
    """One payment for each quarter that was due, if it is not negative."""
    every = text_rows(root / f"data/cygnus/{client}/premiums.csv")
    days = {"Q1": "03-31", "Q2": "06-30", "Q3": "09-30", "Q4": "12-31"}
    due = [(row, quarter) for row in every for quarter in days if row[quarter]]
    rows = [
        {"payment_id": f"{row['policy_no']}-{row['year']}-{quarter}",
         "policy_id": row["policy_no"],
         "booked_on": date.fromisoformat(f"{row['year']}-{days[quarter]}"),
         "currency": row["ccy"], "amount": Decimal(row[quarter]), "rate": Decimal("1.000000"),
         "amount_eur": Decimal(row[quarter])}
        for row, quarter in due if Decimal(row[quarter]) >= 0
    ]  # fmt: skip
    produced = 3 * len(every)
    terms = Counter(read=len(every), produced=produced)
    terms.update(filtered=len(every) + produced - len(due), rejected=len(due) - len(rows))
    return rows, terms


# ------------------------------------------------------------------------------------------------

PRODUCTS: dict[str, tuple[str, dict[str, Callable[[Path, str], Outcome]]]] = {
    "agents": ("agent", {"ORION": orion_agents, "LYRA": lyra_agents}),
    "parties": ("party", {"ORION": orion_parties, "VEGA": vega_parties, "LYRA": lyra_parties}),
    "policies": (
        "policy",
        {"ORION": orion_policies, "VEGA": vega_policies, "POLARIS": polaris_policies},
    ),
    "claims": (
        "claim",
        {"ORION": orion_claims, "LYRA": lyra_claims, "POLARIS": polaris_claims},
    ),
    "payments": (
        "payment",
        {"VEGA": vega_payments, "POLARIS": polaris_payments, "CYGNUS": cygnus_payments},
    ),
}


def row_key(product: str, number: str) -> str:
    """Give the key of a row: a SHA-256 of its values with their lengths in bytes."""
    text = "".join(f"{len(value.encode())}:{value}," for value in (product, number))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def has(root: Path, product: str, client: str) -> bool:
    """Tell whether a product has a client."""
    folder = root / f"data/{product.lower()}/{client}"
    return client in LYRA_CLIENTS if product == "LYRA" else folder.is_dir()


def content(rows: list[Row]) -> str:
    """Give a digest of rows, whatever their order: each as JSON, without what is nothing."""
    filled = ({n: value for n, value in sorted(row.items()) if value is not None} for row in rows)
    texts = sorted(json.dumps(row, default=str) for row in filled)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def figures(noun: str, product: str, outcome: Outcome) -> Row:
    """Give the figures of what a product publishes, and the terms of its balance."""
    rows, terms = outcome
    for row in rows:
        key = f"{noun}_key"
        if noun == "claim":
            row["is_large"] = None if row["amount"] is None else row["amount"] > 1000
        else:
            row[key] = row_key(product, row[f"{noun}_id"])
    filled = Counter(name for row in rows for name, value in row.items() if value is not None)
    left = {name: n for name, n in terms.items() if name not in ("read", "produced", "not_found")}
    if terms["read"] + terms["produced"] != len(rows) + sum(left.values()):
        raise AssertionError(f"the balance of {product} {noun} does not close: {terms}")
    return {
        "rows": {"published": len(rows), **{name: n for name, n in sorted(terms.items()) if n}},
        "filled": dict(sorted(filled.items())),
        "sums": {
            name: str(sum((row[name] for row in rows if row.get(name)), Decimal(0)))
            for name in SUMMED if filled[name]
        },
        "counts": {
            name: dict(sorted(Counter(str(row.get(name)) for row in rows).items()))
            for name in COUNTED if filled[name]
        },
        "content": content(rows),
    }  # fmt: skip


def totals(root: Path) -> dict[str, dict[str, Row]]:
    """Give what must be published, by partition and product."""
    return {
        f"{module}|{client}": {
            product: figures(noun, product, compute(root, client))
            for product, compute in sorted(products.items())
            if has(root, product, client)
        }
        for module, (noun, products) in sorted(PRODUCTS.items())
        for client in CLIENTS
    }


if __name__ == "__main__":
    json.dump(totals(Path(sys.argv[1])), sys.stdout, indent=1, ensure_ascii=False)
