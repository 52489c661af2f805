"""Generators by reward and by people, in an order that shows no noise."""
