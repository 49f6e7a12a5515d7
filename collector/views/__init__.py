"""The pages: each view parses, calls one function and answers. What is shown is put into words here, not in templates."""
