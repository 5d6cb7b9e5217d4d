from backend.store import experiments
from backend.spec import validate


def test_db(database):
    with database.write() as s:
        e, ids = experiments.create(s, validate({"dataset": {"source": "moons"}}))
    print(database.engine.url, e.id)


def test_db2(database):
    with database.write() as s:
        e, ids = experiments.create(s, validate({"dataset": {"source": "moons"}}))
    assert e.id == 1


def test_sq(sqlite_database):
    pass


def test_set(settings):
    print(settings)


def test_set2(sqlite_settings):
    print(settings)
