"""How fast `track` is beside DVC, Git and bare loops: `python -m tests.bench`, never part of a test run."""
