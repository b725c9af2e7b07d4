"""What can be wrong with a file."""


class FileError(Exception):
    """A file that can't be sent; the text says which, why, and what would help."""


class PyAVMissing(FileError):
    """PyAV, which reads files and makes packets of them, isn't installed."""

    def __init__(self) -> None:
        super().__init__("files need PyAV: pip install 'trunkline[file]'")


class FileUnreadable(FileError):
    """The file isn't there, may not be read, or is nothing that FFmpeg knows."""


class UnsupportedCodec(FileError):
    """A video or audio stream of the file is in an encoding that isn't sent over RTP here."""


class FileChanged(FileError):
    """The file has other streams than when it was opened first: its readers were told of those."""


class FileBroken(FileError):
    """The file could be opened, and reading it failed further on."""
