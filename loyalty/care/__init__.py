"""What people do for a member: join, leave, suspend, adjust."""
