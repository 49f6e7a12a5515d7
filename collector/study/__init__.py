"""The study: its settings, how the site is, what admins did, and whether all agrees."""
