"""Who uses the service: tenants, who signs for them, their API keys, and what a role may do."""
