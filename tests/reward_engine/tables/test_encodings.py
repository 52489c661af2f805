"""Encodings that programs write without saying so are told by their build, or refused; never guessed wrongly."""

import codecs

import pytest

from reward_engine.tables import TableError, decode, encoding_of


@pytest.mark.parametrize(
    ("text", "codec", "found"),
    [
        ("a cat", "ascii", "utf-8-sig"),
        ("Löwe 猫", "utf-8", "utf-8-sig"),
        ("Löwe 猫", "utf-8-sig", "utf-8-sig"),
        ("Löwe 猫", "utf-16", "utf-16"),
        ("file,prompt", "utf-16-le", "utf-16-le"),
        ("file,prompt", "utf-16-be", "utf-16-be"),
        ("a cat", "utf-32", "utf-32"),
        ("Größe", "cp1252", "cp1252"),
        ("naïve — “quoted” façade, une œuvre d’été", "cp1252", "cp1252"),
        ("¿Qué niño? Åse spiser blåbær på øya", "cp1252", "cp1252"),
        ("file,prompt\n一.png,一只猫在桌子上", "gb18030", "gb18030"),
        ("红色的风筝，飞在天空", "gbk", "gb18030"),
    ],
)
def test_what_is_read(text: str, codec: str, found: str) -> None:
    assert encoding_of([text.encode(codec)]) == found
    assert decode(text.encode(codec)) == text


def test_utf_16_of_the_other_order() -> None:
    assert decode(codecs.BOM_UTF16_BE + "Löwe 猫".encode("utf-16-be")) == "Löwe 猫"


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Красный кот", "cp1251"),
        ("猫が机の上にいる", "shift_jis"),
        ("고양이가 책상 위에", "cp949"),
        ("一隻貓在桌上", "big5"),
        ("Příšerně žluťoučký kůň", "cp1250"),
        ("źdźbło trawy", "cp1250"),
        ("kırmızı uçurtma", "cp1254"),
        ("café grün", "mac_roman"),
        ("schöne Größe", "cp437"),
        ("γάτα", "cp1253"),
    ],
)
def test_what_would_be_spoilt_is_refused_with_its_line(text: str, codec: str) -> None:
    with pytest.raises(TableError, match="not UTF-8 text; save the file") as caught:
        encoding_of([f"file,prompt\na,{text}\n".encode(codec)])
    assert (caught.value.code, caught.value.line) == ("bad_encoding", 2)


def test_a_letter_that_lies_across_two_chunks() -> None:
    whole = "Größe 猫".encode()
    assert all(encoding_of([whole[:cut], whole[cut:]]) == "utf-8-sig" for cut in range(1, len(whole)))


def test_text_that_is_cut_off() -> None:
    with pytest.raises(TableError, match="begins as UTF-16 but is cut off"):
        encoding_of(["file,prompt".encode("utf-16")[:-1]])
