"""The media type of a file, by its name.

A table of our own, because the answer stands in a committed pointer: the tables of the operating system differ
from machine to machine, and two people who add the same file must write the same pointer. The names are those
registered with IANA where one is registered.
"""

BY_SUFFIX = {
    b"arrow": "application/vnd.apache.arrow.file",
    b"avro": "application/vnd.apache.avro",
    b"bin": "application/octet-stream",
    b"bmp": "image/bmp",
    b"bz2": "application/x-bzip2",
    b"csv": "text/csv",
    b"db": "application/vnd.sqlite3",
    b"feather": "application/vnd.apache.arrow.file",
    b"flac": "audio/flac",
    b"geojson": "application/geo+json",
    b"gif": "image/gif",
    b"gz": "application/gzip",
    b"h5": "application/x-hdf5",
    b"hdf5": "application/x-hdf5",
    b"html": "text/html",
    b"ipynb": "application/x-ipynb+json",
    b"joblib": "application/x-joblib",
    b"jpeg": "image/jpeg",
    b"jpg": "image/jpeg",
    b"json": "application/json",
    b"jsonl": "application/jsonl",
    b"md": "text/markdown",
    b"mp3": "audio/mpeg",
    b"mp4": "video/mp4",
    b"nc": "application/x-netcdf",
    b"npy": "application/x-npy",
    b"npz": "application/x-npz",
    b"onnx": "application/x-onnx",
    b"orc": "application/vnd.apache.orc",
    b"parquet": "application/vnd.apache.parquet",
    b"pdf": "application/pdf",
    b"pickle": "application/x-pickle",
    b"pkl": "application/x-pickle",
    b"png": "image/png",
    b"pt": "application/x-pytorch",
    b"pth": "application/x-pytorch",
    b"safetensors": "application/x-safetensors",
    b"sqlite": "application/vnd.sqlite3",
    b"svg": "image/svg+xml",
    b"tar": "application/x-tar",
    b"tif": "image/tiff",
    b"tiff": "image/tiff",
    b"toml": "application/toml",
    b"tsv": "text/tab-separated-values",
    b"txt": "text/plain",
    b"wav": "audio/wav",
    b"webp": "image/webp",
    b"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"xml": "application/xml",
    b"xz": "application/x-xz",
    b"yaml": "application/yaml",
    b"yml": "application/yaml",
    b"zip": "application/zip",
    b"zst": "application/zstd",
}


def type_of(path: bytes) -> str | None:
    """Return the media type that the suffix of `path` stands for, or None where it says nothing."""
    name = path.rpartition(b"/")[2]
    stem, dot, suffix = name.rpartition(b".")
    return BY_SUFFIX.get(suffix.lower()) if dot and stem else None
