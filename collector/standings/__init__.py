"""What people and models achieved, as sums of rows. Reads only."""
