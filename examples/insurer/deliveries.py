"""What the five products of the insurer deliver: each has its own names, codes, days and numbers.

A function gives the rows of one source for a client; what is random in them comes of `rng`.
"""

from datetime import date, datetime, timedelta
from random import Random
from typing import Any

Row = dict[str, Any]
NAMES = ("Müller & Co", " Brightwater ", "Corvex", "Dälen Söhne", "Evermont", "Fjord AG", "Zoë Ltd")
RATES = (  # currency, valid from, euro for one unit; the pound is used by nobody
    ("EUR", "2023-01-01", "1"),
    ("CHF", "2023-01-01", "1.0132"),
    ("CHF", "2023-07-01", "1.0251"),
    ("CHF", "2024-01-01", "1.0764"),
    ("USD", "2023-02-01", "0.9187"),
    ("USD", "2024-02-01", "0.925926"),
    ("GBP", "2023-01-01", "1.1271"),
)
REGIONS = (("R1", "North"), ("R2", "East"), ("R3", "South"), ("R4", "West"), ("R5", "Overseas"))


def _day(rng: Random, first: date = date(2023, 1, 2), days: int = 720) -> date:
    return first + timedelta(days=rng.randrange(days))


def _cents(rng: Random, top: int = 500_000) -> str:
    return f"{rng.randint(1_000, top) / 100:.2f}"


def _german(amount: str) -> str:
    """Spell an amount as ORION does: 1.234,50."""
    whole, cents = amount.split(".")
    return f"{int(whole):,}".replace(",", ".") + f",{cents}"


def _some(rng: Random, rows: list[Row], count: int, **values: Any) -> None:
    """Break some rows: give them these values."""
    for row in rng.sample(rows, count):
        row.update(values)


# ------------------------------------------------------------------------------------------------
# ORION: files with semicolons, in Windows-1252, with German words, numbers and days.


def orion_agents(client: str, rng: Random) -> list[Row]:
    """Agents; two of them are of a branch that is in no list."""
    branches = [f"B{i:02}" for i in range(1, 8)]
    rows = [
        {"VermittlerNr": f"{n:05}", "Name": rng.choice(NAMES), "GeschStelle": rng.choice(branches)}
        for n in range(1, rng.randint(60, 90))
    ]
    _some(rng, rows, 2, GeschStelle="B99")
    return rows


def orion_branches(client: str, rng: Random) -> list[Row]:
    """Branches: the last has no agent, and one is of a region that nobody knows."""
    regions = ["R1", "R2", "R3", "R4", "R1", "R2", "R9", "R3"]
    return [
        {"GeschStelle": f"B{i:02}", "Bezeichnung": f"Filiale {i}", "Region": region}
        for i, region in enumerate(regions, start=1)
    ]


def orion_parties(client: str, rng: Random) -> list[Row]:
    """Parties; borealis has a column of its own for the name, and one that nobody reads."""
    name = "Firma" if client == "borealis" else "Name"
    words = ("n/a", "-", "unbekannt")
    return [
        {
            "PartnerNr": f"{n:06}",
            name: rng.choice(NAMES),
            "EMail": rng.choice((*words, *[f"p{n}@example.org"] * 9)),
            "Land": rng.choice(("Schweiz", "Deutschland", "D", "Österreich")),
            "GebDatum": f"{_day(rng, date(1950, 1, 1), 18_000):%d.%m.%Y}",
            **({"Sparte": rng.choice("ABC")} if client == "borealis" else {}),
        }
        for n in range(1, rng.randint(80, 120))
    ]


def orion_policies(client: str, rng: Random) -> list[Row]:
    """Policies; each change is a new row, and who is deleted is marked in all of them."""
    rows: list[Row] = []
    for n in range(1, 81):
        deleted = "J" if rng.random() < 0.08 else "N"
        changed = datetime(2024, 1, 5, 8, 30)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            changed += timedelta(minutes=rng.randint(500, 90_000))
            row = {"VertragNr": f"{n:07}", "PartnerNr": f"{rng.randint(1, 79):06}"}
            row |= {"Beginn": f"{_day(rng):%d.%m.%Y}", "Praemie": _german(_cents(rng))}
            row |= {"Waehrung": "CHF", "Status": rng.choice("AAASR"), "Geloescht": deleted}
            rows.append(row | {"GeaendertAm": f"{changed:%d.%m.%Y %H:%M}"})
    if client == "acme":
        single = [r for r in rows if sum(r["VertragNr"] == o["VertragNr"] for o in rows) == 1]
        _some(rng, [r for r in single if r["Geloescht"] == "N"], 2, Praemie="k.A.")
    rng.shuffle(rows)
    return rows


