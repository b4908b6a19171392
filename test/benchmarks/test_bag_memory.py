"""The memory benchmark evaluates a bag of its own and tells the peak."""
from pathlib import Path
import re
import subprocess
import sys

import pytest

pytest.importorskip('rosbags', reason='rosbags is not installed: pip install rosbags')
SCRIPT = Path(__file__).parents[2] / 'benchmarks' / 'bag_memory.py'


@pytest.mark.slow
@pytest.mark.parametrize(('limit_mb', 'status'), [(1000, 0), (1, 1)])
def test_peak_and_limit(limit_mb, status):
    done = subprocess.run([sys.executable, str(SCRIPT), '--frames', '3', '--limit-mb',
                           str(limit_mb)], capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode == status, done.stderr
    found = re.search(r'3 frames of 640x480, classical, --save none: peak (\d+) MB resident',
                      done.stdout)
    assert 50 < int(found[1]) < 1000
