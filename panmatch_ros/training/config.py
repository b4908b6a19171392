"""Training recipes: one YAML file each, checked before anything starts."""
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
import math
from pathlib import Path
import reprlib
from typing import Any

from ..core.errors import ConfigError
from ..data.synthetic.generator import SceneRecipe
from ..models.nano_config import HEIGHT_MULTIPLE, WIDTH_MULTIPLE, NanoConfig

PRECISIONS = ('fp32', 'bf16')
DEVICES = ('auto', 'cpu', 'cuda')
MOST_PIXELS = 1 << 22


@dataclass(frozen=True)
class Phase:
    """
    A part of the training with samples of one size.

    :param share: of the whole time.
    :param batch: pairs per process and step.
    :param pool: pairs kept per process; old ones are replaced.
    :param fresh: new pairs per step and process, may be a fraction; each pair is then seen
        ``batch / fresh`` times on average.
    :param rectified_share: of the stereo pairs, how many are matched along the rows.
    :param scenes: what is rendered.
    """

    share: float = 1.0
    batch: int = 4
    pool: int = 1500
    fresh: float = 1.0
    rectified_share: float = 0.65
    scenes: SceneRecipe = field(default_factory=SceneRecipe)

    def __post_init__(self) -> None:
        _require('share', self.share, 0, 1)
        _require('batch', self.batch, 1, 256, whole=True)
        _require('pool', self.pool, self.batch, 100000, whole=True)
        _require('fresh', self.fresh, 0.01, 256)
        _require('rectified_share', self.rectified_share, 0, 1)
        height, width = self.scenes.height, self.scenes.width
        if height * width > MOST_PIXELS:
            raise ConfigError(f'scenes must have at most {MOST_PIXELS} pixels, got '
                              f'{height}x{width}')
        if height % HEIGHT_MULTIPLE or width % WIDTH_MULTIPLE:
            raise ConfigError(f'scenes must be a multiple of {HEIGHT_MULTIPLE} pixels high and '
                              f'of {WIDTH_MULTIPLE} wide, got {height}x{width}')


@dataclass(frozen=True)
class TrainingConfig:
    """
    A recipe.

    :param minutes: wall-clock time of the whole schedule, over all runs that resume it.
    :param phases: one after another; their shares add up to one.
    :param network: form of the network.
    :param seed: of weights, scenes and order.
    :param processes: on a CPU; each has one thread and an equal part of the batch.
    :param device: 'cpu', 'cuda' or 'auto'.
    :param precision: of convolutions and matrix products.
    :param learning_rate: the highest, after the warm-up.
    :param warmup: share of the time in which the learning rate rises.
    :param weight_decay: of AdamW.
    :param clip: largest norm of a gradient.
    :param ema: decay of the averaged weights per step, which are the result.
    :param validate_minutes: time between two validations on held-out scenes.
    :param validation_pairs: number of those.
    :raises ConfigError: if a value cannot work.
    """

    minutes: float
    phases: tuple[Phase, ...] = field(default_factory=lambda: (Phase(),))
    network: NanoConfig = field(default_factory=NanoConfig)
    seed: int = 0
    processes: int = 1
    device: str = 'auto'
    precision: str = 'bf16'
    learning_rate: float = 1.5e-3
    warmup: float = 0.05
    weight_decay: float = 1e-4
    clip: float = 2.0
    ema: float = 0.999
    validate_minutes: float = 5.0
    validation_pairs: int = 64

    def __post_init__(self) -> None:
        _require('minutes', self.minutes, 1e-3, 1e6)
        _require('seed', self.seed, 0, 1 << 31, whole=True)
        _require('processes', self.processes, 1, 256, whole=True)
        for name in ('warmup', 'weight_decay', 'ema'):
            _require(name, getattr(self, name), 0, 1)
        for name in ('learning_rate', 'clip', 'validate_minutes'):
            _require(name, getattr(self, name), 1e-9, 1e9)
        _require('validation_pairs', self.validation_pairs, 1, 10000, whole=True)
        if self.precision not in PRECISIONS:
            raise ConfigError(f'precision must be one of {", ".join(PRECISIONS)}, got '
                              f'{self.precision!r}')
        if self.device not in DEVICES:
            raise ConfigError(f'device must be one of {", ".join(DEVICES)}, got {self.device!r}')
        if not self.phases or not math.isclose(sum(p.share for p in self.phases), 1,
                                               abs_tol=1e-6):
            raise ConfigError('the shares of the phases must add up to 1')

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'TrainingConfig':
        """
        Make a recipe of plain values, as YAML gives them.

        :raises ConfigError: for unknown names and values that cannot work.
        """
        values = dict(_mapping(values, 'the recipe'))
        if 'network' in values:
            values['network'] = NanoConfig.from_dict(_mapping(values['network'], 'network'))
        if 'phases' in values:
            if not isinstance(values['phases'], list):
                raise ConfigError('phases must be a list')
            values['phases'] = tuple(_phase(each) for each in values['phases'])
        return _make(cls, values, 'the recipe')

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, as :meth:`from_dict` takes them."""
        values = asdict(self)
        values['network'] = self.network.to_dict()
        values['phases'] = [asdict(phase) for phase in self.phases]
        return values


def read_recipe(path: Path) -> TrainingConfig:
    """
    Read a recipe from a YAML file.

    :raises ConfigError: if the file is no recipe.
    :raises OSError: if it cannot be read.
    """
    import yaml
    try:
        values = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f'{path} is not YAML: {error}') from error
    try:
        return TrainingConfig.from_dict(values)
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from error


def _phase(values: Any) -> Phase:
    values = dict(_mapping(values, 'a phase'))
    if 'scenes' in values:
        values['scenes'] = _make(SceneRecipe, dict(_mapping(values['scenes'], 'scenes')),
                                 'scenes')
    return _make(Phase, values, 'a phase')


def _make(kind: Any, values: dict[str, Any], what: str) -> Any:
    known = {each.name for each in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(f'{what} has no option {", ".join(map(str, unknown))}; there are '
                          f'{", ".join(sorted(known))}')
    missing = [each.name for each in fields(kind)
               if each.default is MISSING and each.default_factory is MISSING
               and each.name not in values]
    if missing:
        raise ConfigError(f'{what} needs {", ".join(missing)}')
    try:
        return kind(**values)
    except TypeError as error:  # a value of a kind that cannot be compared
        raise ConfigError(f'{what} has a value of the wrong kind: {error}') from error


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f'{what} must be names with values, got {type(value).__name__}')
    return value


def _require(name: str, value: Any, low: float, high: float, whole: bool = False) -> None:
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = 'a whole number' if whole else 'a number'
        hint = ' (YAML reads 1e-3 as a text: write 1.0e-3)' if isinstance(value, str) else ''
        raise ConfigError(f'{name} must be {kind} from {low:g} to {high:g}, got '
                          f'{reprlib.repr(value)}{hint}')
