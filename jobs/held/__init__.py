"""What is held of the crimes: each once, by month and place, whatever areas it lies in and whatever brought it in."""
