"""Invalid input gets a 4xx response with one sentence, and nothing is stored."""

import json
from typing import Any

import pytest

from tests.api import Api

JSON = "application/json"
YAML = "application/yaml"
POINTS = {"dataset": {"source": "points"}}

MALFORMED = {
    "not JSON": (JSON, b'{"dataset": '),
    "empty": (JSON, b""),
    "not YAML": (YAML, b"dataset: {source: [points"),
    "YAML that builds objects": (YAML, b"!!python/object/apply:os.system ['true']"),
    "YAML with aliases": (YAML, b"a: &a [1]\nb: *a"),
    "not UTF-8": (JSON, b'{"name": "\xff\xfe"}'),
    "YAML that is not UTF-8": (YAML, b"name: \xff\xfe\xff"),
    "half a character": (JSON, rb'{"name": "\ud800", "dataset": {"source": "points"}}'),
    "half a character as a field": (JSON, rb'{"\ud800": 1, "dataset": {"source": "points"}}'),
    "half a character in YAML": (YAML, rb'{name: "\ud800", dataset: {source: points}}'),
    "NaN": (JSON, b'{"dataset": {"source": "points", "target_noise": NaN}}'),
    "deep JSON": (JSON, b'{"dataset":' * 50_000),
    "deep lists": (JSON, b"[" * 500_000),
    "deep YAML": (YAML, b"[" * 20_000),
    "a key twice": (JSON, b'{"name": "a", "name": "b"}'),
    "a hexadecimal number of 5,000 digits": (YAML, b"name: 0x" + b"f" * 5000),
    "a binary number of 20,000 digits": (YAML, b"training: {epochs: 0b1" + b"0" * 20_000 + b"}"),
    "a number of 5,000 digits": (JSON, b'{"name": ' + b"9" * 5000 + b"}"),
}

