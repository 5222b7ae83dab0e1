"""What an account's refusal means, from the libraries' messages; and what is asked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest
from hypothesis import given as having
from hypothesis import strategies as st
from pydantic import SecretStr

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.sections import StorageAccount
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections import accounts
from ai_dataflow.connections.account_errors import account_fault
from ai_dataflow.connections.accounts import DOWN, Account
from ai_dataflow.connections.faults import Fault, Kind
from ai_dataflow.connections.scans import open_delta, scan_parquet
from ai_dataflow.connections.stores import Folder, StoredFile, open_folder
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.proxy import Answer, FaultyProxy, Reset, Stall, Truncate
from ai_dataflow_tests.services.proxy import Fault as Injected
from ai_dataflow_tests.sources import lake
from ai_dataflow_tests.sources.lake import ACCOUNT

URL = "http://127.0.0.1:1/orionlake/data"
SIGNATURE = "hunterSig2%2Bx"
SAS = StorageAccount(sas_token=SecretStr(f"se=2100-01-01&sp=rl&sig={SIGNATURE}"))
OLD = StorageAccount(sas_token=SecretStr(f"se=2020-01-01T00:00:00Z&sp=rl&sig={SIGNATURE}"))
KEY = StorageAccount(account_key=SecretStr("aHVudGVyMg=="))
TOKEN = StorageAccount()


@pytest.fixture(autouse=True)
def _nothing_is_down() -> Iterator[None]:
    DOWN.clear()
    yield
    DOWN.clear()


def _account(section: StorageAccount) -> Account:
    return Account("orionlake", "http://127.0.0.1:1/orionlake", section, 1)


def _obstore(method: str, status: str, code: str = "", query: str = "", tried: str = "") -> str:
    """Give what obstore says of an answer; `what` it did comes first where it is no single file."""
    what = {"LIST": "list request: Error performing GET", "BULK": "bulk delete request: Error "
            "performing POST"}.get(method, method)  # fmt: skip
    body = f'<?xml version="1.0"?>\n<Error>\n  <Code>{code}</Code>\n  <Message>no\n' if code else ""
    return (
        f"Generic MicrosoftAzure error: Error performing {what} {URL}{query} in 1.1ms{tried} - "
        f"Server returned non-2xx status code: {status}: {body}\n\nDebug source:\nGeneric {{"
    )


def _delta(status: str, code: str, tried: str = "") -> str:
    """Give what deltalake says: a tree of causes, in colour."""
    arrow = "\n   \x1b[31m↳\x1b[0m "
    return (
        f"Kernel error -> Generic MicrosoftAzure error{arrow}Error performing GET REDACTED in "
        f"1.23492883s{tried} - Server returned non-2xx status code{arrow}{status}{arrow}"
        f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{code}{arrow}x'
    )


def _polars(method: str, status: str, code: str = "") -> str:
    body = f"<Error><Code>{code}</Code></Error>" if code else ""
    return (
        "object-store error: The operation lacked the necessary privileges to complete for path "
        f"a.parquet: Error performing {method} REDACTED in 468.2µs - Server returned non-2xx "
        f"status code: {status}: {body} (path: abfss://data@orionlake.dfs.core.windows.net/a); note"
        ": if you are using Python, consider setting POLARS_AUTO_USE_AZURE_STORAGE_ACCOUNT_KEY=1"
    )


RETRIED = ", after 5 retries, max_retries: 1000, retry_timeout: 1s "
FORBIDDEN = "403 Forbidden"
MISMATCH = "AuthorizationPermissionMismatch"
MESSAGES: list[tuple[StorageAccount, str, str, str]] = [
    (KEY, _obstore("GET", FORBIDDEN, "AuthenticationFailed"), "login", "to a read"),
    (KEY, _obstore("HEAD", FORBIDDEN), "login", "its account_key is wrong"),
    (KEY, _obstore("GET", FORBIDDEN, MISMATCH), "denied", "a network rule"),
    (KEY, _obstore("GET", FORBIDDEN, "KeyBasedAuthenticationNotPermitted"), "login", "403"),
    (KEY, _obstore("GET", FORBIDDEN, "AccountIsDisabled"), "refused", "403 AccountIsDisabled"),
    (TOKEN, _obstore("GET", "401 Unauthorized", "InvalidAuthenticationInfo"), "login", "401"),
    (TOKEN, _obstore("HEAD", "401 Unauthorized"), "login", "answered 401 to a read"),
    (TOKEN, _obstore("GET", FORBIDDEN, MISMATCH), "denied", "role Storage Blob Data Reader is"),
    (TOKEN, _obstore("PUT", FORBIDDEN, MISMATCH), "denied", "Storage Blob Data Contributor is"),
    (SAS, _obstore("LIST", FORBIDDEN, MISMATCH, "?comp=list"), "denied", "to a list: `l` in"),
    (SAS, _obstore("HEAD", FORBIDDEN), "denied", "`r` in its sas_token is missing"),
    (SAS, _obstore("PUT", FORBIDDEN, MISMATCH), "denied", "to a write: `c and w` in"),
    (SAS, _obstore("BULK", FORBIDDEN, MISMATCH), "denied", "to a delete: `d` in"),
    (SAS, _obstore("DELETE", FORBIDDEN, MISMATCH), "denied", "to a delete: `d` in"),
    (SAS, _obstore("GET", FORBIDDEN, "AuthenticationFailed"), "login", "is good until 2100"),
    (OLD, _obstore("HEAD", FORBIDDEN), "login", "its sas_token was good until 2020-01-01"),
    (SAS, _polars("HEAD", FORBIDDEN), "denied", "to a read: `r` in"),
    (SAS, _polars("PUT", FORBIDDEN, MISMATCH), "denied", "to a write"),
    (SAS, _delta(FORBIDDEN, MISMATCH), "denied", "403 AuthorizationPermissionMismatch"),
    (KEY, _obstore("LIST", "404 Not Found", "ContainerNotFound"), "missing", "404 Con"),
    (KEY, _obstore("GET", "404 Not Found", "BlobNotFound"), "missing", "404 BlobNotFound"),
    (KEY, _delta("404 Not Found", "ContainerNotFound"), "missing", "404 Con"),
    (KEY, _obstore("GET", "409 Conflict", "BlobArchived"), "refused", "409 BlobArchived"),
    (KEY, _obstore("GET", "408 Request Timeout", "OperationTimedOut"), "unreachable", "408"),
    (KEY, _obstore("GET", "429 Too Many Requests"), "unreachable", "answered 429"),
    (KEY, _obstore("GET", "500 Internal Server Error", "InternalError"), "unreachable",
     "500 Intern"),
    (KEY, _obstore("GET", "503 Service Unavailable", "ServerBusy", "", RETRIED), "unreachable",
     "503 ServerBusy, after 5 retries in 0 s"),
    (KEY, _delta("503 Service Unavailable", "ServerBusy", RETRIED), "unreachable",
     "503 ServerBusy, after 5 retries in 1 s"),
    (KEY, f"Generic MicrosoftAzure error: Error performing HEAD {URL} in 125µs - HTTP error: error "
     "sending request\n\nDebug source:", "unreachable", "account orionlake does not answer"),
    (KEY, "Generic MicrosoftAzure error: HTTP error: request or response body error", "unreachable",
     "does not answer"),
    (KEY, f"Error performing HEAD {URL} in 1.5s, after 4 retries, max_retries: 1000 - HTTP error: "
     "error sending request\n dns error: failed to lookup address information", "unknown_host",
     "the name of account orionlake cannot be resolved, after 4 retries in 2 s"),
]  # fmt: skip


@pytest.mark.parametrize(("section", "text", "kind", "says"), MESSAGES)
def test_a_message_has_a_kind_and_a_reason(
    section: StorageAccount, text: str, kind: str, says: str
) -> None:
    fault = account_fault(OSError(text), _account(section))
    assert fault
    assert (fault.kind, says in fault.reason) == (kind, True), fault.reason
    assert "account orionlake" in fault.reason
    for secret in (SIGNATURE, "sig=", "http://", "aHVudGVyMg"):
        assert secret not in fault.reason


@pytest.mark.parametrize(
    "text",
    ["parquet: File out of specification", "unable to find column \"status code: 404\"", "",
     "invalid value 403 Forbidden in column n", "Generic delta kernel error: No files in log"],
)  # fmt: skip
def test_what_is_not_about_the_account_is_no_fault_of_it(text: str) -> None:
    assert account_fault(OSError(text), _account(SAS)) is None
    assert account_fault(OSError(_obstore("GET", FORBIDDEN)), None) is None


def test_our_own_faults_are_told_as_they_are() -> None:
    account = _account(TOKEN)
    own: list[tuple[Kind, str]] = [
        ("login", "no identity"), ("unreachable", "down"), ("unreachable", "no network")
    ]  # fmt: skip
    for kind, reason in own:
        fault = account_fault(account.fault(kind, reason), account)
        assert fault
        assert fault.kind == kind
        assert reason in fault.reason


def test_a_fault_of_a_database_is_none_of_an_account() -> None:
    assert account_fault(Fault("unreachable", "the database is away"), _account(TOKEN)) is None


@pytest.mark.parametrize("kind", ["login", "unreachable"])
def test_where_entra_id_gives_no_token_the_account_is_named(
    monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    def refuse(*_: object) -> None:
        raise Fault(kind, "no identity")

    monkeypatch.setattr(accounts, "token", refuse)
    with pytest.raises(Fault, match="no way into account orionlake: no identity") as caught:
        _account(TOKEN).sign_in()
    assert (caught.value.kind, caught.value.account) == (kind, "orionlake")


@having(
    st.text(max_size=80), st.sampled_from([m[1] for m in MESSAGES]), st.integers(0, 400),
    st.sampled_from([SAS, OLD, KEY, TOKEN]),
)  # fmt: skip
def test_no_text_breaks_it_or_carries_a_signature_through(
    noise: str, message: str, at: int, section: StorageAccount
) -> None:
    planted = f"{noise}?sv=1&sig={SIGNATURE}&x {noise}"
    for text in (noise, message[:at] + planted + message[at:], planted + message):
        fault = account_fault(OSError(text), _account(section))
        assert fault is None or (SIGNATURE not in fault.reason and "sig=" not in fault.reason)
    DOWN.clear()


# ---- through a proxy that goes wrong


@pytest.fixture
def container(azurite: Azurite) -> str:
    name = azurite.create_container(ACCOUNT)
    for path in ("rows.parquet", "rows.csv", "rows.jsonl", "table"):
        lake.upload(azurite, name, path)
    return name


@pytest.fixture
def patient(azurite: Azurite, proxy: FaultyProxy) -> Settings:
    """Give settings of the account behind the proxy, with a second of patience."""
    own = {"account_key": azurite.keys[ACCOUNT], "endpoint": proxy.endpoint(ACCOUNT)}
    return lake.settings(1, **{ACCOUNT: own})


OPERATIONS: dict[str, tuple[str, str, Callable[[Folder], Any]]] = {
    "list": ("GET", "comp=list", lambda folder: folder.files()),
    "head": ("HEAD", "rows.csv", lambda folder: folder.stat("rows.csv")),
    "read": ("GET", "rows.csv", lambda folder: folder.read("rows.csv")),
    "stream": ("GET", "rows.csv", lambda folder: folder.open(StoredFile("rows.csv", 5, "")).read()),
    "write": ("PUT", "new.txt", lambda folder: folder.write("new.txt", b"1")),
    "polars": ("GET", "rows.parquet", lambda f: scan_parquet(f, ["rows.parquet"]).collect()),
    "json": ("GET", "rows.jsonl", lambda f: pl.scan_ndjson(
        f.uri("rows.jsonl"), **f.polars).collect()),
    "sink": ("PUT", "new.parquet", lambda f: lake.ROWS.lazy().sink_parquet(
        f.uri("new.parquet"), mkdir=False, **f.polars)),
    "delta": ("GET", "_delta_log", lambda f: open_delta(f.folder("table"))),
}  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "fault"),
    [(operation, Answer(503)) for operation in OPERATIONS]
    + [(operation, Answer(429)) for operation in ("list", "polars", "delta")]
    + [(operation, Reset()) for operation in ("write", "sink", "delta")],
    ids=str,
)
def test_what_passes_is_waited_for(
    proxy: FaultyProxy, container: str, patient: Settings, operation: str, fault: Injected
) -> None:
    method, path, run = OPERATIONS[operation]
    folder = open_folder(lake.url(container), patient)
    run(folder)
    well = sum(r.method == method and path in r.target for r in proxy.requests)
    proxy.clear()
    proxy.inject(fault, method=method, path=path, times=2)
    run(folder)
    assert sum(r.method == method and path in r.target for r in proxy.requests) == well + 2


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_forbidden_is_not_asked_again_and_again(
    proxy: FaultyProxy, container: str, patient: Settings, operation: str
) -> None:
    """Once, or twice by Polars, which may hope for a new credential."""
    method, path, run = OPERATIONS[operation]
    proxy.inject(Answer(403), method=method, path=path)
    folder = open_folder(lake.url(container), patient)
    with pytest.raises(Exception, match="403") as error:
        run(folder)
    fault = account_fault(error.value, folder.account)
    assert fault
    assert fault.kind in ("denied", "login")
    asked = sum(r.status == 403 for r in proxy.requests)
    assert asked <= 2


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_patience_ends(
    proxy: FaultyProxy, container: str, patient: Settings, operation: str
) -> None:
    method, path, run = OPERATIONS[operation]
    proxy.inject(Answer(503), method=method, path=path)
    folder = open_folder(lake.url(container), patient)
    with pytest.raises(Exception, match="503") as error:
        run(folder)
    assert sum(r.status == 503 for r in proxy.requests) > 1
    fault = account_fault(error.value, folder.account)
    assert fault
    assert (fault.kind, "retries in" in fault.reason) == ("unreachable", True)


def test_an_answer_that_breaks_off_goes_on_where_it_was(
    azurite: Azurite, proxy: FaultyProxy, container: str, patient: Settings
) -> None:
    rows = pl.DataFrame({"n": range(50_000)})
    for name in ("big.csv", "big.parquet", "big.jsonl"):
        lake.upload(azurite, container, name, rows)
        proxy.inject(Truncate(20_000), method="GET", path=name, times=1)
        assert lake.load(lake.url(container, name), patient).height == rows.height


@pytest.mark.parametrize("operation", ["list", "delta"])
def test_a_listing_and_a_log_that_break_off_are_asked_for_again(
    proxy: FaultyProxy, container: str, patient: Settings, operation: str
) -> None:
    method, path, run = OPERATIONS[operation]
    proxy.inject(Truncate(3), method=method, path=path, times=1)
    run(open_folder(lake.url(container), patient))


def test_a_blob_in_the_archive_is_refused_by_its_code(
    proxy: FaultyProxy, container: str, patient: Settings
) -> None:
    proxy.inject(Answer(409, "BlobArchived"), method="GET", path=r"rows\.")
    for path in ("rows.csv", "rows.parquet", "rows.jsonl"):
        problem = lake.refusal(lake.url(container, path), patient)
        assert problem.code == "SRC-013"
        assert "409 BlobArchived" in problem.message


def test_a_short_stall_is_waited_for(proxy: FaultyProxy, container: str, patient: Settings) -> None:
    proxy.inject(Stall(0.3), times=1)
    assert lake.load(lake.url(container, "rows.csv"), patient).height == 2


def test_an_account_that_is_down_is_not_asked_by_everyone(
    proxy: FaultyProxy, container: str, patient: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After one source has waited in vain the others fail at once, until a pause is over."""
    proxy.inject(Reset())
    first = lake.refusal(lake.url(container, "rows.csv"), patient)
    asked = len(proxy.requests)
    for path in ("rows.csv", "rows.parquet", "table", "*"):
        problem = lake.refusal(lake.url(container, path), patient)
        assert (problem.code, "does not answer" in problem.message) == ("SRC-012", True)
    assert first.code == "SRC-012"
    assert len(proxy.requests) == asked
    proxy.clear()
    assert lake.refusal(lake.url(container, "rows.csv"), patient).code == "SRC-012"
    monkeypatch.setattr(DOWN, "seconds", 0.0)
    assert lake.load(lake.url(container, "rows.csv"), patient).height == 2


