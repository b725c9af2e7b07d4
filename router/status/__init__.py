"""What `trunkline status` shows: the document, and its tables for people."""
