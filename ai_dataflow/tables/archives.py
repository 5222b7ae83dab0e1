"""What workbooks are by their bytes; archives that are no table are refused, unparsed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ai_dataflow.tables.grids import UnreadableError

# A workbook is a zip archive of XML; a small one can unfold to gigabytes.
_MAX_UNZIPPED_BYTES = 128 << 20
_MAX_TAGS = {"sheet": 10_000_000, "haredStrings": 4_000_000, "content": 10_000_000, "": 300_000}
_MAX_ROW_TAGS = 100_000
# What has streams inside, as Office wrote its files until 2003, and writes those with a password.
_MARK = bytes.fromhex("D0CF11E0A1B11AE1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MAX_STREAMS_BYTES = 64 << 20
# The names of Strict Office Open XML, each with what everybody else writes.
_OFFICE = b"http://schemas.openxmlformats.org/"
_STRICT = {
    b"http://purl.oclc.org/ooxml/officeDocument/": _OFFICE + b"officeDocument/2006/",
    b"http://purl.oclc.org/ooxml/spreadsheetml/main": _OFFICE + b"spreadsheetml/2006/main",
    b"http://purl.oclc.org/ooxml/drawingml/": _OFFICE + b"drawingml/2006/",
}


def is_old_workbook(file: Path) -> bool:
    """Tell whether a file is none of Office Open XML, whatever it is called.

    Raises:
        UnreadableError: it is one, behind a password.
    """
    with failing_as("it is no workbook"), file.open("rb") as stream:
        return is_of_streams(stream)


def is_of_streams(content: IO[bytes]) -> bool:
    """Tell whether bytes, read from their start, are none of Office Open XML.

    Raises:
        UnreadableError: they are, behind a password.
    """
    if content.read(len(_MARK)) != _MARK:
        return False
    if _ENCRYPTED in content.read(_MAX_STREAMS_BYTES):
        raise protected()
    return True


def protected() -> UnreadableError:
    """A workbook that nobody reads without its password."""
    return UnreadableError("it is protected by a password; save it without one")


def is_open_document(file: Path | IO[bytes]) -> bool:
    """Tell whether a file is a spreadsheet of OpenDocument, whatever it is called."""
    with failing_as("it is no workbook"), zipfile.ZipFile(file) as archive:
        return "content.xml" in archive.namelist()


def check_archive(
    file: Path | IO[bytes], most: int = _MAX_UNZIPPED_BYTES, streamed: Collection[str] = ()
) -> None:
    """Refuse what would unfold to more bytes than it may, before anything is parsed.

    Parts with `streamed` in their names are parsed as they come, and may have any number of tags.
    """
    with failing_as("it is no workbook"), zipfile.ZipFile(file) as archive:
        if "xl/workbook.bin" in archive.namelist():
            raise UnreadableError("it is a binary workbook (.xlsb); save it as .xlsx")
        unzipped = sum(entry.file_size for entry in archive.infolist())
        if unzipped > most:
            raise UnreadableError(
                f"it unfolds to {unzipped >> 20:,} MB, too large for such a table"
            )
        for entry in archive.infolist():
            is_streamed = any(name in entry.filename for name in streamed)
            if entry.filename.endswith((".xml", ".rels")) and not is_streamed:
                _check_part(archive, entry)


def _check_part(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Count tags: each becomes an object in memory, a style becomes a large one.

    A row is parsed as a whole: a sheet with many tags on end and no row in sight is refused too.
    """
    kind = next((name for name in _MAX_TAGS if name in entry.filename), "")
    tags = 0
    with archive.open(entry) as part:
        while chunk := part.read(1 << 20):
            here = chunk.count(b"<")
            tags += here
            endless = kind == "sheet" and here > _MAX_ROW_TAGS and b"row" not in chunk
            if tags > _MAX_TAGS[kind] or endless:
                raise UnreadableError(f"{entry.filename} in it has far too many elements")


@contextmanager
def failing_as(what: str) -> Iterator[None]:
    """Turn whatever openpyxl and zipfile raise on bad files, in every way there is, into ours."""
    try:
        yield
    except (UnreadableError, MemoryError):
        raise
    except zipfile.BadZipFile as error:
        raise UnreadableError(f"{what} ({error})") from None
    except Exception as error:
        raise UnreadableError(f"{what} ({type(error).__name__})") from None


def transitional(file: Path | IO[bytes]) -> Path | IO[bytes]:
    """Give a workbook in the names that openpyxl knows; Strict Office Open XML has others."""
    with failing_as("it is no workbook"), zipfile.ZipFile(file) as archive:
        if b"http://purl.oclc.org/ooxml/" not in archive.read("_rels/.rels"):
            return file
        copy = io.BytesIO()
        with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as renamed:
            for name in archive.namelist():
                content = archive.read(name)
                for strict, usual in _STRICT.items():
                    content = content.replace(strict, usual)
                renamed.writestr(name, content)
        copy.seek(0)
        return copy
