"""The arguments of launch files, read where the launch packages are not installed."""
import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]


def launch_arguments(task):
    """Give the description of each argument of a launch file by its name."""
    own = dictionaries(ROOT / 'launch' / f'{task}.launch.py')
    shared = dictionaries(ROOT / 'panmatch_ros' / 'launching.py')
    return {**described(own['ARGUMENTS'], shared), **described(shared['COMMON'], shared)}


def dictionaries(path):
    """Give the dictionaries of a module that have a name."""
    return {statement.targets[0].id: statement.value
            for statement in ast.parse(path.read_text(encoding='utf-8')).body
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict)}


def described(table, shared):
    descriptions = {}
    for key, value in zip(table.keys, table.values, strict=True):
        if key is None:  # **NAME of the shared module
            descriptions.update(described(shared[value.id], shared))
        else:
            descriptions[key.value] = ast.literal_eval(value.elts[1])
    return descriptions
