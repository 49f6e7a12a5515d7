"""Tests of the learning alone; none of them needs the web application."""
