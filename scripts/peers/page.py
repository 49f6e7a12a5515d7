"""The page that the project began with, on Gradio (docs/performance.md, “Beside Gradio”): see what
the model reads in a drawing, flag it, and have the model trained at each `--cutoff`th flag.

Run by the Python of `.peers/`; of the project it imports the net alone.
"""

import argparse
import csv
import threading
from pathlib import Path

import gradio
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional as F

from trainer.learning import nets

WEIGHTS = Path(__file__).parents[2] / "trainer/learning/shipped/mnist_model.safetensors"
EPOCHS, BATCH, LEARNING_RATE = 10, 64, 0.001


class Page:
    """The model in the loop, and what was flagged."""

    def __init__(self, folder: Path, cutoff: int) -> None:
        self.net = nets.build("mnist_model")
        self.net.load_state_dict(load_file(WEIGHTS))
        self.net.eval()
        self.folder, self.cutoff = folder, cutoff
        self.flagged: list[tuple[NDArray[np.uint8], int]] = []
        self.lock = threading.Lock()

    def predict(self, picture: Image.Image) -> dict[str, float]:
        """Say how likely each digit is, by its name."""
        with torch.inference_mode():
            [shares] = self.net(nets.prepare(_pixels(picture)[None])).exp().tolist()
        return {str(digit): share for digit, share in enumerate(shares)}

    def flag(self, picture: Image.Image, label: str) -> str:
        """Save a picture and its label as Gradio's own flagging does: a file, and a line in a
        table. At the cutoff the answer waits for the training."""
        with self.lock:
            self.flagged.append((_pixels(picture), int(label)))
            number = len(self.flagged)
        picture.save(self.folder / f"{number}.png")
        with self.lock, (self.folder / "flagged.csv").open("a", newline="") as table:
            csv.writer(table).writerow([f"{number}.png", label])
        if self.cutoff and number % self.cutoff == 0:
            self.train(number)
        return f"Saved as number {number}."

    def train(self, number: int) -> None:
        """Train on the first so many that were flagged, and on nothing else."""
        pictures, labels = zip(*self.flagged[:number], strict=True)
        seen, wanted = nets.prepare(np.stack(pictures)), torch.tensor(labels)
        with self.lock:
            optimizer = torch.optim.Adam(self.net.parameters(), lr=LEARNING_RATE)
            self.net.train()
            for _ in range(EPOCHS):
                for part in torch.split(torch.randperm(number), BATCH):
                    optimizer.zero_grad()
                    F.nll_loss(self.net(seen[part]), wanted[part]).backward()  # type: ignore[no-untyped-call]
                    optimizer.step()
            self.net.eval()


def _pixels(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture.convert("L").resize((28, 28)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cutoff", type=int, default=0, help="0: never")
    options = parser.parse_args()
    torch.set_num_threads(1)
    page = Page(options.folder, options.cutoff)
    with gradio.Blocks() as served:
        drawing = gradio.Image(label="Drawing", type="pil", image_mode="L")
        label = gradio.Dropdown([str(digit) for digit in range(10)], label="What it is")
        reading = gradio.Label(label="What the model reads")
        told = gradio.Textbox(label="Flagged")
        # Not queued: the answer comes with the request, and forty are worked on at once.
        ask, flag = gradio.Button("Ask"), gradio.Button("Flag")
        ask.click(page.predict, drawing, reading, queue=False, api_name="predict")
        flag.click(page.flag, [drawing, label], told, queue=False, api_name="flag")
    served.launch(server_name="127.0.0.1", server_port=options.port, share=False, quiet=True)


if __name__ == "__main__":
    main()
