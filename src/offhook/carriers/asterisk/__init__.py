"""Call control on Asterisk, by its manager interface (AMI)."""
