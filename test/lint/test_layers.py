"""
Imports point down only, and other rules of the package that a reader of one file cannot see.

The rules are checked on the syntax tree, so nothing is imported. Every rule has a test on a
small wrong tree: a checker that finds nothing proves nothing.
"""
import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
import sys
import textwrap

import pytest

PACKAGE = 'panmatch_ros'
SOURCE = Path(__file__).resolve().parents[2] / PACKAGE
MAX_LINES = 299

ROS = frozenset({'rclpy', 'cv_bridge', 'message_filters', 'builtin_interfaces',
                 'ament_index_python'})
HEAVY = frozenset({'yaml', 'torch', 'onnxruntime', 'openvino', 'tensorrt', 'torch_tensorrt',
                   'rosbags'})
ARRAYS = frozenset({'numpy', 'cv2'})
GENERATED = ('msg', 'srv', 'action')


@dataclass(frozen=True)
class Layer:
    """What a sub-package may import; a name with a dot is one module only."""

    local: frozenset[str]
    packages: frozenset[str] = ARRAYS | HEAVY
    ros: bool = False
    heavy_at_module_level: bool = False


def layer(*local: str, **options) -> Layer:
    return Layer(frozenset(local), **options)


LAYERS = {
    'core': layer(packages=ARRAYS),
    'viz': layer('core', packages=ARRAYS),
    'models': layer('core.errors', packages=frozenset({'torch'}), heavy_at_module_level=True),
    'checkpoints': layer('models', 'core.errors'),
    'inference': layer('core', 'checkpoints', 'models'),
    'data': layer('core'),
    'training': layer('data', 'models', 'checkpoints', 'core', heavy_at_module_level=True),
    'evaluation': layer('inference', 'data', 'viz', 'core'),
    'nodes': layer('core', 'viz', 'inference', 'data', 'evaluation', *GENERATED, ros=True),
    'cli': layer('core', 'viz', 'models', 'checkpoints', 'inference', 'data', 'training',
                 'evaluation'),
}


@dataclass(frozen=True)
class Import:
    """One imported name, absolute, and where it stands."""

    name: str
    line: int
    relative: bool
    at_module_level: bool


@dataclass
class Module:
    """A parsed file of the package."""

    path: Path
    name: str    # 'panmatch_ros.core.types'
    parent: str  # what one leading dot means
    tree: ast.Module
    lines: int
    imports: list[Import] = field(default_factory=list)

    @property
    def layer(self) -> str:
        parts = self.name.split('.')
        return parts[1] if len(parts) > 1 else ''


def check_package(source: Path) -> list[str]:
    """Check a package folder; every violation is 'file:line: text'."""
    problems = [f'{name}: must not exist in the source, generated code lives there'
                for name in GENERATED
                if (source / name).exists() or (source / f'{name}.py').exists()]
    for path in sorted(source.rglob('*.py')):
        module = load(path, source)
        for line, text in check_module(module):
            problems.append(f'{path.relative_to(source)}:{line}: {text}')
    return problems


def load(path: Path, source: Path) -> Module:
    text = path.read_text()
    parts = [PACKAGE, *path.relative_to(source).with_suffix('').parts]
    if parts[-1] == '__init__':
        parts.pop()
        parent = '.'.join(parts)
    else:
        parent = '.'.join(parts[:-1])
    module = Module(path, '.'.join(parts), parent, ast.parse(text), text.count('\n') + 1)
    module.imports = list(find_imports(module))
    return module


