"""The hot path: packets in by `receive`, shaped into runs by `burst`, out by `send_udp` and `send_tcp`.

Nothing here waits, logs, or makes an object for each packet and reader. See `workers/README.md`.
"""
