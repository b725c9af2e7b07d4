"""Every message between the front and a worker.

Commands go from the front to a worker; each is answered by exactly one reply with the same request id, except the
one-way ones. Events go from a worker to the front and have no reply. A command may be repeated: all are
idempotent under (path, generation), and a command for an older generation is refused as `STALE`.

The life of a mount:   OpenMount -> MountOpened ... Record -> Done ... CloseMount -> Done
The life of a reader:  SetUpReader -> ReaderSetUp ... Play -> Playing ... RemoveReader -> Done
The life of a replica: OfferReplica -> ReplicaOffered, OpenReplica -> Done, then readers as of a mount, CloseMount
The life of a move:    ExportMounts -> Exported, ImportMounts -> Done, StartImported -> Done, ForgetMove -> Done
The life of a worker:  Hello -> Welcome -> StateReport, then Heartbeat for ever

A worker keeps what a front must remember: an opaque *record* with each mount, session and connection that becomes
active. The `StateReport` that answers a new front's `Welcome` returns them, with duplicates of the connections.
"""

from workers.contract.administration import AdminAnswer, AdminCommand, StatusAnswer, StatusQuery
from workers.contract.commands import (
    AttachFeed,
    AttachTap,
    CloseMount,
    DetachTap,
    ExportMounts,
    ForgetConnections,
    ForgetMove,
    ForgetNotes,
    ImportMounts,
    KeepListeners,
    KeepNote,
    LendPorts,
    OfferReplica,
    OpenMount,
    OpenReplica,
    PauseReader,
    Play,
    Record,
    ReleaseConnection,
    RemoveReader,
    ReportState,
    Respond,
    ResumeExported,
    SetUpReader,
    StartImported,
    StopPublisher,
    Welcome,
)
from workers.contract.events import (
    ChannelEnded,
    ConnectionClosed,
    DrainWanted,
    FiguresChanged,
    Heartbeat,
    Hello,
    MediaHeard,
    MediaSilent,
    ReaderCorrected,
    RequestReceived,
    SessionHeard,
    SessionTrouble,
    StreamBroken,
    StreamsFollow,
)
from workers.contract.replies import (
    Done,
    Entangled,
    Exported,
    MountOpened,
    Playing,
    ReaderSetUp,
    Refused,
    Released,
    ReplicaOffered,
)
from workers.contract.reports import StateReport

PROTOCOL_VERSION = 3
"""Raised when a message changes; a version N peer understands N and N-1, and ignores fields that it doesn't know."""

Command = (
    Welcome | OpenMount | CloseMount | Record | StopPublisher | AttachFeed | AttachTap | DetachTap | OfferReplica
    | OpenReplica | SetUpReader | Play | PauseReader | RemoveReader | Respond | ReleaseConnection | ForgetConnections
    | KeepNote | ForgetNotes | KeepListeners | LendPorts | ReportState | ExportMounts | ImportMounts | StartImported
    | ResumeExported | ForgetMove
)  # fmt: skip
Reply = (
    Done | Refused | MountOpened | ReaderSetUp | Playing | Released | StateReport | Exported | ReplicaOffered
    | Entangled
)  # fmt: skip
Event = (
    Hello | Heartbeat | FiguresChanged | DrainWanted | RequestReceived | StreamBroken | ConnectionClosed | MediaHeard
    | MediaSilent | StreamsFollow | ChannelEnded | SessionHeard | ReaderCorrected | SessionTrouble
)  # fmt: skip
Administration = StatusQuery | StatusAnswer | AdminCommand | AdminAnswer
Message = Command | Reply | Event | Administration
