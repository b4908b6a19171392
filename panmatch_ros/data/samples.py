"""
Real images to try things on, from the package ``opencv-doc`` of Debian and Ubuntu.

The images come with OpenCV's own samples: the Aloe stereo pair (Middlebury 2006) with its
disparity map, two frames of RubberWhale (Middlebury flow), and others. They are fetched, not
shipped.
"""
from collections.abc import Sequence
import gzip
import logging
import os
from pathlib import Path
import shutil
import subprocess
import tempfile

from ..core.camera import Camera, StereoRig
from ..core.errors import MissingDependencyError

ENVIRONMENT_VARIABLE = 'PANMATCH_SAMPLES'
PACKAGE = 'opencv-doc'
INSTALLED_FOLDER = Path('/usr/share/doc/opencv-doc/examples/data')
APT_LISTS = Path('/var/lib/apt/lists')
TIMEOUT_S = 900

REQUIRED_FILES = ('aloeL.jpg', 'aloeR.jpg', 'aloeGT.png', 'rubberwhale1.png',
                  'rubberwhale2.png')
CHESSBOARDS = tuple(f'{side}{number:02d}.jpg' for side in ('left', 'right')
                    for number in range(1, 15) if number != 10)  # there is no number 10
SAMPLE_FILES = (*REQUIRED_FILES, 'basketball1.png', 'basketball2.png', 'graf1.png', 'graf3.png',
                'H1to3p.xml', 'vtest.avi', 'intrinsics.yml', 'stereo_calib.xml', 'left.jpg',
                'right.jpg', *CHESSBOARDS)

ALOE_SIZE = (1110, 1282)       # height, width of the full-size images, pixels
ALOE_FOCAL_PX = 3740.0
ALOE_BASELINE_M = 0.16
ALOE_OFFSET_PX = 270.0         # cx_right - cx_left

logger = logging.getLogger(__name__)


def find_samples() -> Path | None:
    """
    Find the folder of the sample images.

    Looked at, in this order: the environment variable ``PANMATCH_SAMPLES``, the cache that
    :func:`fetch_samples` fills, and an installed package ``opencv-doc``.

    :returns: a folder that holds at least ``REQUIRED_FILES``, or None.
    """
    chosen = os.environ.get(ENVIRONMENT_VARIABLE)
    if chosen and not _is_complete(Path(chosen)):
        logger.warning('%s=%s is not used: expected a folder with %s', ENVIRONMENT_VARIABLE,
                       chosen, ', '.join(REQUIRED_FILES))
    folders = [Path(chosen)] if chosen else []
    folders += [cache_folder(), INSTALLED_FOLDER]
    return next((folder for folder in folders if _is_complete(folder)), None)


def fetch_samples() -> Path:
    """
    Download the package ``opencv-doc`` and keep its sample images in the cache.

    Neither root nor an installation is needed: ``apt-get download`` and ``dpkg-deb -x`` work
    in a temporary folder. If the cache is complete, nothing is downloaded.

    :returns: the folder in the cache.
    :raises MissingDependencyError: if a program is missing, the download fails, or the package
        does not hold the images; the text says what to do.
    """
    cache = cache_folder()
    if _is_complete(cache):
        return cache
    for program in ('apt-get', 'dpkg-deb'):
        if shutil.which(program) is None:
            raise MissingDependencyError(
                f'fetching the sample images needs {program} (Debian or Ubuntu); elsewhere set '
                f'{ENVIRONMENT_VARIABLE} to the folder samples/data of the OpenCV sources')
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        # In the folder of the cache: renaming works within one file system only.
        with tempfile.TemporaryDirectory(prefix='.fetch-', dir=cache.parent) as temporary:
            _fetch_into(cache, Path(temporary))
    except OSError as error:
        raise MissingDependencyError(f'the sample images cannot be kept in {cache}: {error}'
                                     ) from None
    return cache


def cache_folder() -> Path:
    """Folder of the fetched images: ``$XDG_CACHE_HOME`` (``~/.cache``)/panmatch_ros/opencv-doc."""
    base = os.environ.get('XDG_CACHE_HOME')
    return (Path(base) if base else Path.home() / '.cache') / 'panmatch_ros' / PACKAGE


