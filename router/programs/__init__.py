"""The programs of a router and what keeps them running: front, launcher, supervisor, runtime directory."""
