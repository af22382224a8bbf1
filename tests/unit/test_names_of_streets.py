"""Names of streets are compared as people mean them, and taken apart so that misspelt ones share most parts."""

import pytest

from jobs.gazetteer import names, ranking


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("On or near Portswood Road", "Portswood Road"),
        ("On or near St John'S Road", "St John's Road"),
        ("On or near D'Oyly Close", "D'Oyly Close"),
        ("Portswood Road", "Portswood Road"),
        ("On or near ", ""),
        ("On or near", ""),
    ],
)
def test_what_the_source_puts_around_a_name_is_not_shown(source: str, shown: str) -> None:
    assert names.shown(source) == shown


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("St John's Road", "st johns rd"),
        ("St John\u2019s Road", "Saint Johns Road"),
        ("St John's Road", "ST. JOHN'S  ROAD"),
        ("High Street", "high st"),
        ("Tŷ Gwyn", "ty gwyn"),
        ("Rhyd Y Môr", "rhyd-y-mor"),
        ("Marks & Spencer Way", "marks and spencer way"),
        ("A3(M)", "a3 m"),
        ("Mount Pleasant", "mt pleasant"),
    ],
)
def test_ways_to_write_a_name_are_one(one: str, other: str) -> None:
    assert names.key(one) == names.key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("St Street", "Street St"), ("St Denys", "Street Denys"), ("Rd 1", "Road 1"), ("A3", "A33")]
)
def test_other_names_are_others(one: str, other: str) -> None:
    assert names.key(one) != names.key(other)


@pytest.mark.parametrize("source", ["On or near Supermarket", "On or near Park/Open Space", "On or near Prison"])
def test_a_kind_is_no_street(source: str) -> None:
    assert names.is_kind(source)
    assert not names.is_kind(f"{source} Road")


@pytest.mark.parametrize("source", ["", "On or near ", "No Location", "On or near No location"])
def test_a_point_may_have_no_name(source: str) -> None:
    assert names.is_nameless(source)


def test_grams_are_those_of_the_words_that_tell_a_name_from_others() -> None:
    assert names.grams("above bar street") == ["  a", " ab", "abo", "bov", "ove", "ve ", "  b", " ba", "bar", "ar "]
    assert names.grams("road") == ["  r", " ro", "roa", "oad", "ad "]
    assert names.grams("park road north") == names.grams("park north")
    assert names.grams("") == []


@pytest.mark.parametrize("typed", ["above bar s", "above bar str", "above bar street", "above bar streat"])
def test_a_last_word_that_is_like_street_tells_nothing_either(typed: str) -> None:
    assert names.grams_wanted(typed) == names.grams("above bar street")


def test_other_words_are_looked_for() -> None:
    assert names.grams_wanted("above quay") == names.grams("above quay")
    assert names.grams_wanted("street") == names.grams("street")


def test_words_are_taken_apart_as_pg_trgm_does() -> None:
    # SELECT show_trgm('above') of PostgreSQL 15.
    assert sorted(names.grams("above")) == ["  a", " ab", "abo", "bov", "ove", "ve "]


@pytest.mark.parametrize(
    ("wanted", "meant", "other"),
    [
        ("portswod road", "portswood road", "portsmouth road"),
        ("protswood road", "portswood road", "spotswood avenue"),
        ("shirly high street", "shirley high street", "shirley road"),
        ("shirly hi", "shirley high street", "shirley road"),
        ("high street shirley", "shirley high street", "high street south"),
        ("bar street", "above bar street", "barr road"),
        ("comercial road", "commercial road", "commodore road"),
    ],
)
def test_what_is_meant_scores_higher(wanted: str, meant: str, other: str) -> None:
    assert 1 > ranking.score(wanted, meant) > ranking.score(wanted, other)
    assert ranking.score(wanted, meant) >= ranking.LEAST


def test_the_name_itself_scores_one_and_another_is_too_little() -> None:
    assert ranking.score("above bar street", "above bar street") == 1
    assert ranking.score("above bar street", "quayside") < ranking.LEAST


def test_each_two_letters_may_have_been_swapped() -> None:
    assert names.swapped("alma") == ["lama", "amla", "alam"]
    assert names.swapped("a") == []
