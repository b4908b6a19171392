"""Disturbances of the endurance benchmark; the node must recover from each."""
from collections.abc import Iterator
import time

from endurance_bench import Bench

ABSENCE_S = 3.0    # of a camera that was killed
LOOP_S = 30.0      # that a bag goes back
FLOOD_HZ = 200.0


def disturb(bench: Bench, rate_hz: float, watch_s: float) -> Iterator[dict]:
    """
    Disturb the camera in all ways, one after the other.

    :param bench: its camera has two sizes.
    :param rate_hz: of the camera otherwise.
    :param watch_s: how long each state is watched, seconds.
    :returns: for each the seconds to the first output from the first image, outputs per second,
        the largest error of the disparity, and the memory of the node afterwards.
    """
    bench.camera.kill()
    bench.go_on(ABSENCE_S)
    run = bench.camera.order()
    bench.camera.start()
    bench.wait_for(run)
    yield _watch(bench, 'camera killed and restarted', run, watch_s)
    for name, orders in (
            ('half the size', {'size': 1}),
            ('full size again', {'size': 0}),
            (f'{LOOP_S:g} s back, as a bag that loops', {'offset_s': -LOOP_S}),
            (f'{LOOP_S:g} s forward', {'offset_s': 0.0}),
            (f'flood of {FLOOD_HZ:g} Hz', {'rate_hz': FLOOD_HZ}),
            ('after the flood', {'rate_hz': rate_hz})):
        yield _watch(bench, name, bench.begin(**orders), watch_s)


def _watch(bench: Bench, name: str, run: int, seconds: float) -> dict:
    recovery_s = bench.wait_for(run).arrived_s - bench.camera.control.begun_s
    start_s, images = time.monotonic(), bench.camera.control.images
    bench.go_on(seconds)
    duration_s = time.monotonic() - start_s
    outputs = [output for output in bench.listener.outputs['disparity']
               if output.run == run and output.arrived_s > start_s]
    return {'name': name, 'recovery_s': recovery_s, 'rate_hz': len(outputs) / duration_s,
            'camera_hz': (bench.camera.control.images - images) / 2 / duration_s,
            'error_px': bench.listener.largest_error_px(run),
            'memory_mib': bench.memory[-1].resident}
