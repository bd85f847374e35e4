"""What a call costs the server, and how many fit: load, its measurement, and the report of both."""