REFUSED: dict[str, tuple[Any, str | None]] = {
    "a list": ([], None),
    "a number": (7, None),
    "null": (None, None),
    "an unknown section": ({**POINTS, "modle": {}}, "modle"),
    "an unknown field": ({"dataset": {"source": "points", "size": 3}}, "dataset.size"),
    "an unknown source": ({"dataset": {"source": "mars"}}, "dataset.source"),
    "text for a number": ({**POINTS, "model": {"degree": "six"}}, "model.degree"),
    "a number for text": ({"dataset": {"source": 3}}, "dataset.source"),
    "truth for a number": ({**POINTS, "model": {"degree": True}}, "model.degree"),
    "null for a number": ({**POINTS, "model": {"degree": None}}, "model.degree"),
    "a negative size": ({"dataset": {"source": "points", "n_train": -5}}, "dataset.n_train"),
    "a huge number": ({**POINTS, "training": {"epochs": 2**70}}, "training.epochs"),
    "a million runs": (
        {**POINTS, "model": {"degree": list(range(10))}, "training": {
            "seeds": 1000, "epochs": list(range(1, 101))}},
        "training.seeds",
    ),
    "more than the data set": ({"dataset": {"source": "iris", "n_train": 500}}, "dataset.n_train"),
    "a name with a null byte": ({**POINTS, "name": "a\0b"}, "name"),
    "a name of two lines": ({**POINTS, "name": "a\nb"}, "name"),
    "a name with a line separator": ({**POINTS, "name": "a\u2028b"}, "name"),
    "a name in reverse": ({**POINTS, "name": "a\u202eb"}, "name"),
    "a name with an isolate": ({**POINTS, "name": "a\u2066b"}, "name"),
    "a long name": ({**POINTS, "name": "a" * 201}, "name"),
    "an object for a name": ({**POINTS, "name": {"a": 1}}, "name"),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_body_is_refused(sqlite_api: Api, case: str) -> None:
    media_type, content = MALFORMED[case]
    headers = {"content-type": media_type}
    answer = sqlite_api.post("/api/experiments", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "malformed")
    assert answer.json()["detail"].startswith("The body is not valid")
    assert sqlite_api.count_experiments() == 0


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_an_invalid_specification_names_the_field(sqlite_api: Api, case: str, query: str) -> None:
    document, field = REFUSED[case]
    content, headers = json.dumps(document), {"content-type": JSON}
    answer = sqlite_api.post(f"/api/experiments{query}", content=content, headers=headers)
    body = answer.json()
    assert (answer.status_code, body["error"]) == (422, "invalid_spec")
    assert body["field"] == field
    assert body["errors"][0] == {"field": field, "detail": body["detail"]}
    assert "accepted" in body["detail"]
    assert sqlite_api.count_experiments() == 0


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_an_infinite_number_is_refused(sqlite_api: Api, number: str) -> None:
    text = f'{{"dataset": {{"source": "points", "target_noise": {number}}}}}'
    answer = sqlite_api.post("/api/experiments", content=text, headers={"content-type": JSON})
    assert (answer.status_code, answer.json()["field"]) == (422, "dataset.target_noise")


def test_every_invalid_field_is_reported(sqlite_api: Api) -> None:
    document = {"dataset": {"source": "points", "n_train": 0}, "model": {"width": "wide"}}
    errors = sqlite_api.post("/api/experiments", json=document).json()["errors"]
    assert [error["field"] for error in errors] == ["dataset.n_train", "model.width"]


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_refused(sqlite_api: Api, media_type: str) -> None:
    headers = {"content-type": media_type}
    content = json.dumps(POINTS).encode()
    answer = sqlite_api.post("/api/experiments", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_media_type")
    assert sqlite_api.count_experiments() == 0


def test_a_large_body_is_refused(sqlite_api: Api) -> None:
    content = b" " * (1 << 20) + json.dumps(POINTS).encode()
    headers = {"content-type": JSON}
    answer = sqlite_api.post("/api/experiments", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")
    assert sqlite_api.count_experiments() == 0


def test_an_invalid_content_length_is_refused(sqlite_api: Api) -> None:
    headers = {"content-type": JSON, "content-length": "9" * 5000}
    answer = sqlite_api.post("/api/experiments", content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


def test_large_yaml_is_refused(sqlite_api: Api) -> None:
    content, headers = b"# " * 40_000, {"content-type": YAML}
    answer = sqlite_api.post("/api/experiments", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


def test_markup_and_unicode_in_a_name_are_preserved(api: Api) -> None:
    name = "<script>alert('é')</script> 模型 🙂"
    experiment_id = api.submit(name=name)
    assert api.get(f"/api/experiments/{experiment_id}").json()["name"] == name


BAD_QUERIES = {
    "/api/experiments/abc": "experiment_id",
    "/api/experiments/0": "experiment_id",
    "/api/experiments/99999999999999999999": "experiment_id",
    "/api/experiments/%00": "experiment_id",
    "/api/runs/-1": "run_id",
    "/api/runs/2147483648": "run_id",
    "/api/runs/1/snapshots/worst": "kind",
    "/api/runs/1/metrics?max_points=1": "max_points",
    "/api/runs/1/metrics?max_points=many": "max_points",
    "/api/runs/1/metrics?keys=%00": "keys",
    "/api/experiments?limit=0": "limit",
    "/api/experiments?cursor=99999999999999999999": "cursor",
    "/api/experiments/1/runs?limit=1001": "limit",
    "/api/stream": "run",
    "/api/stream?run=1&experiment=1": "run",
    "/api/stream?run=x": "run",
    "/api/stream?run=1&after=-1": "after",
}


@pytest.mark.parametrize("path", BAD_QUERIES)
def test_an_invalid_parameter_is_named(api: Api, path: str) -> None:
    api.submit()
    body = api.get(path).json()
    assert (body["error"], body["field"]) == ("invalid", BAD_QUERIES[path])
    assert "accepted" in body["detail"]


def test_an_invalid_dry_run_submits_nothing(sqlite_api: Api) -> None:
    answer = sqlite_api.post("/api/experiments?dry_run=maybe", json=POINTS)
    assert answer.json()["detail"] == 'dry_run is "maybe"; accepted: true or false.'
    assert sqlite_api.count_experiments() == 0


@pytest.mark.parametrize("path", ["/api/experiments?dryrun=true", "/api/experiments?dry-run=1"])
def test_an_unknown_parameter_submits_nothing(sqlite_api: Api, path: str) -> None:
    answer = sqlite_api.post(path, json=POINTS)
    assert answer.status_code == 422
    assert "accepted: dry_run" in answer.json()["detail"]
    assert sqlite_api.count_experiments() == 0
