"""Files of another system are brought in: members, their points, purchases, voucher codes."""
