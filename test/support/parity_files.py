"""Files of reference arrays as this package itself would write them."""
import json
from pathlib import Path

import numpy as np
import torch

from panmatch_ros.checkpoints.weightfill import fill_model, input_tensor
from panmatch_ros.inference.transform import StretchTransform
from panmatch_ros.models.cost_lookup import convex_upsample, cost_window
from panmatch_ros.models.layers import position_encoding
from panmatch_ros.models.panmatch import PanMatch

SMALL = Path(__file__).parents[1] / 'data' / 'parity'


def network_of(config, salt=''):
    """Make a network as the one of a file."""
    network = PanMatch(config).eval().requires_grad_(False)
    fill_model(network, salt)
    return network


def write(path, meta, arrays):
    """Write a file; those arrays are cut that ``slices`` of the meta data names."""
    for name, entry in meta.get('slices', {}).items():
        steps = json.loads(entry.removeprefix('strides '))
        arrays = {**arrays, name: arrays[name][tuple(slice(None, None, step) for step in steps)]}
    np.savez_compressed(path, meta_json=np.array(json.dumps(meta)), **arrays)
    return path


def images(size, seed=0):
    """Two (H, W, 3) uint8 images."""
    return np.random.default_rng(seed).integers(0, 256, (2, *size, 3), np.uint8)


def whole_arrays(network, size=(112, 112), seed=0):
    """Compute a few stages of a whole run, each by a call of its own."""
    image0, image1 = images(size, seed)
    transform = StretchTransform(size, reference_quirks=True)
    tensors = [torch.from_numpy(transform.forward(image))[None] for image in (image0, image1)]
    features = [network.encode(each) for each in tensors]
    context = network.context_of(features[0])
    volume = network.correlate(features[0].fmap, features[1].fmap)
    flow = network.match(volume, context).flow
    restored = torch.nn.functional.interpolate(flow, size, mode='bilinear', align_corners=True)
    scale = [size[1] / flow.shape[3], size[0] / flow.shape[2]]
    stages = {'vit0_in': tensors[0], 'vit1_in': tensors[1], 'fmap_v0': features[0].fmap,
              'vit1_hook2': network.backbone(tensors[1])[2], 'fpn_v1_3': features[1].pyramid[0],
              'guide_v0_1': network.guide_net(tensors[0])[1], 'context': context,
              'cost_memory': network.cost_encoder(volume, context),
              'flow_last_fullres_prerestore': flow,
              'flow': restored * torch.tensor(scale)[:, None, None]}
    return {'im0': image0, 'im1': image1, **{name: x.numpy() for name, x in stages.items()}}


def module_arrays(network, split, guide=(112, 224), cells=(6, 9)):
    """Compute modules on the inputs of a split; meta data that says which."""
    def get(name, *shape):
        return torch.from_numpy(input_tensor(f'{split}/{name}', shape))

    config = network.config
    height, width = cells
    pyramid = [get(f'fpn_in{i}', 1, config.features, guide[0] >> i + 1, guide[1] >> i + 1)
               for i in range(4)]
    maps = {name: get(name, 1, config.embed_dim, height, width)
            for name in ('fmap1', 'fmap2', 'ctx', 'fmap1b', 'fmap2b', 'ctxb')}
    volume = network.correlate(0.3 * maps['fmap1'], 0.3 * maps['fmap2'])
    volume_b = network.correlate(0.3 * maps['fmap1b'], 0.3 * maps['fmap2b'])
    memory = network.cost_encoder(volume, maps['ctx'])
    flow = network.decoder(volume, memory, maps['ctx'])
    low, fine = (1, config.features, 3, 5), (1, config.features, 10, 18)
    costs = get('cm', height * width, 1, height, width)
    guess = 4 * get('flow_init', 1, 2, 8 * height, 8 * width)
    image = get('vit_112x168', 1, 3, 112, 168)
    arrays = {
        'guided_up_2': network.guided_upsampling[2](get('gu_low2', *low), get('gu_guide2', *fine)),
        'guidenet_1': network.guide_net(get('guide_img', 1, 3, *guide))[1],
        'fpn_0': network.feature_pyramid(pyramid)[3],
        'corr_proj_1': network.matching.heads[1](pyramid[1]),
        'context_embedding': network.context.adapter(pyramid),
        'linear_0': network.compression[0](get('lin_in', 1, config.vit_dim, guide[0] // 14,
                                               guide[1] // 14)),
        'cost_memory': memory, 'cost_maps': volume.reshape(-1, 1, height, width),
        'linear_pe_64': position_encoding(30 * get('pe_xy', 5, 7, 2), 64, 3.14),
        'cost_window': cost_window(costs.reshape(1, height * width, -1),
                                   6 * get('cc', 1, 2, height, width) + 8, True),
        'convex_up': convex_upsample(8 * 3 * get('cfl', 1, 2, height, width),
                                     get('cmask', 1, 576, height, width)),
        'matcher_flow_final': flow.flow,
        'matcher_flow_init_final': network.decoder(volume, memory, maps['ctx'], guess).flow,
        'matcher_b_final': network.match(volume_b, maps['ctxb']).flow,
        'vits_112x168_hook1': network.backbone(image)[1],
        'vits_112x168_pos': network.backbone.positions(8, 12)}
    notes = {'vits_112x168_hook1': f'ViT-S/14; input "{split}/vit_112x168"',
             'guided_up_2': f'resize.2(low={low} input "{split}/gu_low2", guide={fine} '
                            f'input "{split}/gu_guide2")'}
    meta = {'notes': notes, 'guide_hw': list(guide), 'matcher_hw': list(cells)}
    return meta, {name: x.numpy() for name, x in arrays.items()}
