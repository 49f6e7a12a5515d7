"""The pages: each view parses, calls one function and answers, and words are put together here, not
in templates."""
