"""Static files and Plotly.js, and where pages say they are."""

import re

from frontend.assets import address, plotly_address
from tests.api import Api

PAGES = ("/", "/experiments/new", "/runs", "/words", "/datasets", "/health")


def test_plotly_is_sent_compressed_and_kept_for_ever(api: Api) -> None:
    answer = api.get(plotly_address(), headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.text.startswith("/**\n* plotly.js")


def test_who_takes_no_gzip_gets_the_same_plain(api: Api) -> None:
    plain = api.get(address("lab.css"), headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == api.get(address("lab.css")).text


def test_no_path_leads_out_of_the_static_files(api: Api) -> None:
    for name in ("%2e%2e/site.py", "..%2fsite.py", "/etc/passwd", "js/%2e%2e/%2e%2e/site.py"):
        assert api.get(f"/static/x/{name}").status_code == 404


def test_pages_load_nothing_from_elsewhere_and_run_nothing_inline(api: Api) -> None:
    experiment_id = api.submit()
    for path in (*PAGES, f"/experiments/{experiment_id}"):
        html = api.get(path).text
        assert not re.search(r'(src|href)="(https?:)?//', html)
        assert not re.search(r"<script(?![^>]* src=)|\son\w+=|<style|style=", html)
