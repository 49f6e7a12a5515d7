"""What the tests share: people, sites, browsers, handwriting. Fixtures are in the conftests."""

PASSWORD = "correct horse battery"
