"""Measuring side by side: order, arithmetic, failures. No time is compared with another."""
from dataclasses import replace

from benchmark_cases import BF16, CLASSICAL, NANO, OPENVINO, SIZE, images, nano_case
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.evaluation.timing.benchmark import Rounds, benchmark_images, measure
from panmatch_ros.evaluation.timing.case import Cost, Finished, Loaded, Row, compare_results
from panmatch_ros.evaluation.timing.process import CaseFailedError
from panmatch_ros.inference.backends.choose import check_combination
from panmatch_ros.inference.factory import MatcherOptions


class FakeRunner:
    """Takes the times it is given and notes in a list shared by all what is asked of it."""

    def __init__(self, case, journal, walls, fails='', value=0.0):
        self.case, self.journal, self.walls, self.fails = case, journal, list(walls), fails
        self.value = value

    def _note(self, what):
        self.journal.append((self.case, what))
        if self.fails == what or (self.fails == 'second run' and
                                  self.journal.count((self.case, 'run')) == 2):
            raise CaseFailedError(f'{what} fails')

    def load(self):
        self._note('load')
        return Loaded(self.case.matcher, self.case.backend, self.case.precision, 2.0, 0.5)

    def run(self):
        self._note('run')
        wall_s = self.walls.pop(0)
        return Cost(wall_s, wall_s / 2)

    def finish(self):
        self._note('finish')
        return Finished('cpu', 100.0, 90.0, None, np.full((*SIZE, 2), self.value, np.float32))

    def close(self):
        self.journal.append((self.case, 'close'))


class Fakes:
    """Starts such runners."""

    def __init__(self, **runners):
        self.journal, self.settings = [], runners

    def __call__(self, case, images):
        key = f'{case.matcher}_{case.backend}' + ('_stream' if case.stream else '')
        return FakeRunner(case, self.journal, **self.settings[key])

    def asked(self, what):
        return [case for case, asked in self.journal if asked == what]


def test_median_and_p95_of_known_times():
    row = Row(CLASSICAL, costs=[Cost(wall, 10 * wall) for wall in (0.4, 0.1, 1.0, 0.2, 0.3)])
    assert row.median_s == pytest.approx(0.3)
    assert row.p95_s == pytest.approx(0.4 + 0.8 * 0.6)  # 95 % of the way are 3.8 steps of 4
    assert row.cpu_s == pytest.approx(3.0)


def test_cases_are_called_in_turn_and_warm_up_does_not_count():
    fakes = Fakes(classical_opencv={'walls': [9, 0.1, 0.2, 0.3]},
                  nano_onnxruntime={'walls': [9, 0.4, 0.6, 0.5]})
    rows = measure([CLASSICAL, NANO], images(), Rounds(3, 1), fakes)
    both = [CLASSICAL, NANO]
    assert fakes.asked('run') == 4 * both
    assert fakes.asked('load') == fakes.asked('finish') == both
    assert set(fakes.asked('close')) == set(both)
    assert [[cost.wall_s for cost in row.costs] for row in rows] == [[0.1, 0.2, 0.3],
                                                                    [0.4, 0.6, 0.5]]
    assert [[cost.wall_s for cost in row.warmup] for row in rows] == [[9], [9]]
    assert [row.ratio for row in rows] == [1, pytest.approx(2.5)]
    assert [row.parity for row in rows] == [None, None]
    assert rows[1].loaded.load_s == 2.0


def test_one_that_cannot_be_loaded_leaves_the_others_alone():
    fakes = Fakes(classical_opencv={'walls': [0.1, 0.1]},
                  nano_onnxruntime={'walls': [], 'fails': 'load'},
                  nano_openvino={'walls': [0.3, 0.3]})
    rows = measure([CLASSICAL, NANO, OPENVINO], images(), Rounds(2, 0), fakes)
    assert [row.error for row in rows] == ['', 'load fails', '']
    assert [len(row.costs) for row in rows] == [2, 0, 2]
    assert [row.ratio for row in rows] == [1, None, pytest.approx(3)]
    assert rows[1].finished is None
    assert rows[2].parity is None  # its reference fails
    assert NANO in fakes.asked('close')


def test_one_that_fails_in_between_is_ended_and_called_no_more():
    fakes = Fakes(classical_opencv={'walls': [0.1] * 4},
                  nano_onnxruntime={'walls': [0.2] * 4, 'fails': 'second run'})
    rows = measure([CLASSICAL, NANO], images(), Rounds(3, 1), fakes)
    assert [row.error for row in rows] == ['', 'run fails']
    assert fakes.asked('run') == [CLASSICAL, NANO, CLASSICAL, NANO, CLASSICAL, CLASSICAL]
    assert fakes.journal.index((NANO, 'close')) < fakes.journal.index((CLASSICAL, 'finish'))
    assert rows[1].ratio is None
    assert rows[1].parity is None


