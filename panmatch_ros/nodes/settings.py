"""How a node declares its parameters: one row of the table each, checked at every change."""
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
import math
from types import SimpleNamespace
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, ParameterType, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from ..core.errors import ConfigError, PanMatchError


@dataclass(frozen=True)
class Spec:
    """
    One parameter.

    :param name: as users set it.
    :param default: also fixes the type; integers are accepted where a float is expected.
    :param description: what it does, with its unit.
    :param low: smallest value, if numeric.
    :param high: largest value, if numeric.
    :param choices: the values allowed, if not all are.
    :param live: whether it can change while the node runs.
    """

    name: str
    default: Any
    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    live: bool = True

    @property
    def allowed(self) -> str:
        """Range or choices in words; empty if every value of the type will do."""
        if self.choices:
            return f'one of {", ".join(map(str, self.choices))}'
        return '' if self.low is None else f'{self.low:.9g} to {self.high:.9g}'


class Settings:
    """
    The parameters of a node, declared with descriptions and ranges.

    ``values`` is replaced as a whole when parameters change, so that whoever took it works with
    one set, in any thread.

    :param node: the node.
    :param specs: its rows of the table.
    :param check: looks at a whole new set of values; raises a PanMatchError to refuse it.
    :raises ConfigError: if a value from the command line or a YAML file is not allowed.
    """

    def __init__(self, node: Node, specs: Iterable[Spec],
                 check: Callable[[SimpleNamespace], object] = lambda values: None) -> None:
        self._table = {spec.name: spec for spec in specs}
        self._check = check
        values = SimpleNamespace()
        for spec in self._table.values():
            value = node.declare_parameter(spec.name, spec.default, _descriptor(spec)).value
            self._put(values, spec, value)
        check(values)
        self.values = values
        self._warn_of_unknown(node)
        node.add_on_set_parameters_callback(self._on_set)

    def _on_set(self, parameters: list[Parameter]) -> SetParametersResult:
        values = SimpleNamespace(**vars(self.values))
        try:
            for parameter in parameters:
                spec = self._table.get(parameter.name)
                if spec is None:
                    continue
                if not spec.live:
                    raise ConfigError(f'{spec.name} cannot change while the node runs; set it in '
                                      'the launch file or parameter file and restart')
                self._put(values, spec, parameter.value)
            self._check(values)
        except PanMatchError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.values = values
        return SetParametersResult(successful=True)

    def _warn_of_unknown(self, node: Node) -> None:
        """Tell of parameters that were given and do not exist: rclpy says nothing of a typo."""
        for name in getattr(node, '_parameter_overrides', {}):  # rclpy has no public way
            if node.has_parameter(name) or name.startswith('qos_overrides.'):
                continue
            similar = get_close_matches(name, self._table, 1)
            node.get_logger().warning(
                f'there is no parameter {name}: its value is ignored'
                f'{f"; did you mean {similar[0]}?" if similar else ""}')

    @staticmethod
    def _put(values: SimpleNamespace, spec: Spec, value: Any) -> None:
        problem = _problem(spec, value)
        if problem:
            raise ConfigError(problem)
        setattr(values, spec.name, type(spec.default)(value))


def _descriptor(spec: Spec) -> ParameterDescriptor:
    text = f'{spec.description}; {spec.allowed}' if spec.allowed else spec.description
    # Numbers are typed dynamically: a YAML file may say 0 where 0.0 is meant.
    is_number = isinstance(spec.default, (int, float)) and not isinstance(spec.default, bool)
    kinds = {bool: ParameterType.PARAMETER_BOOL, str: ParameterType.PARAMETER_STRING,
             int: ParameterType.PARAMETER_INTEGER, float: ParameterType.PARAMETER_DOUBLE}
    return ParameterDescriptor(name=spec.name, type=kinds[type(spec.default)], description=text,
                               dynamic_typing=is_number,
                               additional_constraints='' if spec.live else 'fixed at start')


def _problem(spec: Spec, value: Any) -> str:
    """Say what is wrong with a value; empty if nothing is."""
    wanted = type(spec.default)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if wanted in (int, float):
        if is_number and not math.isfinite(value):
            return f'{spec.name} must be finite, got {value!r}'
        if not is_number or (wanted is int and value != int(value)):
            return f'{spec.name} must be a {_kind(wanted)}, got {value!r}'
    elif not isinstance(value, wanted):
        return f'{spec.name} must be a {_kind(wanted)}, got {value!r}'
    if spec.choices and value not in spec.choices:
        return f'{spec.name} must be {spec.allowed}, got {value!r}'
    if spec.low is not None and spec.high is not None and not spec.low <= value <= spec.high:
        return f'{spec.name} must be from {spec.allowed}, got {value!r}'
    return ''


def _kind(kind: type) -> str:
    return {bool: 'boolean', str: 'string', int: 'whole number', float: 'number'}[kind]
