"""Published machines: figures that were printed or measured, beside what our presets predict for the same work."""
