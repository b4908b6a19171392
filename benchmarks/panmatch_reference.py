"""
What the reference code of PanMatch costs (github.com/zhangyj85/PanMatch, as of 25d46ed).

GFLOP were counted with torch.utils.flop_counter. CPU-seconds of all threads were measured once
for each stage at 480x640, in fp32, without warm-up, while the machine had other work; totals are
sums of them. Stages have the names of ``panmatch_stages``.
"""
REFERENCE = ('GFLOP counted; CPU-s only at 480x640 and from another machine (2 cores of an AMD '
             'EPYC with other load, torch 2.13, fp32); its totals are sums of stages')

SMALL, LARGE = (480, 640), (720, 1280)
SIZES = (SMALL, LARGE)
# At SMALL and LARGE. Rows of a view are those of one image.
BACKBONE_GFLOP: dict[str, dict[str, tuple[float | None, float | None]]] = {
    'ViT': {'s': (150.9, 764.6), 'b': (465.3, None), 'l': (1529.3, None), 'g': (5274.1, 19313.3)},
    'compression': {'s': (1.5, 4.2), 'b': (3.0, None), 'l': (4.0, None), 'g': (6.0, 16.9)},
}
GFLOP = {
    'guide net': (312.8, 875.9),
    'guided upsampling': (35.9, 100.6),
    'feature pyramid': (577.9, 1618.2),
    'matching heads + adapter': (281.6 + 4.3, 788.3 + 12.1),
    'context': (281.6 + 4.3, 788.3 + 12.1),
    'correlation': (17.7, 138.8),
    'cost encoder': (296.3 - 17.7, 1467.3 - 138.8),
    'decoder': (627.4, 2336.6),
}
VIT_CPU_S = {'s': 3.1, 'g': 61.1}
CPU_S = {
    'guide net': 6.9,
    'guided upsampling': 9.2 + 1.0 + 0.4 + 0.3,
    'feature pyramid': 6.4,
    'matching heads + adapter': 3.8 + 0.2,
    'context': 3.8 + 0.2,
    'cost encoder': 14.8,  # with the correlation
    'decoder': 12 * 0.93 + 0.3,
}
# At SMALL: GB that the process had reached, and where; later stages were not recorded.
PEAKS = {'s': (4.4, 'the guided upsampling'), 'g': (5.3, 'the ViT')}
VIEW = ('ViT', 'compression', 'guide net', 'guided upsampling', 'feature pyramid',
        'matching heads + adapter')
# How many pairs the reference computes: it keeps nothing of a frame or of the other direction.
PAIRS = {'one pair': 1, 'pair, both directions': 2, 'further frame': 1,
         'further frame, both directions': 2}


def reference_gflop(backbone: str, size: tuple[int, int], name: str) -> float | None:
    """GFLOP of a stage or a total of the reference; None if not known."""
    if size not in SIZES:
        return None
    column = SIZES.index(size)
    if name in PAIRS:
        parts = {stage: reference_gflop(backbone, size, stage)
                 for stage in (*BACKBONE_GFLOP, *GFLOP)}
        return add_up(parts, PAIRS[name])
    if name in BACKBONE_GFLOP:
        return BACKBONE_GFLOP[name].get(backbone, (None, None))[column]
    return GFLOP[name][column] if backbone in BACKBONE_GFLOP['ViT'] else None


def reference_cpu_s(backbone: str, size: tuple[int, int],
                    name: str) -> tuple[float | None, tuple[str, ...]]:
    """CPU-seconds, None if not known, and the stages of ours that they are to be compared with."""
    joined = ('correlation', name) if name == 'cost encoder' else (name,)
    if size != SMALL or backbone not in VIT_CPU_S:
        return None, joined
    stages = {'ViT': VIT_CPU_S[backbone], **CPU_S}
    if name in PAIRS:
        return add_up(dict(stages), PAIRS[name]), joined
    return stages.get(name), joined


def add_up(stages: dict[str, float | None], pairs: int) -> float | None:
    """Sum of the stages of so many pairs; None if one is not known."""
    known = [(2 if name in VIEW else 1) * value for name, value in stages.items()
             if value is not None]
    return pairs * sum(known) if len(known) == len(stages) else None
