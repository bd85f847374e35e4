"""The system of a small home-services company: customers, diary, leads and text messages, in one SQLite file."""
