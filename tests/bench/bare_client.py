"""What the client for buckets can do at best: one file up in parts, or down in one stream, and nothing checked.

Run as `python bare_client.py ENDPOINT BUCKET KEY SECRET up|down PATH`.
"""

import os
import sys
from pathlib import Path

import obstore
from obstore.store import S3Store

PART = 8 << 20
THREADS = 4


def main(endpoint: str, bucket: str, key: str, secret: str, way: str, path: str) -> None:
    """Move one file."""
    store = S3Store(
        bucket,
        endpoint=endpoint,
        access_key_id=key,
        secret_access_key=secret,
        region="us-east-1",
        client_options={"allow_http": True},
        virtual_hosted_style_request=False,
    )
    if way == "up":
        obstore.put(store, "bare", Path(path), use_multipart=True, chunk_size=PART, max_concurrency=THREADS)
        return
    with open(path, "wb") as file:
        for piece in obstore.get(store, "bare").stream(min_chunk_size=PART):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


if __name__ == "__main__":
    main(*sys.argv[1:])
