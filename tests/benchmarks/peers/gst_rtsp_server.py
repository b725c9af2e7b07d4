"""gst-rtsp-server as a router: what is recorded at a path is played at the same path of another port.

Run by the system's Python, which has GObject's bindings: `gst_rtsp_server.py PATH MOUNTS` prints `ready` and its URLs.
Everything that moves media is C: packets go from pipeline to pipeline through proxysink and proxysrc. It gives packets
sequence numbers of its own (the recording side's rtpulpfecdec does), and its sinks wait for the pipelines' latency.
"""

import sys
from typing import Any

import gi  # type: ignore[import-not-found]  # as below

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
# Versions must be chosen before this; and the bindings are the system's, not the environment's.
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # type: ignore[import-not-found]  # noqa: E402

RECORD = "( identity name=depay0 ! proxysink name=sink )"
PLAY = "( proxysrc name=src ! identity name=pay0 )"


class Factory(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]  # the bindings have no types
    """Makes pipelines that share one clock and one zero, so that a packet is due in all of them at the same time."""

    def do_create_pipeline(self, media: Any) -> Any:
        """Make the pipeline of a media."""
        pipeline = Gst.Pipeline.new("pipeline")
        media.take_pipeline(pipeline)
        pipeline.use_clock(Gst.SystemClock.obtain())
        pipeline.set_base_time(0)
        pipeline.set_start_time(Gst.CLOCK_TIME_NONE)
        return pipeline


class Bridge:
    """One path on both servers."""

    def __init__(self, path: str, publish: Any, client: Any) -> None:
        self._sink: Any = None
        record = Factory()
        record.set_launch(RECORD)
        record.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
        record.set_latency(0)  # or the jitter buffer would hold everything back
        record.connect("media-configure", self._recorded)
        play = Factory()
        play.set_launch(PLAY)
        play.set_shared(True)
        play.set_latency(0)
        play.connect("media-configure", self._played)
        for factory, server in ((record, publish), (play, client)):
            factory.set_profiles(GstRtsp.RTSPProfile.AVP)
            server.get_mount_points().add_factory(path, factory)

    def _recorded(self, _factory: Any, media: Any) -> None:
        self._sink = media.get_element().get_child_by_name("sink")

    def _played(self, _factory: Any, media: Any) -> None:
        media.get_element().get_child_by_name("src").set_property("proxysink", self._sink)


def main() -> None:
    """Run both servers."""
    Gst.init(None)
    path, mounts = sys.argv[1], int(sys.argv[2])
    servers = []
    for _ in range(2):
        server = GstRtspServer.RTSPServer()
        server.set_address("127.0.0.1")
        server.set_service("0")
        server.set_backlog(1024)
        servers.append(server)
    bridges = [Bridge(f"{path}{mount}", *servers) for mount in range(mounts)]
    for server in servers:
        server.attach(None)
    print("ready", ",".join(f"rtsp://127.0.0.1:{server.get_bound_port()}" for server in servers), flush=True)
    GLib.MainLoop().run()
    del bridges


if __name__ == "__main__":
    main()
