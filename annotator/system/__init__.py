"""How the platform itself is: one page for admins, the same for programs, and what Prometheus reads."""
