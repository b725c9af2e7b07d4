"""RTSP connections and the sockets that they come in on."""
