"""Headers of a response that the browser saves as a file."""

import re

_UNUSUAL = re.compile(r"[^\w.-]", re.ASCII)


def download_headers(name: str) -> dict[str, str]:
    """Return the headers that save a response under a name. Unusual characters become `_`."""
    return {"Content-Disposition": f'attachment; filename="{_UNUSUAL.sub("_", name)}"'}
