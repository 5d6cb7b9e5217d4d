"""The home page: for the first visit, for who comes back, and searched."""

import pytest

from tests.api import Api


@pytest.fixture
def three(sqlite_api: Api) -> Api:
    """A service with the experiments "Moons at night", "Sine" (tag lesson: 3) and "Other"."""
    sqlite_api.submit(name="Moons at night")
    sqlite_api.submit(name="Sine", dataset={"source": ["sine", "points"], "n_train": [5, 9]})
    sqlite_api.submit(name="Other")
    tagged = {"tags": {"lesson": "3"}, "note": "for Monday"}
    sqlite_api.request("PATCH", "/api/experiments/2", json=tagged)
    return sqlite_api


def names(api: Api, search: str) -> list[str]:
    items = api.get("/api/experiments", params={"search": search}).json()["items"]
    return [item["name"] for item in items]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("moon", ["Moons at night"]),
        ("night moons", ["Moons at night"]),
        ("lesson", ["Sine"]),
        ("3", ["Other", "Sine"]),
        ("#3", ["Other"]),
        ("monday", ["Sine"]),
        ("nothing like it", []),
        ("9" * 100, []),
    ],
)
def test_experiments_are_found_by_name_note_tag_and_number(
    three: Api, search: str, found: list[str]
) -> None:
    assert names(three, search) == found


def test_the_page_searches_too(three: Api) -> None:
    page = three.get("/?search=moons").text
    assert "Moons at night" in page
    assert "<bdi>Other</bdi>" not in page
    assert "No experiment matches." in three.get("/?search=none").text


def test_the_first_visit_begins_with_the_examples(sqlite_api: Api) -> None:
    page = sqlite_api.get("/").text
    assert "<h1>Is it overfitting" in page
    assert 'id="examples"' not in page


def test_who_comes_back_sees_experiments_first_and_what_varies_in_them(three: Api) -> None:
    page = three.get("/").text
    assert "<h1>Experiments</h1>" in page
    assert '<details class="examples" id="examples">' in page
    assert '<td class="varies">Sine, Five dots</td>' in page
    assert '<td class="varies">data set, train samples' in page
