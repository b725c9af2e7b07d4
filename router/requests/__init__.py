"""The pipeline of a request, and what each method does."""
