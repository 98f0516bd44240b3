"""What each Git hook and driver of ours does, loaded when Git calls it."""