def test_an_account_that_throttles_one_request_is_not_down(
    proxy: FaultyProxy, container: str, patient: Settings
) -> None:
    proxy.inject(Answer(503), path="parquet")
    assert lake.refusal(lake.url(container, "rows.parquet"), patient).code == "SRC-012"
    assert lake.load(lake.url(container, "rows.csv"), patient).height == 2


def test_only_the_account_that_is_down_is_down(
    azurite: Azurite, proxy: FaultyProxy, container: str, patient: Settings
) -> None:
    proxy.inject(Reset())
    both = patient.model_copy(update={"storage": patient.storage | {
        "vegalake": StorageAccount(account_key=SecretStr(azurite.keys["vegalake"]),
                                   endpoint=azurite.endpoint("vegalake"))}})  # fmt: skip
    other = azurite.create_container("vegalake")
    lake.upload(azurite, other, "rows.csv", account="vegalake")
    assert lake.refusal(lake.url(container, "rows.csv"), both).code == "SRC-012"
    assert lake.load(lake.url(other, "rows.csv", "vegalake"), both).height == 2


def test_settings_without_patience_ask_once(
    azurite: Azurite, proxy: FaultyProxy, container: str
) -> None:
    own = {"account_key": azurite.keys[ACCOUNT], "endpoint": proxy.endpoint(ACCOUNT)}
    proxy.inject(Answer(503), method="HEAD")
    with pytest.raises(DataflowError):
        lake.pin(lake.url(container, "rows.csv"), lake.settings(0, **{ACCOUNT: own}))
    assert len(proxy.requests) == 1
