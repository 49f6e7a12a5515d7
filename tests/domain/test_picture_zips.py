"""Zips of pictures are those that Python's own library makes, to the byte."""

import io
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from collector.data.picture_zip import PictureZip


def _by_zipfile(stored: dict[str, bytes], text: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name, content in (*stored.items(), ("metadata.jsonl", text)):
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            zipped.writestr(entry, content)
    return out.getvalue()


@given(
    st.dictionaries(st.from_regex(r"[a-f0-9-]{1,36}\.png", fullmatch=True), st.binary()),
    st.binary(max_size=1000),
    st.integers(1, 200),
)
def test_a_zip_has_the_bytes_of_pythons_own(
    stored: dict[str, bytes], text: bytes, times: int
) -> None:
    out = io.BytesIO()
    zipped = PictureZip(out)
    for name, content in stored.items():
        zipped.store(name, content)
    zipped.deflate("metadata.jsonl", io.BytesIO(text * times))
    zipped.end()
    assert out.getvalue() == _by_zipfile(stored, text * times)
