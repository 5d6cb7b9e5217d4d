"""Experiments: create, read, search, rename, delete, restore, tags."""

from tests.mlflow_parity.recording import NO_TOKEN, Server


def create_and_read(server: Server) -> None:
    """Create experiments, valid and not, and read them by id and by name."""
    server.get("default", "experiments/get", {"experiment_id": "0"})
    server.get("default by name", "experiments/get-by-name", {"experiment_name": "Default"})
    tags = [{"key": "team", "value": "vision"}, {"key": "mlflow.note.content", "value": "a *note*"}]
    created = server.prepare("experiments/create", {"name": "iris", "tags": tags})
    iris = server.alias(created["experiment_id"], "<experiment iris>")
    server.get("read", "experiments/get", {"experiment_id": iris})
    server.get("read by name", "experiments/get-by-name", {"experiment_name": "iris"})
    server.get("name has a case", "experiments/get-by-name", {"experiment_name": "IRIS"})
    server.get("unknown name", "experiments/get-by-name", {"experiment_name": "nothing"})
    server.get("empty name", "experiments/get-by-name", {"experiment_name": ""})
    server.get("name is missing", "experiments/get-by-name")
    server.get("unknown id", "experiments/get", {"experiment_id": "999999"})
    server.get("id is a word", "experiments/get", {"experiment_id": "iris"})
    server.get("id is missing", "experiments/get")
    server.post("name is taken", "experiments/create", {"name": "iris"})
    server.post("name is missing in body", "experiments/create", {})
    server.post("name is empty", "experiments/create", {"name": ""})
    server.post("name is a number", "experiments/create", {"name": 12})
    server.post("name is a list", "experiments/create", {"name": ["a"]})
    server.post("name is too long", "experiments/create", {"name": "n" * 501})
    longest = server.experiment("n" * 500)
    server.get("longest name", "experiments/get", {"experiment_id": longest})
    unicode = server.experiment("größe/测试 #1 %?")
    server.get("name with other letters", "experiments/get", {"experiment_id": unicode})
    server.post(
        "tags are not a list", "experiments/create", {"name": "bad tags", "tags": {"a": "b"}}
    )


def rename_delete_restore(server: Server) -> None:
    """Rename, delete and restore; what a deleted experiment still answers."""
    old = server.experiment("old name")
    other = server.experiment("other name")
    run = server.run(old, "kept")
    server.post("rename", "experiments/update", {"experiment_id": old, "new_name": "new name"})
    server.get("renamed", "experiments/get", {"experiment_id": old})
    server.post(
        "rename unknown", "experiments/update", {"experiment_id": "999999", "new_name": "n"}
    )
    server.post("rename to nothing", "experiments/update", {"experiment_id": old})
    server.post("rename to empty", "experiments/update", {"experiment_id": old, "new_name": ""})
    server.post("delete", "experiments/delete", {"experiment_id": old})
    server.post("delete again", "experiments/delete", {"experiment_id": old})
    server.post("delete unknown", "experiments/delete", {"experiment_id": "999999"})
    server.post("delete without id", "experiments/delete", {})
    server.get("deleted by id", "experiments/get", {"experiment_id": old})
    server.get("deleted by name", "experiments/get-by-name", {"experiment_name": "new name"})
    server.get("its run is deleted", "runs/get", {"run_id": run})
    server.post("run in deleted", "runs/create", {"experiment_id": old})
    server.post("rename deleted", "experiments/update", {"experiment_id": old, "new_name": "x"})
    tag = {"experiment_id": old, "key": "a", "value": "b"}
    server.post("tag deleted", "experiments/set-experiment-tag", tag)
    server.post("restore", "experiments/restore", {"experiment_id": old})
    server.post("restore again", "experiments/restore", {"experiment_id": old})
    server.post("restore unknown", "experiments/restore", {"experiment_id": "999999"})
    server.get("restored", "experiments/get", {"experiment_id": old})
    server.get("its run is restored", "runs/get", {"run_id": run})
    server.get("other is unchanged", "experiments/get", {"experiment_id": other})


