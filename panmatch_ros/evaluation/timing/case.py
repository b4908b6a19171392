"""What one line of a benchmark measures, and what is known of it afterwards."""
from dataclasses import dataclass, field, replace
import statistics

import numpy as np

from ...inference.factory import MatcherOptions, uses_weights
from ...inference.runtime_options import RuntimeOptions

REFERENCE_PRECISION = 'fp32'


@dataclass(frozen=True)
class Case:
    """
    A matcher in one form, for one task and one size of image.

    :param matcher: name, as :func:`~...inference.factory.create_matcher` takes it.
    :param options: of all matchers.
    :param task: 'flow' or 'stereo'.
    :param size: (height, width) of the images, pixels.
    :param stream: whether a call is one further image of a sequence instead of a pair; the task
        is 'flow' then.
    :param threads: that compute; 0 leaves it to the matcher.
    """

    matcher: str
    options: MatcherOptions
    task: str
    size: tuple[int, int]
    stream: bool = False
    threads: int = 0

    @property
    def backend(self) -> str:
        """Back-end that is asked for."""
        return 'opencv' if self.matcher == 'classical' else self._runtime.backend

    @property
    def precision(self) -> str:
        """Precision that is asked for."""
        return REFERENCE_PRECISION if self.matcher == 'classical' else self._runtime.precision

    def reference(self) -> 'Case':
        """
        Give the form of the same matcher that the result is compared with.

        It computes in single precision and pair by pair, nano in ONNX Runtime on the CPU and
        PanMatch in PyTorch; it may be this one.
        """
        options = self.options
        if uses_weights(self.matcher, options.panmatch):
            options = replace(options, panmatch=replace(
                options.panmatch, backend='torch', precision=REFERENCE_PRECISION))
        elif self.matcher != 'classical':
            device = 'auto' if options.nano.device == 'cuda' else options.nano.device
            options = replace(options, nano=replace(
                options.nano, backend='onnxruntime', device=device,
                precision=REFERENCE_PRECISION))
        return replace(self, options=options, stream=False)

    def in_foreground(self) -> MatcherOptions:
        """Give the options, but such that engines are waited for."""
        options = self.options
        return replace(options, nano=replace(options.nano, background_build=False),
                       panmatch=replace(options.panmatch, background_build=False))

    @property
    def _runtime(self) -> RuntimeOptions:
        """Options of the network that is asked for."""
        network = uses_weights(self.matcher, self.options.panmatch)
        return self.options.panmatch if network else self.options.nano


@dataclass(frozen=True)
class Loaded:
    """
    A matcher that is ready.

    :param name: of the matcher; of the chosen one with ``auto``.
    :param backend: what computes.
    :param precision: of the computation.
    :param load_s: time to make it: its libraries are imported, the network is read, seconds.
    :param prepare_s: time to plan it for the size, and to find or build engines, seconds.
    :param engines: 'built' now, at least one, or all 'found'; empty if it has none.
    """

    name: str
    backend: str
    precision: str
    load_s: float
    prepare_s: float
    engines: str = ''


@dataclass(frozen=True)
class Cost:
    """
    One call.

    :param wall_s: seconds until the result was there.
    :param cpu_s: seconds of CPU of all threads of the process.
    """

    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class Finished:
    """
    What is known at the end.

    :param device: 'cpu', or the name of the GPU.
    :param peak_mb: most resident memory of the process so far, 10^6 bytes; None where the
        system does not tell.
    :param resident_mb: resident memory now, likewise.
    :param gpu_mb: most memory that PyTorch had of the GPU since the matcher was ready, 10^6
        bytes; None if none is used.
    :param result: of the first call: flow (H, W, 2) or disparity (H, W), pixels, float32; None
        if there was no call.
    """

    device: str
    peak_mb: float | None
    resident_mb: float | None
    gpu_mb: float | None
    result: np.ndarray | None


@dataclass(frozen=True)
class Parity:
    """
    Difference of two results.

    :param mean_px: mean distance where both are valid, pixels; NaN if that is nowhere.
    :param max_px: largest distance, likewise.
    :param one_sided_percent: share of the pixels that are valid in only one of them.
    """

    mean_px: float
    max_px: float
    one_sided_percent: float


@dataclass
class Row:
    """
    What was measured of a case.

    :param case: what it is.
    :param error: why it failed, in one line; empty if it did not.
    :param loaded: None if it failed before.
    :param warmup: calls that do not count.
    :param costs: calls that count.
    :param finished: None if it failed.
    :param parity: to its reference; None if it is the reference itself, or there is none.
    :param ratio: of the median time to that of the baseline; None without one.
    """

    case: Case
    error: str = ''
    loaded: Loaded | None = None
    warmup: list[Cost] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    finished: Finished | None = None
    parity: Parity | None = None
    ratio: float | None = None

    @property
    def median_s(self) -> float:
        """Half of the calls took less."""
        return statistics.median(cost.wall_s for cost in self.costs)

    @property
    def p95_s(self) -> float:
        """Of the calls 95 % took less; between two of them by linear interpolation."""
        return float(np.percentile([cost.wall_s for cost in self.costs], 95))

    @property
    def cpu_s(self) -> float:
        """Median of the seconds of CPU of a call."""
        return statistics.median(cost.cpu_s for cost in self.costs)


def compare_results(result: np.ndarray, reference: np.ndarray) -> Parity:
    """
    Compare two results of the same images.

    :param result: flow (H, W, 2) or disparity (H, W), pixels; NaN is invalid.
    :param reference: likewise.
    """
    first, second = (each.reshape(*each.shape[:2], -1) for each in (result, reference))
    valid = [np.isfinite(each).all(axis=-1) for each in (first, second)]
    both = valid[0] & valid[1]
    one_sided = 100 * float((valid[0] ^ valid[1]).mean())
    if not both.any():
        return Parity(float('nan'), float('nan'), one_sided)
    distance = np.linalg.norm(first[both].astype(np.float64) - second[both], axis=-1)
    return Parity(float(distance.mean()), float(distance.max()), one_sided)
