"""Consensus, gold items, qualification and reliability (filled by the trust services)."""
