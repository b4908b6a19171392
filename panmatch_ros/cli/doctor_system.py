"""Checks of what every use needs: Python, NumPy, OpenCV, a matcher."""
import platform
import sys
import time

from .doctor_probe import MISSING, OK, WARNING, Check, check_module, probe
from .options import package_version

OLDEST_PYTHON = (3, 10)
FIRST_BAD_OPENCV = 5  # cv_bridge is not built for OpenCV 5
SHIFT_PX = 6


def check_package() -> Check:
    """Version of this package."""
    version = package_version()
    if version == 'unknown':
        return Check('panmatch_ros', WARNING, 'runs from source, its version is not known',
                     'install it: `pip install .` or `colcon build`')
    return Check('panmatch_ros', OK, version)


def check_python() -> Check:
    """Version and path of the interpreter."""
    detail = f'{platform.python_version()} ({sys.executable})'
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Check('Python', WARNING, detail, 'Python 3.10 or later is needed')
    return Check('Python', OK, detail)


def check_platform() -> Check:
    """Operating system."""
    detail = platform.platform()
    if platform.system() != 'Linux':
        return Check('platform', WARNING, detail,
                     'the command line should work here; the ROS nodes are tested on Linux')
    return Check('platform', OK, detail)


def check_numpy() -> Check:
    """NumPy computes."""
    return check_module('NumPy', 'numpy',
                        'import numpy; assert numpy.arange(4).sum() == 6; '
                        'print(numpy.__version__)',
                        'install it: `pip install "numpy>=1.23"`')


def check_opencv() -> Check:
    """Check that OpenCV works together with this NumPy."""
    check = check_module('OpenCV', 'cv2',
                         'import cv2, numpy; cv2.resize(numpy.zeros((4, 4), "u1"), (8, 8)); '
                         'print(cv2.__version__)',
                         'install it: `pip install "opencv-python-headless>=4.6,<5"`')
    major = check.detail.split('.')[0]
    if check.status == OK and major.isdigit() and int(major) >= FIRST_BAD_OPENCV:
        return Check('OpenCV', WARNING, f'{check.detail}: cv_bridge does not work with it',
                     'install OpenCV 4: `pip install "opencv-python-headless>=4.6,<5"`')
    return check


def check_matcher() -> Check:
    """Match a small pair of known disparity."""
    name = 'matcher'
    try:
        import numpy as np

        from ..inference.factory import create_matcher
        texture = np.random.default_rng(0).integers(0, 256, (64, 160 + SHIFT_PX), np.uint8)
        start_s = time.perf_counter()
        matcher = create_matcher('auto')
        result = matcher.match_stereo(texture[:, :160], texture[:, SHIFT_PX:])
        elapsed_ms = 1e3 * (time.perf_counter() - start_s)
        median_px = float(np.nanmedian(result.disparity))
    except Exception as error:  # whatever it is, the user has to know
        return Check(name, MISSING, f'auto fails: {type(error).__name__}: {error}',
                     'repair NumPy and OpenCV first; if they are fine, please report this')
    if abs(median_px - SHIFT_PX) > 0.5:
        return Check(name, MISSING, f'{matcher.name}: found a disparity of {median_px:g} px '
                     f'where it is {SHIFT_PX} px', 'please report this')
    return Check(name, OK, f'auto is {matcher.name} ({matcher.backend}, {matcher.precision}); a '
                 f'pair of 160x64 is right, {elapsed_ms:.0f} ms')


def check_yaml() -> Check:
    """Check the YAML reader, which calibration files need."""
    works, answer = probe('import yaml; print(yaml.__version__)')
    if works:
        return Check('PyYAML', OK, answer)
    return Check('PyYAML', MISSING, answer,
                 'for calibration files in YAML: `pip install PyYAML`')


CHECKS = (check_package, check_python, check_platform, check_numpy, check_opencv, check_yaml,
          check_matcher)
