"""What is put in front of a Python program that is run, without touching its files."""
