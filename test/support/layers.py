"""
The checker of the layers: imports point down only, and other rules across files.

The rules are checked on the syntax tree, so nothing is imported.
"""
import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
import sys

PACKAGE = 'panmatch_ros'
SOURCE = Path(__file__).resolve().parents[2] / PACKAGE
MAX_LINES = 299

ROS = frozenset({'rclpy', 'cv_bridge', 'message_filters', 'builtin_interfaces',
                 'ament_index_python', 'std_srvs', 'tf2_ros'})
HEAVY = frozenset({'yaml', 'torch', 'safetensors', 'onnx', 'onnxruntime', 'openvino', 'tensorrt',
                   'torch_tensorrt', 'rosbags', 'lz4', 'tqdm', 'h5py'})
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
    'launching': layer(packages=frozenset({'launch', 'launch_ros'}), ros=True),
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
