"""Goals that, all met, pay rewards; and members who bring members."""
