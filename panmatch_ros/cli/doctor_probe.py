"""What the checks of ``panmatch doctor`` are made of."""
from dataclasses import dataclass
import importlib.util
import subprocess
import sys

OK, WARNING, MISSING = 'ok', 'warning', 'missing'
TIMEOUT_S = 20.0

# With -c Python puts the current folder first, where a checkout would hide what is installed.
PRELUDE = 'import sys; sys.path[:] = [folder for folder in sys.path if folder]\n'


@dataclass(frozen=True)
class Check:
    """
    Result of one check.

    :param name: what was looked at.
    :param status: ``ok``, ``warning`` (works, but) or ``missing`` (absent or broken).
    :param detail: what was found.
    :param advice: what to do; empty if nothing.
    """

    name: str
    status: str
    detail: str
    advice: str = ''


def is_installed(module: str) -> bool:
    """Tell whether a module can be found, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def probe(code: str, timeout_s: float = TIMEOUT_S) -> tuple[bool, str]:
    """
    Run Python code in a process of its own: a broken package may crash or hang.

    :param code: what to run; what it prints last is the answer.
    :param timeout_s: seconds after which it counts as hanging.
    :returns: whether it ended well, and its last line of output or of error.
    """
    try:
        done = subprocess.run([sys.executable, '-c', PRELUDE + code], capture_output=True,
                              text=True, errors='replace', timeout=timeout_s, check=False,
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return False, f'no answer within {timeout_s:g} s'
    if done.returncode == 0:
        return True, last_line(done.stdout)
    reason = last_line(done.stderr)
    if done.returncode < 0:
        return False, f'crashed with signal {-done.returncode}' + (reason and f' ({reason})')
    return False, reason or f'ended with status {done.returncode}'


def last_line(text: str) -> str:
    """Last line that is not blank; empty if there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ''


def check_module(name: str, module: str, code: str, advice: str,
                 timeout_s: float = TIMEOUT_S) -> Check:
    """
    Check that a module is installed and that code which uses it works.

    :param name: how the check is called.
    :param module: what has to be found.
    :param code: what has to work; what it prints is the detail.
    :param advice: what to do if one of the two fails.
    :param timeout_s: seconds to wait for the code.
    """
    if not is_installed(module):
        return Check(name, MISSING, 'not installed', advice)
    works, answer = probe(code, timeout_s)
    if not works:
        return Check(name, MISSING, f'installed, but it does not work: {answer}', advice)
    return Check(name, OK, answer or 'works')
