"""Everything that crosses the border between the front and a worker: messages, their codec, endpoints.

Pure data: no I/O, no clock. Both sides import it, neither adds to it. See `messages` for who says what.
"""