def orion_headers(client: str, rng: Random) -> list[Row]:
    """Claims, with the policies that answer."""
    return [
        {
            "SchadenNr": f"S{n:05}",
            "VertragNr": f"{rng.randint(1, 80):07}",
            "SchadenDatum": f"{_day(rng):%d.%m.%Y}",
            "Status": rng.choice(("offen", "erledigt")),
        }
        for n in range(1, 61)
    ]


def orion_lines(client: str, rng: Random) -> list[Row]:
    """Lines of claims: some claims have none, and some lines are of claims that are not there."""
    return [
        {"SchadenNr": f"S{n:05}", "Pos": pos, "Betrag": _german(_cents(rng, 300_000))}
        for n in range(1, 65)
        for pos in range(1, rng.randint(0, 3) + 1)
    ]


# ------------------------------------------------------------------------------------------------
# VEGA: JSON lines, with what belongs together within them.


def vega_parties(client: str, rng: Random) -> list[Row]:
    """Parties; each change is a new line. Two of acme's are of a country without a code."""
    rows: list[Row] = []
    for n in range(1, 71):
        born, country = f"{_day(rng, date(1950, 1, 1), 18_000)}", rng.choice(("CHE", "DEU", "AUT"))
        for version in range(1, rng.choice((1, 1, 1, 2, 3)) + 1):
            row = {"id": f"vp-{n}", "name": rng.choice(NAMES).strip(), "country": country}
            row |= {"contact": {"email": f"v{n}.{version}@example.com"}, "born": born}
            rows.append(row | {"version": version})
    if client == "acme":
        for row in rows:
            row["country"] = "ATL" if row["id"] in ("vp-69", "vp-70") else row["country"]
    rng.shuffle(rows)
    return rows


def vega_policies(client: str, rng: Random) -> list[Row]:
    """Policies, each with a list of its covers."""
    covers = ("fire", "theft", "water", "glass")
    return [
        {
            "id": f"vg-{n}",
            "holder": f"vp-{rng.randint(1, 60)}",
            "inception": f"{_day(rng)}",
            "ccy": rng.choice(("EUR", "CHF")),
            "state": rng.choice(("act", "act", "can")),
            "covers": [
                {"code": code, "premium": _cents(rng, 90_000)}
                for code in rng.sample(covers, rng.randint(1, 3))
            ],
        }
        for n in range(1, 61)
    ]


def vega_payments(client: str, rng: Random) -> list[Row]:
    """Payments in three currencies; of dollars before February 2023 there is no rate."""
    return [
        {
            "id": f"vz-{n}",
            "policy": f"vg-{rng.randint(1, 60)}",
            "booked": f"{_day(rng, days=500)}",
            "ccy": rng.choice(("EUR", "CHF", "USD")),
            "amt": _cents(rng, 90_000),
        }
        for n in range(1, 121)
    ]


# ------------------------------------------------------------------------------------------------
# LYRA: tables of a database that all its clients share; days are numbers without signs.


def lyra_agents(client: str, rng: Random) -> list[Row]:
    """Agents with their branches and regions; those that left are marked."""
    return [
        {
            "agent_no": n,
            "full_name": rng.choice(NAMES).strip(),
            "branch": f"Branch {rng.randint(1, 5)}",
            "region": rng.choice(("North", "South")),
            "deleted": int(rng.random() < 0.1),
        }
        for n in range(1, 56)
    ]


def lyra_parties(client: str, rng: Random) -> list[Row]:
    """Parties: a day that does not exist (acme), addresses that are none (borealis)."""
    rows = [
        {
            "party_no": n,
            "nm": rng.choice(NAMES).strip(),
            "mail": rng.choice((None, f"l{n}@example.net", f"l{n}@example.net")),
            "iso": rng.choice(("CH", "DE", "FR")),
            "born": f"{_day(rng, date(1950, 1, 1), 18_000):%Y%m%d}",
            "status": "X" if rng.random() < 0.1 else "A",
        }
        for n in range(1, 91)
    ]
    live = [row for row in rows if row["status"] == "A"]
    if client == "acme":
        _some(rng, live, 1, born="20240230")
    if client == "borealis":
        _some(rng, live, 2, mail="by post")
    return rows