def walk(node: ast.AST, in_function: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Yield all nodes, and whether each runs at import (annotations-only blocks do not)."""
    for child in ast.iter_child_nodes(node):
        inside = in_function
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = inside or child in node.body
        elif isinstance(node, ast.Lambda):
            inside = inside or child is node.body
        elif isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(node.test):
            inside = inside or child in node.body
        yield child, not inside
        yield from walk(child, inside)


def find_imports(module: Module) -> Iterator[Import]:
    for node, at_module_level in walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, False, at_module_level)
        elif isinstance(node, ast.ImportFrom):
            base = import_base(module, node)
            for alias in node.names:
                yield Import(f'{base}.{alias.name}', node.lineno, node.level > 0, at_module_level)
        elif isinstance(node, ast.Call) and dynamic_import(node):
            argument = node.args[0]
            assert isinstance(argument, ast.Constant)
            relative = argument.value.startswith('.')
            name = f'{PACKAGE}{argument.value}' if relative else argument.value
            yield Import(name, node.lineno, relative, at_module_level)


def import_base(module: Module, node: ast.ImportFrom) -> str:
    if node.level == 0:
        return node.module or ''
    parts = module.parent.split('.')
    parts = parts[:len(parts) - node.level + 1]
    return '.'.join([*parts, *([node.module] if node.module else [])])


def dynamic_import(node: ast.Call) -> bool:
    """``import_module('name')`` and ``__import__('name')``."""
    called = ast.unparse(node.func).split('.')[-1]
    return (called in ('import_module', '__import__') and bool(node.args)
            and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str))


def check_module(module: Module) -> Iterator[tuple[int, str]]:
    if module.lines - 1 > MAX_LINES:
        yield module.lines - 1, f'the file has {module.lines - 1} lines, at most {MAX_LINES}'
    if module.name == PACKAGE:
        if len(module.tree.body) != 1 or ast.get_docstring(module.tree) is None:
            yield 1, f'{PACKAGE}/__init__.py must be a docstring only'
        return
    if module.layer not in LAYERS:
        yield 1, f'{module.layer!r} is not a layer; add it to LAYERS and to the style guide'
        return
    for imported in module.imports:
        text = check_import(module.layer, imported)
        if text:
            yield imported.line, text
    yield from check_calls(module)


def check_import(name: str, imported: Import) -> str:
    """Say what is wrong with an import; empty if nothing."""
    rules, parts = LAYERS[name], imported.name.split('.')
    top = parts[0]
    if top == PACKAGE:
        return check_local(name, imported, parts[1:])
    if top in sys.stdlib_module_names:
        return ''
    if top in ROS or top.endswith('_msgs') or top == 'rcl_interfaces':
        return '' if rules.ros else f'{name} imports {top}: only nodes may import ROS'
    if top not in rules.packages:
        return f'{name} must not import {top}'
    if top in HEAVY and imported.at_module_level and not rules.heavy_at_module_level:
        return f'{top} must be imported inside the function that needs it'
    return ''


def check_local(name: str, imported: Import, parts: list[str]) -> str:
    target = '.'.join(parts)
    generated = parts[:1] in [[part] for part in GENERATED]
    if not imported.relative and not generated:
        return f'import {imported.name} relatively: inside the package all imports are relative'
    if parts[:1] == [name]:
        return ''
    allowed = LAYERS[name].local
    if any(target == each or target.startswith(f'{each}.') for each in allowed):
        return ''
    below = ', '.join(sorted(allowed)) or 'nothing of the package'
    return f'{name} must not import {PACKAGE}.{target}; it may import {below}'


def check_calls(module: Module) -> Iterator[tuple[int, str]]:
    is_main = module.name == f'{PACKAGE}.cli.main'
    for node, at_module_level in walk(module.tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            called = ast.unparse(node.exc).split('(')[0]
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
        else:
            continue
        if called == 'print' and module.layer != 'cli':
            yield node.lineno, 'print is for cli only; use logging'
        if called == 'rclpy.init' and at_module_level:
            yield node.lineno, 'rclpy.init() at module level'
        if (called in ('sys.exit', 'os._exit', 'exit', 'quit', 'SystemExit') and not is_main
                and module.layer != 'nodes'):
            yield node.lineno, 'only cli/main.py exits'


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
