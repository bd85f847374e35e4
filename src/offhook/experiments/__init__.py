"""What experiments showed: call records in, figures of each variant and their differences out."""
