"""Questions to a front, over the real socket."""

import json
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from router.admin.client import CommandRefused, NoFrontError, command, query_status
from workers.contract.administration import AdminAnswer, AdminCommand, StatusAnswer, StatusQuery
from workers.contract.codec import Envelope, decode, encode
from workers.contract.endpoints import Endpoints
from workers.contract.messages import Message
from workers.contract.replies import Done

DOCUMENT: dict[str, Any] = {"front": {"pid": 7}}


@pytest.fixture
def endpoints() -> Iterator[Endpoints]:
    with tempfile.TemporaryDirectory(prefix="tl-", dir="/tmp") as directory:
        yield Endpoints(Path(directory))


class Front:
    """Answers one question, with some noise before."""

    def __init__(self, endpoints: Endpoints, question: Message, answers: list[Message | bytes]) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(endpoints.control)
        self._question = question
        self._answers = answers
        self._thread = threading.Thread(target=self._answer)

    def _answer(self) -> None:
        identity, question = self._socket.recv_multipart()
        envelope = decode(question)
        assert envelope.message == self._question
        for each in self._answers:
            data = each if isinstance(each, bytes) else encode(Envelope("f", "", envelope.request, each))
            self._socket.send_multipart([identity, data])

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._socket.close()
        self._context.term()


def test_a_front_is_asked_over_its_socket(endpoints: Endpoints) -> None:
    with Front(endpoints, StatusQuery(), [b"noise", Done(), StatusAnswer(json.dumps(DOCUMENT))]):
        assert json.loads(query_status(endpoints, timeout_s=20)) == DOCUMENT


def test_where_no_router_runs_the_answer_comes_at_once(endpoints: Endpoints) -> None:
    with pytest.raises(NoFrontError, match=r"no router runs in .*trunkline serve.*--runtime-dir.*default of their own"):
        query_status(endpoints, timeout_s=3600)


def test_what_one_may_not_enter_is_another_users(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)  # tests may run as root, who may enter everything
    with pytest.raises(NoFrontError, match=r"is another user's.*--runtime-dir"):
        query_status(endpoints, timeout_s=3600)


def test_a_front_that_died_does_not_answer(endpoints: Endpoints) -> None:
    endpoints.control_path.touch()
    with pytest.raises(NoFrontError, match="does not answer"):
        query_status(endpoints, timeout_s=0.05)


def test_an_order_tells_of_its_progress_and_its_end(endpoints: Endpoints) -> None:
    said: list[str] = []
    answers: list[Message | bytes] = [
        AdminAnswer(True, "one of two", more=True),
        AdminAnswer(True, "", more=True),
        b"noise",
        AdminAnswer(True, "moved"),
    ]
    with Front(endpoints, AdminCommand("move", ("/a", "1")), answers):
        assert command(endpoints, "move", "/a", "1", progress=said.append, silence_s=20) == "moved"
    assert said == ["one of two"]


def test_an_order_that_is_refused_says_why(endpoints: Endpoints) -> None:
    answers: list[Message | bytes] = [AdminAnswer(False, "no such mount")]
    with Front(endpoints, AdminCommand("move", ()), answers), pytest.raises(CommandRefused, match="no such mount"):
        command(endpoints, "move", silence_s=20)


def test_a_front_that_dies_at_it_is_not_waited_for(endpoints: Endpoints) -> None:
    answers: list[Message | bytes] = [AdminAnswer(True, "one of two", more=True)]
    with Front(endpoints, AdminCommand("move", ()), answers), pytest.raises(NoFrontError, match="does not answer"):
        command(endpoints, "move", silence_s=0.5)
