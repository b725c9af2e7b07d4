"""What front and workers do in the same way: descriptors that travel, log text, pools whose members rest, sd_notify."""
