"""What a log says: bytes become records."""
