"""What outlives a restart: the state database, the spool, device keys, atomic files."""
