"""Pure torch: networks, the mixture prior, objectives and schedules."""
