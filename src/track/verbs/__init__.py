"""What one can do: one file, one public function, one result."""
