"""
Imports point down only, and other rules of the package that a reader of one file cannot see.

The rules are in test/support/layers.py. Every rule has a test on a small wrong tree: a checker
that finds nothing proves nothing.
"""
import textwrap

from layers import PACKAGE, SOURCE, check_package, load
import pytest

# The package itself.

def test_the_package_keeps_its_layers():
    assert check_package(SOURCE) == []


def test_the_checker_reads_every_module():
    modules = {load(path, SOURCE).name for path in SOURCE.rglob('*.py')}
    assert {'panmatch_ros', 'panmatch_ros.core', 'panmatch_ros.core.types',
            'panmatch_ros.cli.main'} <= modules


def test_the_checker_sees_the_imports_of_a_real_module():
    names = {each.name for each in load(SOURCE / 'core' / 'disparity.py', SOURCE).imports}
    assert {'numpy', 'panmatch_ros.core.camera.StereoRig'} <= names


# The checker, on small wrong trees.

@pytest.fixture
def tree(tmp_path):
    """Write a package of the given files and return what the checker says about it."""
    def check(files):
        source = tmp_path / PACKAGE
        for name, text in {'__init__.py': '"""Doc."""\n', **files}.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return check_package(source)
    return check


@pytest.mark.parametrize(('name', 'text'), [
    ('core/a.py', 'import os.path\nimport numpy as np\nimport cv2\nfrom .b import c\n'),
    ('core/a.py', 'from . import b\nfrom ..core import b\nfrom ..core.b import c\n'),
    ('viz/a.py', 'from ..core.types import Disparity\nfrom ..core import types\n'),
    ('inference/a.py', 'from ..models import x\ndef f():\n    import torch\n'),
    ('models/a.py', 'import torch\nfrom torch import nn\nfrom ..core.errors import ShapeError\n'),
    ('models/a.py', 'from ..core import errors\n'),
    ('training/a.py', 'import torch\nfrom ..data.sample import Sample\n'),
    ('data/a.py', 'def f():\n    try:\n        import yaml\n    finally:\n        pass\n'),
    ('data/a.py', 'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n'),
    ('nodes/a.py', 'import rclpy\nfrom sensor_msgs.msg import Image\n'
                   'from panmatch_ros.msg import OpticalFlow\nfrom ..core import types\n'),
    ('nodes/a.py', 'import rclpy\ndef main():\n    rclpy.init()\n'),
    ('launching.py', 'from launch import x\nimport launch_ros.actions\n'
                     'from ament_index_python import y\nfrom lifecycle_msgs.msg import State\n'),
    ('cli/a.py', 'print(1)\ndef f():\n    from ..training.loop import run\n'),
    ('cli/main.py', 'import sys\nsys.exit(0)\n'),
])
def test_allowed(tree, name, text):
    assert tree({name: text}) == []


