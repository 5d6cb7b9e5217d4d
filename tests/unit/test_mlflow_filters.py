"""Filters and orders of MLflow's clients: every text is read, or refused in one sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.mlflow.errors import InvalidParameter
from backend.mlflow.filters import NUMERIC, RUNS, WITH_NULL, Comparison, parse_filter
from backend.mlflow.orders import Column, offset_of, page_token, parse_order

WORDS = """
metrics. params. tags. attributes. loss `val/loss` "a_b" 'x' ' " ` . = != < > <= >= LIKE ILIKE IN
NOT IS NULL AND OR ( ) , 1 -0.5 1e9 1e9999 status run_id ; -- /* é 日
"""
PIECES = st.sampled_from([*WORDS.split(), "\\", "\0"])
KEYS = st.text("abz_ /.-:é", min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_characters="'", exclude_categories=["Cs"]), max_size=8)


@given(st.lists(PIECES, max_size=12).map(" ".join) | st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (lambda: parse_filter(text, RUNS), lambda: parse_order([text], RUNS)):
        try:
            parse()
        except InvalidParameter as refusal:
            assert refusal.detail.isascii()


@given(KEYS, st.sampled_from(NUMERIC), st.floats(allow_nan=False, allow_infinity=False))
def test_a_comparison_of_a_metric_is_read(key: str, sign: str, value: float) -> None:
    [comparison] = parse_filter(f"metrics.`{key}` {sign} {value!r}", RUNS)
    assert comparison == Comparison("metric", key, sign, value)  # type: ignore[arg-type]


@given(KEYS, st.sampled_from(WITH_NULL[:4]), TEXTS)
def test_a_comparison_of_a_param_is_read(key: str, sign: str, value: str) -> None:
    [comparison] = parse_filter(f"params.`{key}` {sign.lower()} '{value}'", RUNS)
    assert comparison == Comparison("param", key, sign, value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("color = 'red'", "There is no attribute 'color'; accepted: Created"),
        ("models.a = '1'", "'models' is not searchable; accepted: metric, metrics"),
        ("metrics.loss < 'a'", "is not a number, as loss is"),
        ("params.a = 5", "'5' is not text in quotes, such as 'vision'"),
        ("metrics.loss LIKE 'a'", "cannot be compared by LIKE; accepted: =, !=, <"),
        ("a OR b", "There is no attribute 'a'"),
        ("status = 'a' OR status = 'b'", "'OR' was found where a comparison begins"),
        ("run_id IN ()", "')' is not text in quotes"),
    ],
)
def test_a_refusal_says_what_would_be_accepted(text: str, words: str) -> None:
    with pytest.raises(InvalidParameter, match=r"accepted|is not") as refusal:
        parse_filter(text, RUNS)
    assert words in refusal.value.detail


def test_a_filter_has_a_largest_number_of_comparisons() -> None:
    with pytest.raises(InvalidParameter, match="up to 60 comparisons"):
        parse_filter(" AND ".join(["metrics.loss < 1"] * 61), RUNS)


def test_an_order_has_columns_and_directions() -> None:
    order = parse_order(["metrics.`val/loss` DESC", "start_time"], RUNS)
    assert order == [Column("metric", "val/loss", True), Column("attribute", "start_time")]


@given(st.integers(1, 10**9))
def test_a_page_token_holds_an_offset(offset: int) -> None:
    assert offset_of(page_token(offset)) == offset


@given(st.text(max_size=40))
def test_a_token_of_something_else_is_refused(token: str) -> None:
    try:
        assert offset_of(token) >= 0
    except InvalidParameter as refusal:
        assert "page_token" in refusal.detail
