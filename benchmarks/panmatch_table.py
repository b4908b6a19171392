"""The table that ``panmatch_stages`` prints."""
from typing import Any

from panmatch_reference import PEAKS, REFERENCE, SMALL, VIEW, reference_cpu_s, reference_gflop


def print_header(facts: dict[str, Any]) -> None:
    form = 'folded' if facts['fold'] else 'not folded'
    print(f'panmatch_{facts["backbone"]}, {form}, {facts["precision"]}; threads: '
          f'{facts["threads"]}, on {facts["cores"]} cores of {facts["cpu"]}; '
          f'torch {facts["torch"]}; median of {facts["repeat"]}')
    print(f"load average at the start: {facts['load_average']:.2f} (other load inflates CPU-s: "
          'threads that wait spin; one thread does not)')
    print(f'reference: {REFERENCE}')
    print('gain: reference / this; x2: of one image, twice in a pair; CPU-s of the reference at '
          'the cost encoder and its gain are with the correlation\n')


def print_table(backbone: str, numbers: dict[str, Any]) -> None:
    """Print what was measured at one size."""
    size = tuple(numbers['size'])
    height, width = numbers['network_size']
    print(f'{size[0]}x{size[1]} (in the network {height}x{width})')
    print(f'{"":32}{"GFLOP":>9}{"ref.":>10}{"gain":>6}{"CPU-s":>9}{"ref.":>8}{"gain":>6}'
          f'{"wall s":>9}{"peak GB":>9}')
    stages, totals = numbers['stages'], numbers['totals']
    for name, row in (stages | totals).items():
        gflop = reference_gflop(backbone, size, name)
        reference_s, joined = reference_cpu_s(backbone, size, name)
        ours_s = sum((stages | totals)[each]['cpu_s'] for each in joined)
        if name == next(iter(totals)):
            print()
        times = 'x2 ' if name in VIEW else ''
        print(f'{times + name:32}{row["gflop"]:9,.1f}{cell(gflop, 10, 1)}'
              f'{cell(gflop and gflop / row["gflop"], 6, 2)}{row["cpu_s"]:9.2f}'
              f'{cell(reference_s, 8, 1)}{cell(reference_s and reference_s / ours_s, 6, 1)}'
              f'{row["wall_s"]:9.2f}{row["peak_gb"]:9.2f}')
    share = numbers['frame_share']
    print(f'a further frame of a sequence costs {share["cpu_s"]:.0%} of the CPU-s and '
          f'{share["gflop"]:.0%} of the GFLOP of a pair (reference 100%)')
    print(f'of the memory {numbers["weights_gb"]:.2f} GB are weights, '
          f'{numbers["process_without_weights_gb"]:.2f} GB Python and its libraries')
    if size == SMALL and backbone in PEAKS:
        print('the reference had reached {:.1f} GB after {} of one image'.format(*PEAKS[backbone]))
    if not numbers['peaks_apart']:
        print('this kernel cannot reset peaks: the one of a row is that of all work before it')
    print()


def cell(value: float | None, width: int, digits: int) -> str:
    return f'{"-":>{width}}' if value is None else f'{value:{width},.{digits}f}'
