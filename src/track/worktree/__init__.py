"""Files: the working tree, scanned and placed."""
