"""People who do not exist: how they write, how they try to fool a model, and the study with
them."""
