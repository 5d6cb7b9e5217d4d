"""The filter language: parsing, errors and their messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import InvalidInput
from backend.search import Condition, Names, parse, parse_order
from backend.search.parser import SEARCHED
from backend.search.syntax import Combined, Not, Predicate, SearchField, predicates
from tests.filter_oracle import CONDITIONS, NAMES

LOSS = SearchField("metric", "val_loss", "number", "last")
WIDTH = SearchField("param", "model.width", "either")
VERDICT = SearchField("run", "verdict", "text")


@given(CONDITIONS)
def test_a_printed_filter_parses_to_itself(condition: Condition) -> None:
    assert parse(str(condition), NAMES) == condition


def test_the_documented_example_parses() -> None:
    text = "metrics.val_loss < 0.3 and params.width = 32 and verdict = overfitting"
    parts = (
        Predicate(LOSS, "<", 0.3),
        Predicate(WIDTH, "=", 32.0),
        Predicate(VERDICT, "=", "overfitting"),
    )
    assert parse(text, NAMES) == Combined("and", parts)


def test_not_binds_closest_then_and_then_or() -> None:
    first, second, third = (
        Predicate(SearchField("run", "id", "number"), "=", float(n)) for n in (1, 2, 3)
    )
    condition = parse("NOT id = 1 AND id = 2 OR id=3", NAMES)
    assert condition == Combined("or", (Combined("and", (Not(first), second)), third))


def test_an_empty_filter_has_no_condition() -> None:
    assert parse("  ", NAMES) is None


def test_an_order_has_columns_and_directions() -> None:
    order = parse_order("metrics.val_loss.best desc, params.model.width", NAMES)
    assert [str(column) for column in order] == [
        "metrics.val_loss.best desc",
        "params.model.width asc",
    ]


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("metrics.val_los < 1", 1, "no metric “val_los”; did you mean “val_loss”?"),
        ("metrics.val_loss.mni < 1", 1, "has no “mni”; did you mean “min”?"),
        ("id = 1 and params.widht = 3", 12, "no param “widht”; did you mean “width”?"),
        ("params.rate = 1", 1, "“rate” may be a.rate or b.rate; write one of them."),
        ("width = 32", 1, "no field “width”; did you mean “params.width”?"),
        ("verdict = overfiting", 11, "no verdict “overfiting”; did you mean “overfitting”?"),
        ("verdict = good fit", 11, 'words with spaces need quotes: verdict = "good fit".'),
        ("status == failed", 9, "“=” was found; accepted: one of queued, running"),
        ("metrics.val_loss < low", 20, "“low” was found; metrics.val_loss.last takes a number."),
        ("metrics.val_loss like 3", 18, "is a number and has no like"),
        ("created > yesterday", 11, "created takes a time, such as 2026-11-23"),
        ("pinned", 7, "the filter ends; accepted: = true or = false after pinned."),
        ("id = 1 id = 2", 8, "“id” was found; accepted: and, or, or the end of the filter."),
        ("(id = 1", 8, "the filter ends; accepted: and, or, or )."),
        ("id = " + "9" * 401, 6, "a number has 401 characters; accepted: 400."),
        ("id in 1", 7, "accepted: ( and values with commas between."),
        ("id = ", 5, "the filter ends; accepted: a number."),
        ("note = 'x", 8, "the quotation that begins with ' has no end."),
        ("id ! 1", 4, "! was found; accepted: != or not."),
        ("note = \x00", 8, "a filter must not contain the character"),
        ("not " * 40 + "id = 1", 121, "nested too deeply"),
        (" or ".join(["id = 1"] * 31), 301, "at most 30 comparisons"),
        ("x" * 5000, 4000, "the filter is too long"),
    ],
)
def test_a_syntax_error_names_its_position(text: str, position: int, words: str) -> None:
    names = Names(NAMES.metrics, frozenset({"model.width", "a.rate", "b.rate"}))
    with pytest.raises(InvalidInput) as caught:
        parse(text, names)
    assert caught.value.detail.startswith(f"At position {position} of the filter: ")
    assert words in caught.value.detail


@given(st.text(alphabet="abid=<>!()'\"., \\1and or not in\n") | st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for read in (parse, parse_order):
        try:
            read(text, NAMES)
        except InvalidInput as error:
            assert error.detail.startswith("At position ")


@pytest.mark.parametrize("text", ["id up", "id desc desc", ",id", "id, ", "id,id,id,id,id"])
def test_an_invalid_order_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="of the order_by"):
        parse_order(text, NAMES)


def test_words_alone_are_searched_for_in_the_texts_of_runs() -> None:
    condition = parse('moons "good fit"', NAMES)
    assert isinstance(condition, Combined)
    assert condition.word == "and"
    found = {(predicate.field.name, predicate.value) for predicate in predicates(condition)}
    assert found == {(name, f"%{word}%") for name in SEARCHED for word in ("moons", "good fit")}


def test_a_field_alone_is_not_a_search() -> None:
    for text in ("verdict", "metrics.val_loss", "Pinned"):
        with pytest.raises(InvalidInput):
            parse(text, NAMES)


def test_a_verdict_is_filtered_as_its_badge_shows_it() -> None:
    condition = parse('verdict = "mild overfitting" and id > 2', NAMES)
    assert condition is not None
    values = {(predicate.field.name, predicate.value) for predicate in predicates(condition)}
    assert values == {("verdict", "overfitting"), ("severity", "mild"), ("id", 2.0)}
