"""Hooks: who is asked, what a failure means, and that nothing waits for a hook that hangs."""

import asyncio
import threading
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from router.handlers.calls import UserCodeError
from router.handlers.hooks import HookMount, Hooks, load, misspelt_hooks

TIMEOUT_S = 0.05


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


@pytest.mark.parametrize("kind", ["sync", "async", "lambda to async"])
def test_sync_and_async_hooks_give_their_answer(kind: str) -> None:
    async def later(request: object) -> str:
        return f"saw {request}"

    functions = {"sync": lambda request: f"saw {request}", "async": later, "lambda to async": lambda each: later(each)}
    hooks = Hooks(SimpleNamespace(client=SimpleNamespace(check_mount=functions[kind])), TIMEOUT_S)
    assert run(hooks.client.ask("check_mount", "it")) == "saw it"
    assert "check_mount" not in hooks.publish


def test_an_object_without_sides_serves_both() -> None:
    hooks = Hooks(SimpleNamespace(check_mount=lambda request: True), TIMEOUT_S)
    assert "check_mount" in hooks.publish
    assert "check_mount" in hooks.client


def test_classes_are_made_into_objects() -> None:
    class Publish:
        def check_mount(self, request: object) -> bool:
            return isinstance(self, Publish)

    class Mine:
        publish = Publish

    assert run(Hooks(Mine, TIMEOUT_S).publish.ask("check_mount", None)) is True


def test_a_hook_that_raises_is_an_error() -> None:
    def broken(request: object) -> bool:
        raise RuntimeError("database down")

    with pytest.raises(UserCodeError):
        run(Hooks(SimpleNamespace(check_mount=broken), TIMEOUT_S).client.ask("check_mount", None))


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_hook_that_hangs_is_an_error_in_time(kind: str) -> None:
    released = threading.Event()

    async def forever(request: object) -> None:
        await asyncio.Event().wait()

    hang = {"sync": lambda request: released.wait(10), "async": forever}[kind]
    try:
        with pytest.raises(UserCodeError):
            run(Hooks(SimpleNamespace(check_mount=hang), TIMEOUT_S).client.ask("check_mount", None))
    finally:
        released.set()


def test_told_hooks_are_waited_for_at_the_end_only() -> None:
    heard: list[object] = []

    async def scenario() -> None:
        hooks = Hooks(SimpleNamespace(mount_open=heard.append), TIMEOUT_S)
        hooks.publish.tell("mount_open", HookMount("/a", 0))
        hooks.publish.tell("mount_close", HookMount("/a", 0))  # there is none: nothing happens
        assert heard == []
        await hooks.publish.calls.settle()

    run(scenario())
    assert heard == [HookMount("/a", 0)]


@pytest.mark.parametrize("reference", ["no_such_module_here", "json:no_such_name"])
def test_what_can_not_be_loaded_is_said(reference: str) -> None:
    with pytest.raises(UserCodeError, match=reference.partition(":")[0]):
        load(reference)


def test_a_module_or_a_name_in_it_is_loaded() -> None:
    assert load("json:dumps") is load("json").dumps  # type: ignore[attr-defined]  # a module


def test_every_notification_is_made_and_those_of_a_mount_in_order() -> None:
    heard: list[tuple[str, int]] = []

    async def scenario() -> None:
        hooks = Hooks(SimpleNamespace(client_close=lambda mount: heard.append((mount.path, mount.readers))), 10)
        for number in range(200):
            hooks.client.tell("client_close", HookMount(f"/{number % 3}", number))
        await hooks.client.calls.settle()

    run(scenario())
    assert len(heard) == 200
    for path in ("/0", "/1", "/2"):
        mine = [number for each, number in heard if each == path]
        assert mine == sorted(mine)


@pytest.mark.parametrize("error", [SystemExit(3), StopIteration(), KeyboardInterrupt()])
def test_a_hook_ends_nothing_but_itself(error: BaseException) -> None:
    def leave(request: object) -> bool:
        raise error

    with pytest.raises(UserCodeError):
        run(Hooks(SimpleNamespace(check_mount=leave), TIMEOUT_S).client.ask("check_mount", None))


def test_a_coroutine_ends_nothing_but_itself() -> None:
    async def leave(request: object) -> bool:
        raise SystemExit(3)

    with pytest.raises(UserCodeError):
        run(Hooks(SimpleNamespace(check_mount=leave), TIMEOUT_S).client.ask("check_mount", None))


@pytest.mark.parametrize("hooks", [SimpleNamespace(authenticate=print), SimpleNamespace(client=SimpleNamespace()), 5])
def test_hooks_that_hook_nothing_are_an_error(hooks: object) -> None:
    with pytest.raises(UserCodeError, match="authentication"):
        Hooks(hooks, TIMEOUT_S)


@pytest.mark.parametrize(
    ("name", "function", "takes"),
    [
        ("check_mount", lambda: True, "one argument, request"),
        ("check_mount", lambda request, user: True, "one argument, request"),
        ("authentication", lambda username, password: True, "3 arguments: username, password, request"),
        ("credentials", lambda: None, "one argument, username"),
        ("mount_close", lambda *, mount: None, "one argument, mount"),
    ],
)
@pytest.mark.parametrize("side", ["publish", "client"])
def test_a_hook_that_could_not_be_called_is_an_error(side: str, name: str, function: object, takes: str) -> None:
    hooks = SimpleNamespace(**{side: SimpleNamespace(**{name: function})})
    with pytest.raises(UserCodeError, match=rf"{side} hook {name}\(.*\) can't be called: .*; it takes {takes}"):
        Hooks(hooks, TIMEOUT_S)


def test_a_hook_may_take_anything() -> None:
    Hooks(SimpleNamespace(authentication=lambda *all: True, check_mount=print, credentials={}.get), TIMEOUT_S)


def test_what_is_nearly_a_hook_is_noticed() -> None:
    hooks = SimpleNamespace(client=SimpleNamespace(checkMount=print, authenticate=print, helper=print))
    assert sorted(misspelt_hooks(hooks)) == [("authenticate", "authentication"), ("checkMount", "check_mount")]


def test_a_class_that_can_not_be_made_is_said() -> None:
    class Wants:
        def __init__(self, argument: int) -> None:
            self.argument = argument

        def check_mount(self, request: object) -> bool:
            return True

    with pytest.raises(UserCodeError, match="Wants"):
        Hooks(Wants, TIMEOUT_S)


def test_a_cancelled_task_of_a_hook_is_the_hooks_trouble_alone() -> None:
    heard: list[str] = []

    async def cancelled(mount: HookMount) -> None:
        heard.append(mount.path)
        task = asyncio.ensure_future(asyncio.sleep(10))
        task.cancel()
        await task

    async def scenario() -> None:
        hooks = Hooks(SimpleNamespace(mount_open=cancelled, check_mount=cancelled), 5)
        for _ in range(3):
            hooks.publish.tell("mount_open", HookMount("/a", 0))
        await hooks.publish.calls.settle()
        with pytest.raises(UserCodeError):
            await hooks.publish.ask("check_mount", HookMount("/b", 0))

    run(scenario())
    assert heard == ["/a"] * 3 + ["/b"]