def lyra_claims(client: str, rng: Random) -> list[Row]:
    """Claims."""
    return [
        {
            "claim_no": n,
            "policy_no": f"LY-{rng.randint(1, 50)}",
            "loss": f"{_day(rng):%Y%m%d}",
            "st": rng.choice("OC"),
            "amt": _cents(rng, 200_000),
        }
        for n in range(1, 76)
    ]


def lyra_assessments(client: str, rng: Random) -> list[Row]:
    """Assessments: not of every claim, and some of claims that are in another system."""
    numbers = [n for n in range(1, 83) if rng.random() < 0.8]
    return [
        {"claim_no": n, "assessed": f"{_day(rng):%Y%m%d}", "reserve": _cents(rng, 80_000)}
        for n in numbers
    ]


# ------------------------------------------------------------------------------------------------
# POLARIS: files by year whose columns changed, with days as in the United States.


def polaris_policies(client: str, rng: Random) -> list[Row]:
    """Policies; the premium had another name in 2023, and there was no channel."""
    rows: list[Row] = []
    for n in range(1, 101):
        year = 2023 if n <= 55 else 2024
        row: Row = {"POL_NO": f"P-{n}", "year": year}
        row["EFF_DATE"] = f"{_day(rng, date(year, 1, 1), 365):%m/%d/%Y}"
        row["PREM" if year == 2023 else "PREMIUM"] = _cents(rng)
        row |= {"CUR": "USD", "ST": rng.choice(("INF", "INF", "CAN", "LAP", "PND"))}
        rows.append(row | ({"CHANNEL": rng.choice(("broker", ""))} if year == 2024 else {}))
    return rows


def polaris_claims(client: str, rng: Random) -> list[Row]:
    """Claims; two of cobaltix have no day."""
    rows = [
        {
            "CLAIM": f"C{n}",
            "POL_NO": f"P-{rng.randint(1, 100)}",
            "LOSS_DATE": f"{_day(rng):%m/%d/%Y}",
            "ST": rng.choice("OC"),
            "AMT": _cents(rng, 150_000),
        }
        for n in range(1, 66)
    ]
    if client == "cobaltix":
        _some(rng, rows, 2, LOSS_DATE="")
    return rows


def polaris_payments(client: str, rng: Random) -> list[Row]:
    """Payments; three of dunmore are in a currency without a rate."""
    rows = [
        {
            "PAY_ID": f"{n:05}",
            "POL_NO": f"P-{rng.randint(1, 100)}",
            "BOOKED": f"{_day(rng, days=500):%m/%d/%Y}",
            "CUR": rng.choice(("USD", "USD", "EUR")),
            "AMT": _cents(rng, 90_000),
        }
        for n in range(1, 131)
    ]
    if client == "dunmore":
        _some(rng, rows, 3, CUR="XXX")
    return rows


# ------------------------------------------------------------------------------------------------
# CYGNUS: a year is one row, with a column for each quarter.


def cygnus_premiums(client: str, rng: Random) -> list[Row]:
    """Premiums by quarter; what is not due is blank, and one of borealis is negative."""
    rows = [
        {
            "policy_no": f"CY{n:04}",
            "year": year,
            "ccy": "EUR",
            **{f"Q{q}": _cents(rng, 40_000) if rng.random() < 0.85 else "" for q in range(1, 5)},
        }
        for n in range(1, 31)
        for year in (2023, 2024)
    ]
    if client == "borealis":
        _some(rng, rows, 1, Q2="-5.00")
    return rows


def shared_rates(client: str, rng: Random) -> list[Row]:
    """Rates of currencies, the same for all clients."""
    return [dict(zip(("currency", "valid_from", "rate"), rate, strict=True)) for rate in RATES]


def shared_regions(client: str, rng: Random) -> list[Row]:
    """Regions, the same for all clients."""
    return [dict(zip(("region", "name"), region, strict=True)) for region in REGIONS]