@pytest.mark.parametrize(('name', 'text', 'line', 'message'), [
    # layers
    ('core/a.py', 'from ..viz import flow\n', 1, 'core must not import panmatch_ros.viz.flow'),
    ('core/a.py', 'from .. import viz\n', 1, 'core must not import panmatch_ros.viz'),
    ('core/sub/a.py', 'from ...viz.flow import x\n', 1, 'core must not import panmatch_ros.viz'),
    ('core/__init__.py', 'from ..viz import x\n', 1, 'core must not import panmatch_ros.viz'),
    ('core/a.py', 'def f():\n    from ..data import x\n', 2, 'core must not import'),
    ('viz/a.py', 'from ..inference import x\n', 1, 'viz must not import'),
    ('data/a.py', 'from ..viz import x\n', 1, 'data must not import'),
    ('inference/a.py', 'from ..evaluation import x\n', 1, 'inference must not import'),
    ('inference/a.py', 'from ..data import x\n', 1, 'inference must not import'),
    ('evaluation/a.py', 'from ..nodes import x\n', 1, 'evaluation must not import'),
    ('training/a.py', 'from ..evaluation import x\n', 1, 'training must not import'),
    ('models/a.py', 'from ..core.types import x\n', 1, 'models must not import'),
    ('models/a.py', 'from ..core import types\n', 1, 'models must not import'),
    ('checkpoints/a.py', 'from ..core.camera import x\n', 1, 'checkpoints must not import'),
    ('nodes/a.py', 'from ..cli import main\n', 1, 'nodes must not import'),
    ('cli/a.py', 'from ..nodes import x\n', 1, 'cli must not import panmatch_ros.nodes.x'),
    ('cli/a.py', 'import importlib\nimportlib.import_module(".nodes.x")\n', 2, 'cli must not'),
    ('models_extra/a.py', '', 1, "'models_extra' is not a layer"),
    # ROS
    ('core/a.py', 'import rclpy\n', 1, 'only nodes may import ROS'),
    ('cli/a.py', 'def f():\n    import cv_bridge\n', 2, 'only nodes may import ROS'),
    ('data/a.py', 'import message_filters\n', 1, 'only nodes may import ROS'),
    ('viz/a.py', 'from sensor_msgs.msg import Image\n', 1, 'only nodes may import ROS'),
    ('viz/a.py', 'from stereo_msgs import msg\n', 1, 'only nodes may import ROS'),
    ('viz/a.py', 'import builtin_interfaces.msg\n', 1, 'only nodes may import ROS'),
    ('viz/a.py', 'import ament_index_python\n', 1, 'only nodes may import ROS'),
    ('cli/a.py', '__import__("rclpy")\n', 1, 'only nodes may import ROS'),
    ('viz/a.py', 'from panmatch_ros.msg import OpticalFlow\n', 1, 'viz must not import'),
    ('viz/a.py', 'from ..msg import OpticalFlow\n', 1, 'viz must not import'),
    ('nodes/a.py', 'import launch\n', 1, 'nodes must not import launch'),
    ('launching.py', 'from .core import x\n', 1, 'launching must not import'),
    ('nodes/a.py', 'from ..launching import x\n', 1, 'nodes must not import'),
    ('nodes/a.py', 'import rclpy\nrclpy.init()\n', 2, 'rclpy.init() at module level'),
    ('nodes/a.py', 'import rclpy\nif rclpy:\n    rclpy.init(args=[])\n', 3, 'rclpy.init()'),
    # other packages
    ('core/a.py', 'import scipy\n', 1, 'core must not import scipy'),
    ('core/a.py', 'def f():\n    import torch\n', 2, 'core must not import torch'),
    ('models/a.py', 'import numpy\n', 1, 'models must not import numpy'),
    ('viz/a.py', 'import matplotlib.pyplot as plt\n', 1, 'viz must not import matplotlib'),
    ('data/a.py', 'import yaml\n', 1, 'yaml must be imported inside the function'),
    ('data/a.py', 'try:\n    import rosbags\nexcept ImportError:\n    pass\n', 2, 'rosbags must'),
    ('data/a.py', 'class A:\n    import torch\n', 2, 'torch must be imported inside'),
    ('inference/a.py', 'import torch\n', 1, 'torch must be imported inside'),
    ('inference/a.py', 'import torch.nn as nn\n', 1, 'torch must be imported inside'),
    ('inference/a.py', 'import onnxruntime, openvino\n', 1, 'onnxruntime must be'),
    ('nodes/a.py', 'import tensorrt\n', 1, 'tensorrt must be imported inside'),
    ('checkpoints/a.py', 'import torch_tensorrt\n', 1, 'torch_tensorrt must be'),
    # other rules
    ('viz/a.py', 'from panmatch_ros.core import types\n', 1, 'relatively'),
    ('viz/a.py', 'import panmatch_ros.core.types\n', 1, 'relatively'),
    ('core/a.py', 'def f():\n    print(1)\n', 2, 'print is for cli only'),
    ('core/a.py', 'import sys\ndef f():\n    sys.exit(1)\n', 3, 'only cli/main.py exits'),
    ('cli/a.py', 'def f():\n    raise SystemExit(1)\n', 2, 'only cli/main.py exits'),
    ('__init__.py', '"""Doc."""\nfrom .core import types\n', 1, 'must be a docstring only'),
    ('__init__.py', '', 1, 'must be a docstring only'),
    ('core/a.py', 'x = 1\n' * 300, 300, 'the file has 300 lines'),
])
def test_violation(tree, name, text, line, message):
    problems = tree({name: text})
    assert problems
    assert problems[0].startswith(f'{name}:{line}: ')
    assert message in problems[0]


@pytest.mark.parametrize('name', ['msg/__init__.py', 'srv/__init__.py', 'action.py'])
def test_generated_names_are_taken(tree, name):
    assert any('must not exist in the source' in problem for problem in tree({name: ''}))


def test_299_lines_are_enough(tree):
    assert tree({'core/a.py': 'x = 1\n' * 299}) == []
