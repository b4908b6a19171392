"""Launch files as processes of a test."""
import os

import pytest


@pytest.fixture
def start(tmp_path):
    """Start a launch file; what is left of it is killed after the test."""
    from ament_index_python.packages import PackageNotFoundError, get_package_prefix
    from launch_harness import Launched
    try:
        get_package_prefix('panmatch_ros')
    except PackageNotFoundError:
        pytest.skip('panmatch_ros is not built: run make setup, or colcon build and source it')
    running = []

    def start(name, environment=None, **arguments):
        full = {**os.environ, 'ROS_LOG_DIR': str(tmp_path / 'log'), 'TMPDIR': str(tmp_path),
                'PYTHONUNBUFFERED': '1'}
        full.update(environment or {})
        full = {key: value for key, value in full.items() if value is not None}
        running.append(Launched(tmp_path, name, arguments, full))
        return running[-1]

    yield start
    for launched in running:
        launched.kill()
