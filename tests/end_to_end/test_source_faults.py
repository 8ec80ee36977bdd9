"""Whatever happens to Codebashing's answer on the way, what is staged is the whole of it, or nothing."""

import pytest

from demo.codebashing import Codebashing
from include.codebashing_lms.errors import SourceUnavailableError
from include.codebashing_lms.extract.fetch import fetch_snapshot
from tests.end_to_end.checks import SOME, spread
from tests.extract.source import IMPATIENT, connector, source_client
from tests.fakes.proxy import Fault, Proxy


@pytest.fixture
def api():
    with Codebashing(SOME) as server:
        yield server


def port_of(api):
    return int(api.url.rpartition(":")[2])


@pytest.fixture
def read(api, tmp_path):
    """Return how to read all fields of the API through a proxy."""

    def _read(proxy):
        client = source_client(connector().source, f"http://127.0.0.1:{proxy.port}", api.token, api.api_key)
        return fetch_snapshot(client, tmp_path / "snapshots", tmp_path / "runs" / "one", None)

    return _read


@pytest.fixture
def conversation(api, read):
    with Proxy(port_of(api)) as proxy:
        staged = read(proxy)
    staged.path.unlink()
    return proxy.traffic[0]


def survives(fault, api, read, files):
    with Proxy(port_of(api), fault) as proxy:
        staged = read(proxy)
    assert staged.records == len(SOME)
    assert files() == [staged.path]
    staged.path.unlink()
    return len(proxy.traffic)


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("way", ["up", "down"])
def test_cut_anywhere(way, how, conversation, api, read, files):
    offsets = spread(getattr(conversation, way), 20)
    connections = [survives(Fault(**{way: at}, how=how), api, read, files) for at in offsets]
    assert connections == [2] * len(offsets)


def test_stall(conversation, api, read, files):
    assert survives(Fault(down=conversation.down // 2, how="stall"), api, read, files) == 2


def test_cut_again_and_again(conversation, api, read, files):
    faults = [Fault(down=conversation.down // 2)] * IMPATIENT.attempts
    with Proxy(port_of(api), *faults) as proxy, pytest.raises(SourceUnavailableError, match="attempt 3"):
        read(proxy)
    assert files() == []


def test_first_connection_refused(api, read, files):
    with Proxy(port_of(api), listening=False) as proxy:
        with pytest.raises(SourceUnavailableError, match="no connection"):
            read(proxy)
        assert files() == []
        proxy.listen()
        assert read(proxy).records == len(SOME)
