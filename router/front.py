"""The front: wires everything together, and the only module that does."""

from collections.abc import Callable, Coroutine, Sequence

from router.access.authentication import Admission
from router.admin.commands import AdminCommands
from router.admin.service import AdminService
from router.connections.listeners import Listeners
from router.expiry import Expiry
from router.fleet.balancing import Balancer
from router.fleet.fleet import Fleet
from router.fleet.operations import Operations
from router.handlers.clients import Clients, ServerView
from router.handlers.events import HandlerEvents
from router.handlers.handlers import Handler, Handlers
from router.handlers.hook_handlers import handlers_of
from router.handlers.hooks import Hooks
from router.logs import get_logger
from router.requests.announce import Announce
from router.requests.decisions import HandlerDecisions
from router.requests.describe import Describe
from router.requests.method import Method
from router.requests.pipeline import RequestPipeline
from router.requests.served import ServedMethods
from router.requests.server import RequestServer
from router.requests.setup import SetUp
from router.requests.simple import GetParameter, Options, Pause, SetParameter, Teardown
from router.requests.start import PlayMethod, RecordMethod
from router.shutdown import FrontShutdown
from router.startup import Startup
from router.state.events import AdminAsked
from router.state.state import State
from router.status.document import StatusDocument
from router.streams.streams import Streams
from router.streams.taps import Taps
from router.tasks import Tasks

log = get_logger(__name__)


class Front:
    """All the parts of one front. Nothing runs, and no socket is there, before its server starts."""

    def __init__(
        self,
        server: ServerView,
        hooks: Hooks,
        own: Sequence[Handler],
        *,
        relay: bool,
        let_go: Callable[[], Coroutine[None, None, None]] | None,
    ) -> None:
        """`own` are the program's handlers. `let_go` ends the front and no stream; None: workers end with it."""
        self._settings = server.settings
        self._handlers = Handlers([*handlers_of(hooks), *own])
        self.tasks = Tasks()
        self._wire_core(server)
        self._wire_requests(
            publishing=relay or any("on_announce" in each for each in own),
            reading=relay or any("on_describe" in each or "on_setup" in each for each in own),
        )
        self._wire_life(let_go)

    def _wire_core(self, server: ServerView) -> None:
        """Construct who holds the state of sessions, mounts, connections and workers, and tells handlers of it."""
        self.state = state = State.of(self._settings)
        self.sessions, self.mounts, self.connections = state.sessions, state.mounts, state.connections
        self.lifecycle = state.lifecycle
        self.listeners = Listeners()
        self.taps = Taps()
        self.taps.subscribe(state.events)
        self.clients = Clients(server, state, self.taps)
        HandlerEvents(self._handlers, self.clients).subscribe(state.events)
        self.fleet = Fleet(state, self._handlers)
        self.streams = Streams(state, self.fleet.placing)

    def _wire_requests(self, *, publishing: bool, reading: bool) -> None:
        """Construct who answers requests."""
        state, fleet = self.state, self.fleet
        methods: dict[str, Method] = {
            "OPTIONS": Options(),
            "DESCRIBE": Describe(),
            "ANNOUNCE": Announce(state),
            "SETUP": SetUp(state, fleet.placing, fleet.replicas),
            "PLAY": PlayMethod(state, self.taps),
            "RECORD": RecordMethod(state, self.taps),
            "PAUSE": Pause(),
            "TEARDOWN": Teardown(state.lifecycle),
            "GET_PARAMETER": GetParameter(),
            "SET_PARAMETER": SetParameter(),
        }
        self.requests = RequestPipeline(
            state,
            methods,
            ServedMethods(self.listeners, self.streams, publishing=publishing, reading=reading),
            Admission(self._handlers, self.clients, self._settings.auth),
            HandlerDecisions(self._handlers, self.clients, state.lifecycle),
        )

    def _wire_life(self, let_go: Callable[[], Coroutine[None, None, None]] | None) -> None:
        """Construct who starts, looks after, repairs, moves, answers administrators, and ends."""
        settings, fleet = self._settings, self.fleet
        self.balancer: Balancer | None = None
        if settings.rebalance == "on":
            self.balancer = Balancer(fleet.link, self.state, fleet.mover)
        self.operations = Operations(self.state, fleet, let_go)
        self.status = StatusDocument(self.state, fleet, self.requests.counts)
        self.admin = AdminService(self.status, AdminCommands(self.operations.by_verb()))
        self.state.events.subscribe(
            AdminAsked, lambda event: self.tasks.run(self.admin.serve(event.message, event.answer))
        )
        self.expiry = Expiry(self.state, fleet)
        self.startup = Startup(self.state, self.listeners, fleet, self.streams, workers_stay=let_go is not None)
        self.connections.serve_with(RequestServer(self.state, self.requests, self.startup.opened))
        self.shutdown = FrontShutdown(self.state, self.listeners, fleet, self._handlers)
