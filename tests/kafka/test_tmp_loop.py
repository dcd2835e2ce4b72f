import json
from tests.kafka.test_replay import *
from tests.kafka.test_replay import published
def test_loop(published, run):
    book = weeks()
    file = published(book)
    for k in range(40):
        ran = run("replay", "--incident", incidents_of(book, "S2")[0], "--settings", file, "--json")
        if ran.exit: print('FAILED', k, json.loads(ran.out))
    assert 0
