"""The tenant's systems are told what happened: Standard Webhooks, at least once, in order."""
