"""The forms in which names are searched and e-mail addresses are compared."""

import pytest

from config.values.text import fold, search_key

NAMES = [
    ("Łukasz Żółć", "lukasz zolc"),  # strokes
    ("Đặng Thị Hạnh", "dang thi hanh"),
    ("Søren Kjærgård", "soren kjaergard"),  # ligatures
    ("Œuvrard", "oeuvrard"),
    ("ﬁnn", "finn"),
    ("Ægir Þórðarson", "aegir thordarson"),
    ("Ħal Ŧemp", "hal temp"),
    ("Işık Çağlar", "isik caglar"),  # dotless i
    ("İbrahim", "ibrahim"),  # dotted capital i
    ("Weiß", "weiss"),
    ("Niall O’Brien", "niall obrien"),  # apostrophes
    ("Niall O'Brien", "niall obrien"),
    ("Kamehameha ʻŌʻū", "kamehameha ou"),
    ("Anna-Maria", "anna maria"),  # hyphens
    ("Jean‐Luc", "jean luc"),
    ("Lee, Ann", "lee ann"),
    ("Jan van der Berg", "jan van der berg"),  # particles
    ("García Márquez", "garcia marquez"),
    ("Müller, Jr.", "muller jr."),
    ("A\u200bnn\u00adLee", "annlee"),  # invisible characters
    ("Ann\u00a0\u2003Lee", "ann lee"),
    ("Ａｎｎ", "ann"),  # fullwidth
    ("Ёлкин Йов", "елкин иов"),  # other scripts
    ("Άννα", "αννα"),
    ("山田 太郎", "山田 太郎"),
    ("عَلِيّ", "علي"),
]
ADDRESSES = [
    "Ann@Example.com",
    "ann@example.com\u200b",
    "a\u00adnn@example.com",
    "ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ",
    " ann@EXAMPLE.com ",
]


@pytest.mark.parametrize(("name", "key"), NAMES, ids=[name for name, _ in NAMES])
def test_search_key_of_name(name, key):
    assert search_key(name) == key
    assert search_key(key) == key  # what is typed without them finds the same


@pytest.mark.parametrize("address", ADDRESSES, ids=ascii)
def test_kinds_of_writing_are_one_address(address):
    assert fold(address) == "ann@example.com"


@pytest.mark.parametrize("address", ["ann@bücher.example", "Ann@BÜCHER.example", "ann@xn--bcher-kva.example"])
def test_domain_is_the_same_in_unicode_and_punycode(address):
    assert fold(address) == "ann@bücher.example"


@pytest.mark.parametrize("address", ["ann@xn--a", "ann@xn--\u00e9.example", "xn--", "@", ""])
def test_address_that_is_none_has_a_key(address):
    assert isinstance(fold(address), str)
