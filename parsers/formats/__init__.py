"""The formats that are read, and how one is recognised."""
