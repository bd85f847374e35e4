"""What calls cost: prices, bills of calls, and the ledger of days."""
