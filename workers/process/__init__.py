"""The process: its loop's owner, its link to the front, commands, snapshot, shutdown."""
