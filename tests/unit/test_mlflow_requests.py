"""Bodies of MLflow's clients are read, or refused in one sentence."""

import pytest
from starlette.datastructures import Headers

from backend.mlflow.bodies import CreateExperiment
from backend.mlflow.errors import InvalidParameter
from backend.mlflow.requests import read_body

JSON = Headers({"content-type": "application/json"})


@pytest.mark.parametrize("body", [b'{"name": "\\ud800"}', b'{"na\\ud800me": 1}'])
def test_half_a_character_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidParameter, match="lone surrogate"):
        read_body(body, JSON, CreateExperiment)
