"""Static files, Plotly.js, and references to them in pages."""

import re

from frontend.assets import plotly_url, static_url
from tests.api import Api

PAGES = (
    "/", "/experiments/new", "/runs", "/glossary", "/docs/textbook", "/datasets", "/status",
)  # fmt: skip


def test_plotly_is_compressed_and_cached_indefinitely(api: Api) -> None:
    answer = api.get(plotly_url(), headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.text.startswith("/**\n* plotly.js")


def test_clients_without_gzip_get_plain_files(api: Api) -> None:
    plain = api.get(static_url("lab.css"), headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == api.get(static_url("lab.css")).text


def test_no_path_leads_out_of_the_static_folder(api: Api) -> None:
    for name in ("%2e%2e/site.py", "..%2fsite.py", "/etc/passwd", "js/%2e%2e/%2e%2e/site.py"):
        assert api.get(f"/static/x/{name}").status_code == 404


def test_pages_have_no_foreign_or_inline_scripts(api: Api) -> None:
    experiment_id = api.submit()
    for path in (*PAGES, f"/experiments/{experiment_id}"):
        html = api.get(path).text
        assert not re.search(r'(src|href)="(https?:)?//', html)
        assert not re.search(r"<script(?![^>]* src=)|\son\w+=|<style|style=", html)


def test_a_page_preloads_every_module_it_imports(sqlite_api: Api) -> None:
    page = sqlite_api.get("/status").text
    preloaded = re.findall(r'rel="modulepreload" href="([^"]+)"', page)
    for url in preloaded:
        source = sqlite_api.get(url).text
        for name in re.findall(r'from "\./([\w.]+)"', source):
            assert any(url.endswith(f"/{name}") for url in preloaded), name
    assert any(url.endswith("/js/refresh.js") for url in preloaded)
