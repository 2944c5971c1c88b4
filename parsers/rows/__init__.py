"""What all text formats share: from lines to rows, tables and records."""
