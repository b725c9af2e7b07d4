"""One module for each header that has a syntax of its own."""
