"""`trunkline status`: the question over the real socket, and how the answer is drawn."""

import json
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from router.status.view import StatusError, query
from workers.contract.codec import Envelope, decode, encode
from workers.contract.endpoints import Endpoints
from workers.contract.messages import Done, StatusAnswer, StatusQuery

DOCUMENT: dict[str, Any] = {"front": {"pid": 7}}


@pytest.fixture
def endpoints() -> Iterator[Endpoints]:
    with tempfile.TemporaryDirectory(prefix="tl-", dir="/tmp") as directory:
        yield Endpoints(Path(directory))


class Front:
    """Answers one question, with some noise before."""

    def __init__(self, endpoints: Endpoints, noise: list[bytes]) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(endpoints.control)
        self._noise = noise
        self._thread = threading.Thread(target=self._answer)

    def _answer(self) -> None:
        identity, question = self._socket.recv_multipart()
        envelope = decode(question)
        assert isinstance(envelope.message, StatusQuery)
        answer = encode(Envelope("f", "", envelope.request, StatusAnswer(json.dumps(DOCUMENT))))
        for each in [*self._noise, answer]:
            self._socket.send_multipart([identity, each])

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._socket.close()
        self._context.term()


def test_a_front_is_asked_over_its_socket(endpoints: Endpoints) -> None:
    with Front(endpoints, [b"noise", encode(Envelope("f", "", 1, Done()))]):
        assert json.loads(query(endpoints, timeout_s=20)) == DOCUMENT


def test_where_no_router_runs_the_answer_comes_at_once(endpoints: Endpoints) -> None:
    with pytest.raises(StatusError, match=r"no router runs in .*trunkline serve.*--runtime-dir.*default of their own"):
        query(endpoints, timeout_s=3600)


def test_what_one_may_not_enter_is_another_users(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)  # tests may run as root, who may enter everything
    with pytest.raises(StatusError, match=r"is another user's.*--runtime-dir"):
        query(endpoints, timeout_s=3600)


def test_a_front_that_died_does_not_answer(endpoints: Endpoints) -> None:
    endpoints.control_path.touch()
    with pytest.raises(StatusError, match="does not answer"):
        query(endpoints, timeout_s=0.05)
