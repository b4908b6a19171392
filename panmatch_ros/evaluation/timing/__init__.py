"""Time and memory of matchers, measured in turn in processes of their own."""
