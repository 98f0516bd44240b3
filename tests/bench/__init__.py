"""How fast `track` is beside DVC, Git and the machine's own limits: `python -m tests.bench`, never part of a test run."""