def test_without_the_baseline_there_is_no_ratio():
    fakes = Fakes(classical_opencv={'walls': [], 'fails': 'run'},
                  nano_onnxruntime={'walls': [0.2, 0.2]})
    rows = measure([CLASSICAL, NANO], images(), Rounds(2, 0), fakes)
    assert [row.ratio for row in rows] == [None, None]


def test_results_are_compared_with_the_reference_among_the_rows():
    fakes = Fakes(nano_onnxruntime={'walls': [1]}, nano_openvino={'walls': [1], 'value': 3.0},
                  nano_onnxruntime_stream={'walls': [1], 'value': 1.0})
    rows = measure([NANO, OPENVINO, replace(NANO, stream=True)], images(), Rounds(1, 0), fakes)
    assert rows[0].parity is None
    assert rows[1].parity.max_px == pytest.approx(np.sqrt(18))
    assert rows[2].parity.mean_px == pytest.approx(np.sqrt(2))
    assert fakes.asked('load').count(NANO) == 1


def test_a_reference_that_is_no_row_is_called_once_after_all_others():
    fakes = Fakes(nano_onnxruntime={'walls': [1], 'value': 1.0},
                  nano_openvino={'walls': [1] * 3}, nano_openvino_stream={'walls': [1] * 3})
    rows = measure([OPENVINO, replace(OPENVINO, stream=True)], images(), Rounds(2, 1), fakes)
    assert [row.parity.max_px for row in rows] == [pytest.approx(np.sqrt(2))] * 2
    own = [asked for case, asked in fakes.journal if case == NANO]
    assert own == ['load', 'run', 'finish', 'close']
    assert [case for case, _ in fakes.journal[-4:]] == [NANO] * 4


@pytest.mark.parametrize(('case', 'backend', 'precision', 'is_reference'), [
    (CLASSICAL, 'opencv', 'fp32', True),
    (NANO, 'onnxruntime', 'fp32', True),
    (OPENVINO, 'openvino', 'fp32', False),
    (replace(OPENVINO, matcher='auto'), 'openvino', 'fp32', False),
    (replace(OPENVINO, matcher='classical'), 'opencv', 'fp32', True),
    (replace(NANO, stream=True), 'onnxruntime', 'fp32', False),
    (nano_case(), 'auto', 'auto', False),
    (nano_case(backend='onnxruntime', precision='fp32', device='cpu'), 'onnxruntime', 'fp32',
     True),
    (nano_case(backend='tensorrt', precision='fp16', device='cuda'), 'tensorrt', 'fp16', False),
    (BF16, 'torch', 'bf16', False),
    (replace(BF16, matcher='auto'), 'torch', 'bf16', False),
])
def test_the_form_of_a_case_and_its_reference(case, backend, precision, is_reference):
    assert (case.backend, case.precision) == (backend, precision)
    reference = case.reference()
    assert (reference == case) == is_reference
    assert (reference.precision, reference.stream) == ('fp32', False)
    assert reference.reference() == reference
    assert reference.matcher == case.matcher
    check_combination(reference.options.nano)
    check_combination(reference.options.panmatch)


def test_the_reference_of_the_panmatch_network_is_on_the_same_device():
    options = replace(BF16.options.panmatch, backend='tensorrt', device='cuda')
    reference = replace(BF16, options=MatcherOptions(panmatch=options)).reference()
    assert reference.options.panmatch == replace(options, backend='torch', precision='fp32')


def test_engines_are_waited_for():
    case = nano_case(backend='tensorrt', background_build=True)
    assert case.in_foreground().nano == replace(case.options.nano, background_build=False)
    assert NANO.in_foreground() == NANO.options


def test_difference_of_two_results():
    reference = np.zeros((2, 4, 2), np.float32)
    result = reference.copy()
    result[0, 0] = 3, 4
    result[1, 3] = np.nan
    parity = compare_results(result, reference)
    assert parity.mean_px == pytest.approx(5 / 7)
    assert parity.max_px == pytest.approx(5)
    assert parity.one_sided_percent == pytest.approx(12.5)
    disparity = compare_results(result[..., 0], reference[..., 0])
    assert disparity.max_px == pytest.approx(3)
    nothing = compare_results(result * np.nan, reference)
    assert np.isnan([nothing.mean_px, nothing.max_px]).all()
    assert nothing.one_sided_percent == 100


def test_images_are_the_same_every_time_and_have_texture_everywhere():
    for task in ('stereo', 'flow'):
        pair = benchmark_images(task, (96, 128))
        for image, again in zip(pair, benchmark_images(task, (96, 128)), strict=True):
            assert (image.shape, image.dtype) == ((96, 128, 3), np.uint8)
            np.testing.assert_array_equal(image, again)
            blocks = image.reshape(6, 16, 8, 16, 3).astype(float)
            assert np.median(blocks.std(axis=(1, 3))) > 5
        assert (pair[0] != pair[1]).mean() > 0.5
    with pytest.raises(ConfigError, match='at least 32 pixels'):
        benchmark_images('flow', (16, 64))
