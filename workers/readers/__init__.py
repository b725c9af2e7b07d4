"""Who gets a mount's packets, by which transport."""
