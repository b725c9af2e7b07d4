"""Files that run a router under supervisord, systemd or in a container, made for given settings."""
