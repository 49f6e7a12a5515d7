"""The learning alone: strokes to pixels, nets, base data, training, reports and the gate. Knows
nothing of the web."""
