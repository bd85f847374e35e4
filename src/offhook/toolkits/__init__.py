"""Tools that come from settings: HTTP servers that are asked, and servers of the Model Context Protocol."""
