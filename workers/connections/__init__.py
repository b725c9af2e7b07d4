"""RTSP connections that the front has handed over."""
