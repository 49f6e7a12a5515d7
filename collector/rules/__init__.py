"""Pure rules: plain values in, plain values out."""
