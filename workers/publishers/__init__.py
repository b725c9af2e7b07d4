"""Where a mount's packets come from."""
