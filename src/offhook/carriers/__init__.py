"""Phone networks and switches that bring calls, one folder a wire."""
