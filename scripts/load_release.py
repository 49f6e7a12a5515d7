"""Does a release load elsewhere? `python -m scripts.load_release DIR` makes an environment for each
of four tools, and loads it in each, every row. Without DIR it is a small release, made for it."""

import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

TABLES = ("attempts", "readings", "samples")
ALIKE = 1e-5
Rows = dict[str, int]


def _croissant(folder: Path) -> Rows:
    """Without an error, and without a warning."""
    import mlcroissant

    told = subprocess.run(
        [Path(sys.executable).with_name("mlcroissant"), "validate", "--jsonld", "croissant.json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "WARNING" not in told.stderr, told.stderr
    data = mlcroissant.Dataset(str(folder / "croissant.json"))
    return {table: sum(1 for _ in data.records(table)) for table in TABLES}


def _datasets(folder: Path) -> Rows:
    """The folder, and a Parquet file and the zips of pictures by themselves, with pictures as
    pictures."""
    import datasets

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        loaded = {
            table: datasets.load_dataset(str(folder), table, split="train", cache_dir=cache)
            for table in TABLES
        }
        alone = datasets.load_dataset(
            "parquet",
            data_files=str(folder / "samples.parquet"),
            split="train",
            cache_dir=cache,
        )
        pictures = datasets.load_dataset(
            "imagefolder",
            data_files=str(folder / "images-*.zip"),
            split="train",
            cache_dir=cache,
        )
        assert len(pictures) == sum(row["image"] is not None for row in loaded["attempts"])
        assert "target_label" in pictures.features
        for rows in (loaded["attempts"], loaded["samples"], alone, pictures):
            assert isinstance(rows.features["image"], datasets.Image)
            sizes = {row["image"].size for row in rows if row["image"] is not None}
            assert sizes <= {(28, 28)}, sizes
        return {table: len(rows) for table, rows in loaded.items()}


def _pandas(folder: Path) -> Rows:
    import pandas

    return {table: len(pandas.read_parquet(folder / f"{table}.parquet")) for table in TABLES}


def _onnx(folder: Path) -> Rows:
    """The model answers what was stored of the drawings of its round."""
    import io
    import json

    import numpy as np
    import onnxruntime
    from PIL import Image
    from pyarrow import parquet

    session = onnxruntime.InferenceSession(folder / "model.onnx")
    number = json.loads((folder / "manifest.json").read_text())["round"]
    rows = parquet.read_table(folder / "attempts.parquet").to_pylist()
    drawn = [row for row in rows if row["round"] == number and row["image"] is not None]
    for row in drawn:
        pixels = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))
        [answer] = session.run(None, {"pixels": pixels[None]})
        apart = np.abs(answer[0] - row["probabilities"]).max()
        assert apart < ALIKE, f"{row['id']}: {apart}"
    return {"answers": len(drawn)}


TOOLS: dict[str, tuple[tuple[str, ...], Callable[[Path], Any]]] = {
    "mlcroissant": (("mlcroissant[parquet]==1.1.1", "pillow==13.0.0"), _croissant),
    "datasets": (("datasets==5.2.0", "pillow==13.0.0"), _datasets),
    "pandas": (("pandas==3.1.1", "pyarrow==26.0.1"), _pandas),
    "onnxruntime": (("onnxruntime==1.32.0", "pyarrow==26.0.1", "pillow==13.0.0"), _onnx),
}


MAKE = """
from django.db import transaction
from collector.models import Study
from tests.support.cast import add_person, read, submit
from tests.support.models import add_model
from tests.support.penmanship import fooling
from trainer import rounds
from trainer.learning import drawing
Study.objects.update(licence="CC-BY-4.0", gold_share=0.0, round_size=1000)
alice, mona = add_person("alice"), add_person("mona", "moderator")
for label, strokes, width in fooling(3, 40):
    attempt = submit(alice, label, drawing.parse(strokes, width))
    read(mona, str(label), attempt)
with transaction.atomic():
    rounds.lock()
    rounds.open_next(add_model(7))
"""


def made(within: Path) -> Path:
    """Make a site on a database of its own, people draw, and the release of round 1."""
    from tests.support import site

    with site.database("sqlite", within, "setup") as url:
        there = site.Site(within, url, site.free_port())
        there.python(MAKE)
        there.manage("release", "--round", "1", "--out", str(within / "release"))
    return within / "release"


def main(folder: Path) -> None:
    for tool, (packages, _) in TOOLS.items():
        with tempfile.TemporaryDirectory() as place:
            venv.create(place)
            python = str(Path(place) / "bin/python")
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
            subprocess.run([*pip, "install", "--quiet", *packages], check=True)
            subprocess.run([python, __file__, str(folder), tool], check=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(sys.argv[2], TOOLS[sys.argv[2]][1](Path(sys.argv[1])))
    elif len(sys.argv) > 1:
        main(Path(sys.argv[1]).resolve())
    else:
        with tempfile.TemporaryDirectory() as within:
            main(made(Path(within)))
