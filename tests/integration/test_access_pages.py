"""The pages of tokens and of the audit log, the button that signs out, and the owner."""

import pytest

from tests.api import SPEC, Api
from tests.tokens import OPERATOR, PAGE, bearer, new_token, sign_in


@pytest.fixture
def api(sqlite_protected: Api) -> Api:
    """A service that requires a token."""
    return sqlite_protected


def text(api: Api, path: str, headers: dict[str, str]) -> str:
    answer = api.get(path, headers={**PAGE, **headers})
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_page_lists_tokens_and_sessions(api: Api) -> None:
    new_token(api, "laptop", "log")
    page = text(api, "/tokens", sign_in(api, OPERATOR))
    assert "<bdi>laptop</bdi>" in page
    assert 'data-delete="/api/tokens/1"' in page
    assert "this browser" in page


def test_the_page_explains_a_service_without_tokens(sqlite_api: Api) -> None:
    page = text(sqlite_api, "/tokens", {})
    assert "requires no token" in page
    assert 'id="create-token"' not in page


def test_a_page_for_administrators_is_refused_in_words(api: Api) -> None:
    headers = {**PAGE, **bearer(new_token(api, "student", "submit"))}
    answer = api.get("/tokens", headers=headers)
    assert answer.status_code == 403
    assert "The token student has the scope submit; this needs admin." in answer.text


def test_only_administrators_see_the_links(api: Api) -> None:
    assert 'href="/audit"' in text(api, "/status", bearer(OPERATOR))
    assert 'href="/audit"' not in text(api, "/status", bearer(new_token(api, "reader")))


def test_only_a_browser_session_has_a_button_to_sign_out(api: Api) -> None:
    assert 'action="/sign-out"' in text(api, "/", sign_in(api, OPERATOR))
    assert 'action="/sign-out"' not in text(api, "/", bearer(OPERATOR))


def test_the_audit_page_links_to_the_targets_and_older_entries(api: Api) -> None:
    student = bearer(new_token(api, "student", "submit"))
    api.post("/api/experiments", json=SPEC, headers=student)
    for _ in range(100):
        api.post("/api/experiments", json={}, headers=student)
    first = text(api, "/audit", bearer(OPERATOR))
    assert 'href="/audit?cursor=2"' in first
    older = text(api, "/audit?cursor=2", bearer(OPERATOR))
    assert 'experiment <a href="/experiments/1">1</a>' in older
    assert "Nothing was changed" in text(api, "/audit?by=nobody", bearer(OPERATOR))


def test_the_page_of_an_experiment_names_its_owner(api: Api) -> None:
    api.post("/api/experiments", json=SPEC, headers=bearer(new_token(api, "student", "submit")))
    assert "by <bdi>student</bdi>" in text(api, "/experiments/1", bearer(OPERATOR))


def test_a_repeated_key_of_another_token_is_another_request(api: Api) -> None:
    first, second = (sign_in(api, new_token(api, name, "submit")) for name in ("a", "b"))
    for headers in (first, second, first):
        api.post("/api/experiments", json=SPEC, headers={**headers, "idempotency-key": "same"})
    assert api.count_experiments() == 2
