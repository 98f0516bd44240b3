"""What nothing that is asked often may load."""

HEAVY = {"git", "dvc_objects", "fsspec", "rich", "pandas", "polars", "duckdb", "pyarrow", "asyncio", "logging"}
HEAVY |= {"importlib.metadata", "tomlkit", "concurrent.futures", "multiprocessing", "numpy", "obstore", "email", "http"}
HEAVY |= {"secrets", "hmac", "random", "statistics", "decimal"}
