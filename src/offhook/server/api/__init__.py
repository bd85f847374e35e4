"""The server's HTTP API, a file a resource."""
