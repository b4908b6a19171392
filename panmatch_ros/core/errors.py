"""Errors with a text for the user: what was expected, what arrived, what to do."""


class PanMatchError(Exception):
    """Base of every error that this package raises on purpose."""


class ShapeError(PanMatchError, ValueError):
    """An array has the wrong shape, size or dtype."""


class ImageError(PanMatchError, ValueError):
    """An image (file, message or array) cannot be used."""


class CalibrationError(PanMatchError, ValueError):
    """A camera calibration is missing, invalid or does not fit the image."""


class PoseError(PanMatchError, ValueError):
    """A pose is not a rigid motion, or two views do not tell it."""


class MotionError(PoseError):
    """The motion of a camera tells no depth: it stood still, only turned, or moved too little."""


class FormatError(PanMatchError, ValueError):
    """A file does not follow its format."""


class ConfigError(PanMatchError, ValueError):
    """An option has a value that cannot work."""


class EngineError(PanMatchError, RuntimeError):
    """An inference engine cannot be built, or its results are wrong."""


class MissingDependencyError(PanMatchError, ImportError):
    """An optional package is needed and not installed; the text says how to install it."""
