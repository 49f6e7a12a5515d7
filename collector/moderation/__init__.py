"""Who reads which drawing, what a reading settles, and how far readers are trusted."""
