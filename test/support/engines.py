"""Keys of engines, and processes that store engines and are killed while they do."""
import os
from pathlib import Path
import subprocess
import sys
import textwrap

from panmatch_ros.inference.engine_key import EngineKey

DATA = bytes(range(256)) * 3

CHILD = """
import os, signal, sys, time
from pathlib import Path
sys.path[:0] = {paths!r}
from engines import DATA, make_key
from panmatch_ros.inference.engine_cache import EngineCache
cache = EngineCache(sys.argv[1])
"""


def make_key(**changes):
    return EngineKey(**{
        'graph_sha256': 'a' * 64, 'weights_sha256': 'b' * 64, 'size': (480, 640),
        'precision': 'fp16', 'backend': 'tensorrt', 'device': 'Orin',
        'compute_capability': '8.7', 'iterations': 12, 'tensorrt': '10.3.0', 'torch': '2.8.0',
        'torch_tensorrt': '2.8.0', 'driver': '540.4.0', **changes})


def start_process(code, *arguments):
    """Start Python with a cache of the folder that is the first argument."""
    here = Path(__file__).resolve().parent
    text = CHILD.format(paths=[str(here), str(here.parents[1])]) + textwrap.dedent(code)
    return subprocess.Popen([sys.executable, '-c', text, *map(str, arguments)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, 'OMP_NUM_THREADS': '1'})


def names(folder):
    return sorted(path.name for path in folder.iterdir())
