"""What each LMS wants to read."""
