"""Live learning: each served row joined with what its session did, and what is learned from that while it happens."""
