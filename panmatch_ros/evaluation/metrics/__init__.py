"""Numbers: errors, benchmarks, confidence, and how sure means are."""
