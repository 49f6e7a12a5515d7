"""What a model is, how one is trained, judged and put in the loop."""
