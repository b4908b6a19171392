"""The arguments of launch files, read where the launch packages are not installed."""
import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]


def launch_arguments(task):
    """Give the description of each argument of a launch file by its name."""
    shared = constants(ROOT / 'panmatch_ros' / 'launching.py', {})
    own = constants(ROOT / 'launch' / f'{task}.launch.py', shared)
    return {name: description
            for name, (_, description) in {**own['ARGUMENTS'], **shared['COMMON']}.items()}


def constants(path, known):
    """
    Give what the names of a module are, as far as that can be told without its imports.

    :param known: what it imports from other modules.
    """
    found = dict(known)
    for statement in ast.parse(path.read_text(encoding='utf-8')).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            try:
                value = eval(compile(ast.Expression(statement.value), str(path), 'eval'), found)
            except NameError:  # of the launch packages
                continue
            found[statement.targets[0].id] = value
    return found
