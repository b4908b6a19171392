"""Several pictures with titles as one."""
from collections.abc import Sequence

import cv2
import numpy as np

from ..core.errors import ConfigError
from ..core.image import check_image, to_rgb

GAP_PX = 8
TITLE_PX = 26
BACKGROUND = 24
TITLE_COLOR = (225, 225, 225)
FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_SCALE = 0.5
MIN_PANEL_PX = 16


def tile_panels(panels: Sequence[tuple[str, np.ndarray]], columns: int,
                width: int) -> np.ndarray:
    """
    Lay pictures out row by row, each under its title, on a dark ground.

    Every picture gets the width of its column and keeps its aspect ratio.

    :param panels: titles and images as :func:`~panmatch_ros.core.image.check_image` accepts;
        a title of '' leaves the strip above the picture empty.
    :param columns: pictures per row.
    :param width: width of the result, pixels.
    :returns: (H, width, 3) uint8 RGB.
    :raises ConfigError: if there is no panel or no room for ``columns`` pictures.
    :raises ShapeError: if an image has a form that is not accepted.
    :raises ImageError: if an image is empty or too large.
    """
    if not panels:
        raise ConfigError('there are no panels to tile')
    if columns < 1:
        raise ConfigError(f'columns must be at least 1, got {columns}')
    panel_width = (width - GAP_PX * (columns + 1)) // columns
    if panel_width < MIN_PANEL_PX:
        raise ConfigError(f'a width of {width} px has no room for {columns} columns')
    rows = []
    for first in range(0, len(panels), columns):
        rows.append(_row(panels[first:first + columns], panel_width, width))
    rows.append(np.full((GAP_PX, width, 3), BACKGROUND, np.uint8))
    return np.concatenate(rows)


def _row(panels: Sequence[tuple[str, np.ndarray]], panel_width: int, width: int) -> np.ndarray:
    images = [_resize(image, panel_width, title) for title, image in panels]
    height = TITLE_PX + max(image.shape[0] for image in images)
    row = np.full((height, width, 3), BACKGROUND, np.uint8)
    for column, ((title, _), image) in enumerate(zip(panels, images, strict=True)):
        x = GAP_PX + column * (panel_width + GAP_PX)
        row[TITLE_PX:TITLE_PX + image.shape[0], x:x + panel_width] = image
        cv2.putText(row, _fit(title, panel_width), (x, TITLE_PX - 8), FONT, FONT_SCALE,
                    TITLE_COLOR, 1, cv2.LINE_AA)
    return row


def _resize(image: np.ndarray, width: int, title: str) -> np.ndarray:
    check_image(image, f'panel {title!r}')
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    method = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_LINEAR
    return cv2.resize(to_rgb(image), (width, height), interpolation=method)


def _fit(title: str, width: int) -> str:
    """Shorten a title to the width of its panel; the fonts of OpenCV hold ASCII only."""
    text = title.encode('ascii', 'replace').decode('ascii')
    shown = text
    while shown and cv2.getTextSize(shown, FONT, FONT_SCALE, 1)[0][0] > width:
        text = text[:-1]
        shown = text.rstrip() + '...' if text else ''
    return shown
