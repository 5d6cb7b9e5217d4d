"""An experiment as a folder of files."""

import json
from collections.abc import Iterator
from typing import Literal

from backend.export import parquet, text
from backend.export.archive import Member
from backend.export.metric_table import metric_table
from backend.export.run_table import run_table
from backend.export.specification import written
from backend.export.versions import versions
from backend.runs.schemas import experiment_items
from backend.store import Database, experiments

Kind = Literal["csv", "parquet"]


def members(database: Database, experiment_id: int, kind: Kind) -> Iterator[Member]:
    """Return the files: the specification, what it is of, the runs, every metric of every epoch.

    Raises NotFound at the first.
    """
    with database.read() as session:
        [item] = experiment_items(session, [experiments.get(session, experiment_id)])
        table = run_table(session, experiment_id)
    about = item.model_dump(exclude={"spec"}) | {"versions": versions()}
    folder = f"experiment-{experiment_id}"
    yield f"{folder}/spec.yaml", [written(item.spec).encode()]
    yield f"{folder}/experiment.json", [json.dumps(about, indent=2).encode()]
    metrics = metric_table(database, experiment_id)
    if kind == "csv":
        yield f"{folder}/runs.csv", text.table_lines(table)
        yield f"{folder}/metrics.csv", text.stream_lines(metrics)
    else:
        yield f"{folder}/runs.parquet", parquet.table_file(table)
        yield f"{folder}/metrics.parquet", parquet.stream_file(metrics)
