"""Function units: tables and integer steps with their latency and resources."""
