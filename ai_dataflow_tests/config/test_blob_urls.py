"""`abfss://` URLs: taken apart, put together, and what is none."""

from __future__ import annotations

import pytest

from ai_dataflow.config.blob_urls import BlobUrl, is_blob_url, parse, suggestion

CLOUD = "dfs.core.windows.net"
HERE = f"abfss://data@orionlake.{CLOUD}"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (HERE, ("data", "orionlake", CLOUD, "")),
        (f"{HERE}/", ("data", "orionlake", CLOUD, "")),
        (f"{HERE}/a/b.csv", ("data", "orionlake", CLOUD, "a/b.csv")),
        (f"{HERE}/a/", ("data", "orionlake", CLOUD, "a")),
        (f"{HERE}/a b/ü %20#?.csv", ("data", "orionlake", CLOUD, "a b/ü %20#?.csv")),
        (f"{HERE}/a@b:c", ("data", "orionlake", CLOUD, "a@b:c")),
        (f"ABFSS://data@orionlake.{CLOUD.upper()}/A", ("data", "orionlake", CLOUD, "A")),
        (f"abfss://$web@orionlake.{CLOUD}/x", ("$web", "orionlake", CLOUD, "x")),
        (
            "abfss://data@lake.dfs.core.chinacloudapi.cn/x",
            ("data", "lake", "dfs.core.chinacloudapi.cn", "x"),
        ),
        (
            "abfss://data@lake.dfs.core.usgovcloudapi.net/x",
            ("data", "lake", "dfs.core.usgovcloudapi.net", "x"),
        ),
        (
            "abfss://data@lake.z42.dfs.storage.azure.net/x",
            ("data", "lake", "z42.dfs.storage.azure.net", "x"),
        ),
    ],
)
def test_a_url_is_container_account_host_and_path(text: str, parts: tuple[str, ...]) -> None:
    found = parse(text)
    assert (found.container, found.account, found.host, found.path) == parts
    assert parse(str(found)) == found
    assert is_blob_url(text)


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [
        (CLOUD, "https://lake.blob.core.windows.net"),
        ("dfs.core.chinacloudapi.cn", "https://lake.blob.core.chinacloudapi.cn"),
        ("z42.dfs.storage.azure.net", "https://lake.z42.blob.storage.azure.net"),
    ],
)
def test_the_endpoint_is_the_accounts_blob_service(host: str, endpoint: str) -> None:
    place = BlobUrl("data", "lake", host, "a/b")
    assert place.endpoint == endpoint
    assert place.canonical == "abfss://data@lake.dfs.core.windows.net/a/b"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("abfss://orionlake", "is not of the form"),
        (f"abfss://orionlake.{CLOUD}/x", "is not of the form"),
        ("abfss://data@orionlake/x", "is not of the form"),
        (f"abfss://@orionlake.{CLOUD}/x", "is not of the form"),
        (f"abfss://data@.{CLOUD}/x", "is not of the form"),
        (f"abfss://Data@orionlake.{CLOUD}/x", "`Data` can be no container"),
        (f"abfss://my_data@orionlake.{CLOUD}/x", "`my_data` can be no container"),
        (f"abfss://a--b@orionlake.{CLOUD}/x", "`a--b` can be no container"),
        (f"abfss://-ab@orionlake.{CLOUD}/x", "`-ab` can be no container"),
        (f"abfss://ab@orionlake.{CLOUD}/x", "`ab` can be no container"),
        (f"abfss://{'a' * 64}@orionlake.{CLOUD}/x", "can be no container"),
        (f"abfss://data@Orion.{CLOUD}/x", "`Orion` can be no storage account"),
        (f"abfss://data@orion-lake.{CLOUD}/x", "`orion-lake` can be no storage account"),
        (f"abfss://data@ol.{CLOUD}/x", "`ol` can be no storage account"),
        (f"{HERE}/../x", "an empty part, `.` or `..`"),
        (f"{HERE}/a/../../x", "an empty part, `.` or `..`"),
        (f"{HERE}/./x", "an empty part, `.` or `..`"),
        (f"{HERE}/a//x", "an empty part, `.` or `..`"),
        (f"{HERE}?x=abc", "is no host"),
        (f"{HERE}?sv=2024&sig=hunter2", "has a signature"),
        (f"{HERE}/a.csv?sig=hunter2", "has a signature"),
        (f"{HERE}:8080/x", "is no host"),
    ],
)
def test_what_is_no_place_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"container|account|URL|path") as error:
        parse(text)
    assert says in str(error.value)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("https://lake.blob.core.windows.net/data/a/b.csv", f"abfss://data@lake.{CLOUD}/a/b.csv"),
        ("https://lake.dfs.core.windows.net/data", f"abfss://data@lake.{CLOUD}/"),
        (
            "https://lake.blob.core.windows.net/data/a.csv?sv=2024&sig=hunter2",
            f"abfss://data@lake.{CLOUD}/a.csv",
        ),
        (
            "https://lake.blob.core.chinacloudapi.cn/data/x",
            "abfss://data@lake.dfs.core.chinacloudapi.cn/x",
        ),
        (
            "https://lake.z42.blob.storage.azure.net/data/x",
            "abfss://data@lake.z42.dfs.storage.azure.net/x",
        ),
        ("wasbs://data@lake.blob.core.windows.net/x", f"abfss://data@lake.{CLOUD}/x"),
        ("wasb://data@lake.blob.core.windows.net/x", f"abfss://data@lake.{CLOUD}/x"),
        ("abfs://data@lake.dfs.core.windows.net/x", f"abfss://data@lake.{CLOUD}/x"),
        ("abfs://data@lake.dfs.core.windows.net/x?sig=hunter2", f"abfss://data@lake.{CLOUD}/x"),
        ("s3://bucket/x", f"abfss://<container>@<account>.{CLOUD}/<path>"),
        ("https://example.org/x", f"abfss://<container>@<account>.{CLOUD}/<path>"),
    ],
)
def test_another_kind_of_url_suggests_what_is_meant(text: str, meant: str) -> None:
    assert suggestion(text) == meant
    assert not is_blob_url(text)
