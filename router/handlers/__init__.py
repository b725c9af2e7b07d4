"""A user's own code in the router: what it is asked, and what it is told."""