def tags(server: Server) -> None:
    """Set, replace and delete tags of an experiment."""
    id_ = server.experiment("tagged")
    path = "experiments/set-experiment-tag"
    server.post("set", path, {"experiment_id": id_, "key": "a", "value": "1"})
    server.post("replace", path, {"experiment_id": id_, "key": "a", "value": "2"})
    server.post("empty value", path, {"experiment_id": id_, "key": "empty", "value": ""})
    server.post("value is missing", path, {"experiment_id": id_, "key": "missing"})
    server.post("key is missing", path, {"experiment_id": id_, "value": "1"})
    server.post("key is empty", path, {"experiment_id": id_, "key": "", "value": "1"})
    server.post("longest key", path, {"experiment_id": id_, "key": "k" * 250, "value": "1"})
    server.post("key is too long", path, {"experiment_id": id_, "key": "k" * 251, "value": "1"})
    server.post("value of 5,000", path, {"experiment_id": id_, "key": "v", "value": "v" * 5000})
    server.post(
        "value is too long", path, {"experiment_id": id_, "key": "w", "value": "v" * 20_001}
    )
    server.post("bad key", path, {"experiment_id": id_, "key": "a$b", "value": "1"})
    server.post("unknown experiment", path, {"experiment_id": "999999", "key": "a", "value": "1"})
    server.get("all", "experiments/get", {"experiment_id": id_})
    delete = "experiments/delete-experiment-tag"
    server.post("delete", delete, {"experiment_id": id_, "key": "a"})
    server.post("delete again", delete, {"experiment_id": id_, "key": "a"})
    server.post("delete without key", delete, {"experiment_id": id_})
    server.get("rest", "experiments/get", {"experiment_id": id_})


def search(server: Server) -> None:
    """Search with filters, order, views and pages."""
    for number, name in enumerate(("search-b", "search-a", "search-C", "search_d")):
        id_ = server.experiment(name)
        tag = {"experiment_id": id_, "key": "number", "value": str(number)}
        server.prepare("experiments/set-experiment-tag", tag)
    server.prepare("experiments/delete", {"experiment_id": id_})

    def find(what: str, filter_: str = "name LIKE 'search%'", **fields: object) -> str:
        body = {"filter": filter_, "max_results": 100, **fields}
        found = server.post(what, "experiments/search", body)
        return str(found.get("next_page_token", ""))

    find("newest first")
    find("by name", order_by=["name"])
    find("by name, descending", order_by=["name DESC"])
    find("by id", order_by=["experiment_id ASC"])
    find("attribute prefix", order_by=["attribute.name ASC"])
    find("deleted only", view_type="DELETED_ONLY")
    find("all views", view_type="ALL", order_by=["name"])
    find("unknown view", view_type="SOME")
    find("like has a case", "name LIKE 'SEARCH%'")
    find("ilike has none", "name ILIKE 'SEARCH%'", order_by=["name"])
    find("underscore matches any", "name LIKE 'search_a'")
    find("equal", "name = 'search-a'")
    find("not equal", "name != 'search-a' AND name LIKE 'search-%'", order_by=["name"])
    find("tag", "tags.number = '1'")
    find("tag like", "tag.number LIKE '%' AND name LIKE 'search%'", order_by=["name"])
    find("tag in backticks", "tags.`number` = '2'")
    find("tag is null", "tags.number IS NULL AND name LIKE 'search%'")
    find("creation time", "creation_time > 0 AND name LIKE 'search%'", order_by=["name"])
    find("creation time is text", "creation_time > 'a'")
    find("in list of names", "name IN ('search-a', 'search-b')")
    find("unknown attribute", "color = 'red'")
    find("unknown entity", "params.a = '1'")
    find("or", "name = 'search-a' OR name = 'search-b'")
    find("no quotes", "name = search-a")
    find("half a filter", "name =")
    find("order by unknown", order_by=["color"])
    find("order by tag", order_by=["tags.number"])
    find("order direction unknown", order_by=["name SIDEWAYS"])
    find("no results wanted", max_results=0)
    find("negative results wanted", max_results=-1)
    find("too many results wanted", max_results=50_001)
    token = find("first page", max_results=2, order_by=["name"])
    find("second page", max_results=2, order_by=["name"], page_token=token)
    find("token is not one", page_token=NO_TOKEN)
    server.get("by query", "experiments/search", {"max_results": 1, "filter": "name = 'search-a'"})
    server.post("max_results is missing", "experiments/search", {"filter": "name = 'search-a'"})


SCENARIOS = (create_and_read, rename_delete_restore, tags, search)
