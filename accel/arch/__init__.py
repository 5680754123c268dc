"""Hardware: arrays, memory, schedules and their cost in cycles."""
