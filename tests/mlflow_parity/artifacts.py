"""Artifacts by the proxy: write, read, list, delete, and paths that lead out."""

from tests.mlflow_parity.recording import ARTIFACTS, Server


def files(server: Server) -> None:
    """Write files of a run, list and read them, replace and delete one."""
    experiment = server.experiment("artifacts")
    run = server.run(experiment, "artifacts")
    root = f"artifacts/{experiment}/{run}/artifacts"
    put = _writer(server, root)
    put("write", "model/weights.bin", bytes(range(256)) * 40)
    put("write text", "notes.txt", b"hello")
    put("write empty", "empty.txt", b"")
    put("write html", "page.html", b"<script>alert(1)</script>")
    put("replace", "notes.txt", b"hello again")
    put("name with a space", "a b.txt", b"x")
    put("name in other letters", "größe.txt", b"x")
    server.get("list root", "artifacts/list", {"run_id": run})
    server.get("list folder", "artifacts/list", {"run_id": run, "path": "model"})
    server.get("list file", "artifacts/list", {"run_id": run, "path": "notes.txt"})
    server.get("list nothing", "artifacts/list", {"run_id": run, "path": "nothing"})
    server.get("list of unknown run", "artifacts/list", {"run_id": "f" * 32})
    server.get("list leads out", "artifacts/list", {"run_id": run, "path": "../.."})
    folder = f"{experiment}/{run}/artifacts"
    server.get("proxy list", "artifacts", {"path": folder}, prefix=ARTIFACTS)
    server.get("proxy list folder", "artifacts", {"path": f"{folder}/model"}, prefix=ARTIFACTS)
    server.get("proxy list nothing", "artifacts", {"path": "nothing/here"}, prefix=ARTIFACTS)
    server.get("proxy list leads out", "artifacts", {"path": "../secret"}, prefix=ARTIFACTS)
    server.get("read", f"{root}/notes.txt", prefix=ARTIFACTS)
    server.get("read empty", f"{root}/empty.txt", prefix=ARTIFACTS)
    server.get("read html", f"{root}/page.html", prefix=ARTIFACTS)
    server.get("read nothing", f"{root}/nothing.txt", prefix=ARTIFACTS)
    server.get("read folder", f"{root}/model", prefix=ARTIFACTS)
    server.send("delete", "DELETE", f"{root}/notes.txt", prefix=ARTIFACTS)
    server.get("read deleted", f"{root}/notes.txt", prefix=ARTIFACTS)
    server.send("delete folder", "DELETE", f"{root}/model", prefix=ARTIFACTS)
    server.get("list rest", "artifacts/list", {"run_id": run})


def traversal(server: Server) -> None:
    """Try to leave the folder of artifacts; each attempt is refused."""
    put = _writer(server, "artifacts")
    put("dots, encoded", "..%2f..%2fetc/passwd", b"x")
    put("dots, encoded twice", "..%252f..%252fetc/passwd", b"x")
    put("dots in the middle", "1/%2e%2e/%2e%2e/x", b"x")
    put("absolute", "%2fetc%2fpasswd", b"x")
    put("fragment", "a%23b", b"x")
    put("file URI", "file:%2f%2f%2fetc%2fpasswd", b"x")
    server.get("read dots, encoded", "artifacts/..%2f..%2fetc%2fpasswd", prefix=ARTIFACTS)
    server.get("read absolute", "artifacts/%2fetc%2fpasswd", prefix=ARTIFACTS)


def multipart(server: Server) -> None:
    """Ask for a multipart upload; clients fall back to a plain one if it is unsupported."""
    body = {"path": "big.bin", "num_parts": 3}
    server.post("create", "mpu/create/1/r/artifacts/big.bin", body, prefix=ARTIFACTS)
    body = {"path": "big.bin", "upload_id": "u", "parts": []}
    server.post("complete", "mpu/complete/1/r/artifacts/big.bin", body, prefix=ARTIFACTS)
    body = {"path": "big.bin", "upload_id": "u"}
    server.post("abort", "mpu/abort/1/r/artifacts/big.bin", body, prefix=ARTIFACTS)


class _writer:  # noqa: N801 - used as a function
    """Puts files below a folder of the proxy."""

    def __init__(self, server: Server, root: str) -> None:
        self._server, self._root = server, root

    def __call__(self, what: str, path: str, content: bytes) -> None:
        url = f"{self._root}/{path}"
        self._server.send(what, "PUT", url, prefix=ARTIFACTS, content=content)


SCENARIOS = (files, traversal, multipart)
