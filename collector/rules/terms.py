"""The words of docs/terms.md as pages explain them where they stand."""

from trainer.learning.sentences import Sentence

# By the word that docs/terms.md has: what pages say for it, and what it means.
TERMS = {
    "fool": (
        Sentence("trick"),
        Sentence(
            "A drawing that fooled the model, and that people who did not know the answer "
            "then read as its drawer meant it."
        ),
    ),
    "tries per fool": (
        Sentence("Tries per trick"),
        Sentence("All drawings ÷ verified tricks. The harder the model is to fool, the higher."),
    ),
    "vMER": (
        Sentence("vMER"),
        Sentence(
            "Verified model error rate: verified tricks ÷ all drawings that are decided. "
            "Those still waiting count in neither."
        ),
    ),
    "MER": (
        Sentence("MER"),
        Sentence(
            "Model error rate: all drawings that fooled the model, verified or not, ÷ all drawings."
        ),
    ),
    "credit": (
        Sentence("Credit"),
        Sentence(
            "One for each verified trick; half for each after the second in a round that is "
            "the same digit taken for the same other."
        ),
    ),
    "audit": (
        Sentence("Audited drawings"),
        Sentence(
            "Drawings that did not fool the model, chosen at random, which moderators read "
            "all the same. Who drew them cannot tell which."
        ),
    ),
    "base images": (
        Sentence("Base images"),
        Sentence("Ordinary digits that no model trains on; by them a new model is let in or held."),
    ),
    "gold item": (
        Sentence("On gold"),
        Sentence(
            "Of the last hundred drawings whose answer is beyond doubt: how many were read "
            "correctly. They are mixed in unseen among the others, and show who reads well."
        ),
    ),
    "agreement": (
        Sentence("Agreement"),
        Sentence(
            "How many of the last hundred readings of settled drawings say what the drawing "
            "settled as."
        ),
    ),
    "quorum": (
        Sentence("quorum"),
        Sentence(
            "So many first readings settle a drawing if all say what its drawer meant. "
            "Otherwise twice as many have to agree, or an admin decides."
        ),
    ),
}
