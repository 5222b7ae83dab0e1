"""Dialects: what is not said is found out, the same for whoever reads, or the file is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.sources.files.text_dialects import PLAIN, Unfit, find
from ai_dataflow.sources.files.text_samples import Sample
from ai_dataflow_tests.sources.text_files import dialect_of, read, refusal, rows, written

ROWS = [("1", "2.50"), ("2", "3.50")]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|", "^", "~", "||", "\x01", "\x1f", "¦"])
def test_the_delimiter_is_the_one_between_the_mapped_names(tmp_path: Path, sign: str) -> None:
    content = f"id{sign}amount\n1{sign}2.50\n2{sign}3.50\n".encode()
    assert rows(tmp_path, content, "id", "amount") == ROWS


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"],
)
def test_unicode_is_told_by_its_mark_or_its_zeros(tmp_path: Path, encoding: str) -> None:
    content = "id\tcittà\r\n1\tForlì\r\n2\t€\r\n".encode(encoding)
    assert rows(tmp_path, content, "id", "città") == [("1", "Forlì"), ("2", "€")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_of_letters_that_have_zeros_themselves_is_told_by_its_line_ends(
    tmp_path: Path, encoding: str
) -> None:
    content = "番号,都市\n一,東京\n二,一一\n".encode(encoding)
    assert rows(tmp_path, content, "番号", "都市") == [("一", "東京"), ("二", "一一")]


def test_bytes_of_zero_in_no_order_are_no_text(tmp_path: Path) -> None:
    assert "bytes of zero" in refusal(tmp_path, b"id;n\0\0\n1;2\n", "id").message


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_before_a_quote_is_no_part_of_the_name(tmp_path: Path, encoding: str) -> None:
    content = '"id";"amount"\n"1";"2.50"\n"2";"3.50"\n'.encode(encoding)
    assert rows(tmp_path, content, "id", "amount") == ROWS


@pytest.mark.parametrize(
    ("encoding", "name", "value"),
    [
        ("cp1252", "città", "Forlì"),
        ("iso8859-15", "œuvre", "12 €"),
        ("cp1250", "město", "Plzeň"),
        ("iso8859-2", "miejscowość", "Łódź"),
        ("cp1251", "город", "Москва"),
        ("koi8-r", "город", "Казань"),
        ("cp1253", "πόλη", "Αθήνα"),
        ("cp1254", "şehir", "Diyarbakır"),
        ("cp850", "größe", "Köln"),
        ("cp932", "都市名", "東京"),
        ("gb18030", "城市", "北京"),
    ],
)
def test_an_encoding_is_told_by_the_names(
    tmp_path: Path, encoding: str, name: str, value: str
) -> None:
    content = f"id;{name}\n1;{value}\n".encode(encoding)
    assert rows(tmp_path, content, "id", name) == [("1", value)]
    assert dialect_of(tmp_path, content, "id", name).doubt


def test_an_encoding_that_nothing_tells_is_refused_with_those_that_it_could_be(
    tmp_path: Path,
) -> None:
    problem = refusal(tmp_path, "id,city\n1,Kuřim\n".encode("cp1250"), "id", "city")
    assert problem.code == "SRC-031"
    assert "cp1252" in problem.message
    assert "cp1250" in problem.message
    assert "Ku" not in problem.message


@pytest.mark.parametrize(
    "words",
    [
        "Forlì Città Perché", "Müller", "Hélène François Noël", "Première Œuvre", "Muñoz Málaga",
        "Åse Bjørn Kjær", "São Ações", "België", "Öberg Åkesson", "100 €", "“so” – sagt er",
    ],
)  # fmt: skip
def test_windows_1252_comes_before_its_kin_and_is_warned_of(tmp_path: Path, words: str) -> None:
    content = f"id,name\n1,{words}\n".encode("cp1252")
    assert rows(tmp_path, content, "id", "name") == [("1", words)]
    assert dialect_of(tmp_path, content, "id", "name").doubt


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1250", "Dvořák Němec Růžička Kučera Čapek Jiří Tőke Fűtés Gdańsk Wałęsa Piękna Kovačić"
         " Kovač Knežević Brăila Bacău"),
        ("cp1254", "İstanbul Doğan Şişli Kırıkkale"),
        ("cp1257", "Vėlius Šiauliai Võru"),
        ("cp1251", "Москва Тула Омск"),
        ("cp1253", "Αθήνα Πάτρα"),
        ("cp852", "Dvořák Köln"),
        ("cp850", "Müller Schäfer Hélène"),
        ("mac_roman", "Müller Köln"),
        ("cp932", "東京 大阪"),
    ],
)  # fmt: skip
def test_no_word_of_other_languages_is_taken_for_windows_1252(encoding: str, words: str) -> None:
    for word in words.split():
        sample = Sample(f"id,name\n1,{word}\n".encode(encoding))
        try:
            dialect = find(sample, None, ["id", "name"])
        except Unfit:
            continue
        assert word.encode(encoding).decode(dialect.encoding) == word


def test_letters_that_are_the_same_in_all_likely_encodings_need_no_name(tmp_path: Path) -> None:
    content = "id;stadt\n1;Köln\n2;Zürich\n3;Gießen\n".encode("cp1252")
    assert [row[1] for row in rows(tmp_path, content, "id", "stadt")] == [
        "Köln",
        "Zürich",
        "Gießen",
    ]


def test_one_word_is_too_little_to_tell_an_encoding_by(tmp_path: Path) -> None:
    content = "id;ort\n1;Łódź\n{}".format
    few, more = content(""), content("2;Łomża\n3;Żagań\n4;Żary\n")
    assert refusal(tmp_path, few.encode("cp1250"), "id", "ort").code == "SRC-031"
    assert rows(tmp_path, more.encode("cp1250"), "id", "ort")[0] == ("1", "Łódź")


_TEXTS = ("Plzeň Třebíč", "Łódź Kraków", "Москва Казань", "Forlì", "Orléans Nîmes", "Muğla", "Köln",
          "Győr")  # fmt: skip
_ENCODINGS = ("cp1250", "cp1251", "cp1252", "cp1254", "iso8859-2", "koi8-r", "mac_roman")


def _has(encoding: str, text: str) -> bool:
    return text.encode(encoding, errors="ignore").decode(encoding) == text


@pytest.mark.parametrize(
    ("encoding", "text"), [(e, text) for e in _ENCODINGS for text in _TEXTS if _has(e, text)]
)
def test_no_encoding_is_guessed_wrongly(tmp_path: Path, encoding: str, text: str) -> None:
    content = f"id;ort\n1;{text}\n".encode(encoding)
    try:
        found = rows(tmp_path, content, "id", "ort")
    except DataflowError as error:
        found = [(error.diagnostics[0].code,)]
    assert found in ([("1", text)], [("SRC-031",)])


def test_what_is_said_is_not_looked_for(tmp_path: Path) -> None:
    content = "id,city\n1,Forlì\n".encode("cp1252")
    dialect = dialect_of(tmp_path, content, "id", "city", said=written(encoding="windows-1252"))
    assert (dialect.encoding, dialect.doubt) == ("cp1252", "")
    said = written(encoding="windows-1252")
    assert rows(tmp_path, content, "id", "city", said=said) == [("1", "Forlì")]


@pytest.mark.parametrize(
    "content",
    [
        "id,ort\n1,Köln\n".encode() + "2,Köln\n".encode("cp1252"),
        "id,ort\n1,Köln\n".encode("cp1252") + "2,Köln\n".encode(),
    ],
)
def test_lines_of_several_encodings_are_refused(tmp_path: Path, content: bytes) -> None:
    problem = refusal(tmp_path, content, "id", "ort")
    assert problem.code == "SRC-031"
    assert "line" in problem.message


@pytest.mark.parametrize(("sign", "ending"), [(",", "cp1252"), (";", "cp1252")])
def test_a_last_line_far_below_in_another_encoding_is_refused(
    tmp_path: Path, sign: str, ending: str
) -> None:
    whole = f"id{sign}ort\n" + f"1{sign}Köln\n" * 80_000
    content = whole.encode() + f"2{sign}Köln\n".encode(ending)
    assert refusal(tmp_path, content, "id", "ort").code in ("SRC-003", "SRC-031")


@pytest.mark.parametrize("sign", [",", ";"])
def test_a_letter_amid_the_file_that_is_not_in_its_encoding_is_told_with_its_line(
    tmp_path: Path, sign: str
) -> None:
    lines = [f"{i}{sign}x" for i in range(200_000)]
    lines[99_998] = f"7{sign}Köln"
    content = f"id{sign}ort\n".encode() + b"".join(f"{line}\n".encode("cp1252") for line in lines)
    problem = refusal(tmp_path, content, "id", "ort")
    assert problem.code == "SRC-003"
    assert "line 100,000 " in problem.message
    assert "cp1252" in problem.message
    assert "encoding =" in problem.fix


def test_a_line_in_utf8_amid_another_encoding_that_was_found_out_is_refused(tmp_path: Path) -> None:
    lines = ["1;Gießen".encode("cp1252")] * 200_000
    lines[99_998] = "2;Gießen".encode()
    content = "id;größe\n".encode("cp1252") + b"\n".join([*lines, b""])
    problem = refusal(tmp_path, content, "id", "größe")
    assert problem.code == "SRC-003"
    assert "line 100,000 " in problem.message
    said = written(encoding="windows-1252")
    assert rows(tmp_path, content, "id", "größe", said=said)[99_998] == ("2", "GieÃŸen")


def test_a_wrong_encoding_that_is_said_names_the_line(tmp_path: Path) -> None:
    content = "id;ort\n1;x\n2;Köln\n".encode("cp1252")
    problem = refusal(tmp_path, content, "id", "ort", said=written(encoding="utf-8"))
    assert problem.code == "SRC-031"
    assert "line 3 is not in utf-8: cp1252" in problem.message
    assert "encoding =" in problem.fix


def test_no_name_in_the_first_line_is_one_error_and_tells_nothing_of_it(tmp_path: Path) -> None:
    problem = refusal(tmp_path, b"1;acme;secret\n2;acme;hidden\n", "id", "client", "note")
    assert problem.code == "SRC-031"
    assert "acme" not in str(problem)
    assert "secret" not in str(problem)


def test_rows_that_mostly_do_not_fit_the_header_are_told_as_that(tmp_path: Path) -> None:
    problem = refusal(tmp_path, b"id;a;b\n1;x;y;z\n2;x\n3;x;y\n", "id")
    assert problem.code == "SRC-031"
    assert "most of its rows have more or fewer fields than its header" in problem.message


def test_a_tie_lists_the_candidates(tmp_path: Path) -> None:
    content = b"id;a|amount\n1;x|2.50\n"
    problem = refusal(tmp_path, content, "id", "amount")
    assert problem.code == "SRC-031"
    assert "';'" in problem.message
    assert "'|'" in problem.message
    assert "id;a" not in problem.message


def test_of_two_that_find_names_the_one_that_fits_all_lines_is_taken(tmp_path: Path) -> None:
    content = b"id;a|amount\n1;x\n2;y\n"
    assert rows(tmp_path, content, "id") == [("1",), ("2",)]


def test_a_delimiter_in_quotes_is_none(tmp_path: Path) -> None:
    content = b'"id,a";"x;y"\n1;"2,5;6"\n'
    assert rows(tmp_path, content, "id,a", "x;y") == [("1", "2,5;6")]


@pytest.mark.parametrize("content", [b"id\n1\n2\n", b"id\r\n1\r\n2\r\n", b'"id"\n"1"\n"2"\n'])
def test_one_column_needs_no_delimiter(tmp_path: Path, content: bytes) -> None:
    assert rows(tmp_path, content, "id") == [("1",), ("2",)]


@pytest.mark.parametrize("first", ["sep=;\n", "sep=;\r\n", '"sep=;"\n', "SEP=;\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_first_line_of_excel_says_the_delimiter(
    tmp_path: Path, first: str, encoding: str
) -> None:
    content = f"{first}id;amount\n1;2.50\n2;3.50\n".encode(encoding)
    assert rows(tmp_path, content, "id", "amount") == ROWS


@pytest.mark.parametrize("sign", [",", ";"])
@pytest.mark.parametrize("header", ["id{}amount", "id{}amount{}"])
def test_a_delimiter_at_the_end_of_each_row_makes_no_column(
    tmp_path: Path, sign: str, header: str
) -> None:
    content = f"{header}\n1{{}}2.50{{}}\n2{{}}3.50{{}}\n".replace("{}", sign).encode()
    assert rows(tmp_path, content, "id", "amount") == ROWS


def test_a_delimiter_at_the_end_of_some_rows_damages_these(tmp_path: Path) -> None:
    good, malformed = read(tmp_path, b"id;amount\n1;2.50\n2;3.50;\n", "id", "amount")
    assert (good, malformed) == ([("1", "2.50")], ["2;3.50;"])


def test_plain_files_are_left_to_the_plain_path(tmp_path: Path) -> None:
    for content in (b"id,amount\n1,2\n", b"\xef\xbb\xbfid,amount\n1,2\n", b"id,amount\n1\n2\n"):
        assert dialect_of(tmp_path, content, "id", "amount") == PLAIN
    assert dialect_of(tmp_path, b"id,amount\n1,2\n", "id", "amout") == PLAIN
    assert dialect_of(tmp_path, b"id,amount\n1,2\n") == PLAIN
    decimal = written(decimal=",")
    assert dialect_of(tmp_path, b"id,amount\n1,2\n", "id", said=decimal) == PLAIN


@pytest.mark.parametrize("sign", [",", ";"])
def test_a_header_of_more_than_the_first_part_is_read_to_its_end(tmp_path: Path, sign: str) -> None:
    names = [f"column_{i:040}" for i in range(8_000)]
    content = (sign.join(names) + "\n" + sign.join("7" * 8_000) + "\n").encode()
    assert rows(tmp_path, content, names[0], names[-1]) == [("7", "7")]


@pytest.mark.parametrize("content", [b"\n", b"\r\n", b"\xff\xfe", b"\xef\xbb\xbf\n"])
def test_a_file_without_a_header_is_empty(tmp_path: Path, content: bytes) -> None:
    assert refusal(tmp_path, content, "id").code == "SRC-002"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_a_header_alone_is_no_rows(tmp_path: Path, encoding: str) -> None:
    assert rows(tmp_path, "id;città\n".encode(encoding), "id", "città") == []
