"""Links that tracking clients print: they name runs and experiments by the clients' own ids."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from backend.mlflow.service import experiment_of
from backend.store import external_runs
from frontend.site import Reading

router = APIRouter()


@router.get("/runs/of-client/{external_id}")
def run_of_client(session: Reading, external_id: str) -> RedirectResponse:
    """Lead to the page of a run. Raises NotFound."""
    stored = external_runs.get(session, external_id)
    return RedirectResponse(f"/runs/{stored.run.id}", status_code=303)


@router.get("/experiments/of-client/{experiment_id}")
def experiment_of_client(session: Reading, experiment_id: str) -> RedirectResponse:
    """Lead to the page of an experiment. Raises InvalidParameter and NotFound."""
    return RedirectResponse(
        f"/experiments/{experiment_of(session, experiment_id).id}", status_code=303
    )
