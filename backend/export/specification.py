"""The specification that reproduces an experiment, as YAML."""

from collections.abc import Mapping
from typing import Any

import yaml


def written(spec: Mapping[str, Any]) -> str:
    """Return a specification as it can be submitted again."""
    # lists of values in one line, as people write them
    return yaml.safe_dump(
        dict(spec), sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )
