"""What an operator asks of a running router: the question's two ends, and which orders a front knows."""
