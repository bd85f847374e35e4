"""One phone call: its clock, its audio both ways, its turns, its conversation and its record."""
