"""What reading something that is broken, or was made to break its reader, raises. Standard library
alone: it is imported by a process that has neither Django nor NumPy."""

import csv
import lzma
import struct
import tokenize
import zipfile
import zlib

# LookupError is also of an architecture that is unknown; RuntimeError of a zip with a password and
# of JSON that is too deep; SyntaxError and TokenError of an array's header.
BROKEN = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    csv.Error,
    lzma.LZMAError,
    struct.error,
    tokenize.TokenError,
    zlib.error,
    zipfile.BadZipFile,
)
