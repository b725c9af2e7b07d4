"""Streams that a program makes, and packets that a program hears: see `README.md`."""
