"""The end of processes under test."""
import time


def end(process, timeout_s):
    """Wait for the end, which has to come soon, and give what was written."""
    start = time.monotonic()
    output, _ = process.communicate(timeout=10)
    took = time.monotonic() - start
    assert took < timeout_s, f'{took:.1f} s\n{output}'
    return output
