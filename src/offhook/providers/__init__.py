"""Vendors and local models: one file each, behind the small protocols in each folder's base.py."""
