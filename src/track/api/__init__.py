"""Python: thin faces, whose methods each call a verb."""
