"""Processes of a test, and what was logged."""
import os
import subprocess
import sys

import pytest


@pytest.fixture
def start_python(tmp_path):
    """Give a function that starts Python as a process of its own; all end with the test."""
    running = []

    def start_python(*arguments):
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=tmp_path, env={**os.environ, 'PYTHONUNBUFFERED': '1'}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        running.append(process)
        return process

    yield start_python
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def console(capfd):
    """Give a function for all that was logged: /rosout may miss what a node logs at once."""
    parts = []

    def text():
        parts.append(capfd.readouterr().err)
        return ''.join(parts)
    return text
