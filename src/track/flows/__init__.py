"""Ways that verbs share."""
