"""Sockets and addresses: UDP pairs of the slice, socket options, descriptors that travel."""