def sample_rig_aloe(size: tuple[int, int] = ALOE_SIZE) -> StereoRig:
    """
    Nominal rig of the Aloe pair, for points of plausible size; not a calibration.

    The data set's page gives one focal length (3740 px at full size) and baseline (160 mm) for
    all its scenes, and each scene has an offset of its disparities from cropping the images.
    The 270 px used here are the nominal offset of Aloe, which has not been verified. The
    principal point of the left image is taken as its centre.

    :param size: (height, width) of the images, pixels; 1110 x 1282 is full size.
    :returns: rig whose ``cx_right - cx_left`` is 270 px at full size.
    """
    height, width = ALOE_SIZE
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    left = Camera(width, height, ALOE_FOCAL_PX, ALOE_FOCAL_PX, centre_x, centre_y)
    right = Camera(width, height, ALOE_FOCAL_PX, ALOE_FOCAL_PX, centre_x + ALOE_OFFSET_PX,
                   centre_y, -ALOE_FOCAL_PX * ALOE_BASELINE_M)
    return StereoRig(left, right).resized(*size)


def _is_complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in REQUIRED_FILES)


def _fetch_into(cache: Path, temporary: Path) -> None:
    _download(temporary)
    packages = sorted(temporary.glob('*.deb'))
    if not packages:
        raise MissingDependencyError(f'apt-get download {PACKAGE} left no .deb file')
    tree = temporary / 'tree'
    unpacked = _run(['dpkg-deb', '-x', str(packages[0]), str(tree)], temporary)
    if unpacked.returncode != 0:
        raise MissingDependencyError(f'dpkg-deb cannot unpack {packages[0].name}: '
                                     f'{_last_line(unpacked)}')
    staging = temporary / PACKAGE
    _copy_samples(tree, staging)
    if not _is_complete(staging):
        missing = [name for name in REQUIRED_FILES if not (staging / name).is_file()]
        raise MissingDependencyError(f'{packages[0].name} does not hold {", ".join(missing)}; '
                                     f'set {ENVIRONMENT_VARIABLE} to a folder that does')
    if cache.exists() and not _is_complete(cache):
        cache.rename(temporary / 'incomplete')
    try:
        staging.rename(cache)
    except OSError:
        if not _is_complete(cache):  # else another process was first
            raise


def _download(folder: Path) -> None:
    result = _run(['apt-get', 'download', PACKAGE], folder)
    if result.returncode == 0:
        return
    output = result.stdout + result.stderr
    if not any(APT_LISTS.glob('*_Packages*')):
        reason = ('the package lists of apt are empty; run "sudo apt-get update" (it needs the '
                  'network) and try again')
    elif 'Unable to locate' in output or 'No packages found' in output:
        reason = (f'apt knows no package {PACKAGE}; run "sudo apt-get update" (on Ubuntu it is '
                  'in the component "universe") and try again')
    else:
        reason = ('is there a network? If so, the package lists may be old: run '
                  '"sudo apt-get update" and try again')
    raise MissingDependencyError(f'"apt-get download {PACKAGE}" failed: {reason}. apt-get says: '
                                 f'{_last_line(result)}')


def _copy_samples(tree: Path, target: Path) -> None:
    target.mkdir()
    first = next(tree.rglob(f'{REQUIRED_FILES[0]}*'), None)
    if first is None:
        return
    for name in SAMPLE_FILES:
        plain, packed = first.parent / name, first.parent / f'{name}.gz'
        if plain.is_file():
            shutil.copyfile(plain, target / name)
        elif packed.is_file():  # Debian compresses documentation
            with gzip.open(packed) as source, open(target / name, 'wb') as sink:
                shutil.copyfileobj(source, sink)


def _run(command: Sequence[str], folder: Path) -> 'subprocess.CompletedProcess[str]':
    environment = {**os.environ, 'LC_ALL': 'C'}
    try:
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True,
                              text=True, errors='replace', timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise MissingDependencyError(
            f'"{command[0]} {command[1]}" did not end within {TIMEOUT_S} s; is there a network?'
        ) from None


def _last_line(result: 'subprocess.CompletedProcess[str]') -> str:
    lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
    return lines[-1] if lines else f'exit status {result.returncode}'
