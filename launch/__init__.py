"""Bring up all of Hearth on one machine, and stop it again.

Set-up (packages, scripts, models), the embedded PostgreSQL and Valkey, and a small supervisor over Hearth's own
processes. Left out: machines that share the work. There docker-compose.yml or deploy/ start the same commands.
"""
