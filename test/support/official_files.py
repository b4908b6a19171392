"""Files like the official ones, of the tiny network, with weights that depend on names only."""
CROP_SIZE = [448, 560]


def official_weights(config):
    """Tensors of the PanMatch file (no prefix) and of the DINOv2 file."""
    import torch

    from panmatch_ros.checkpoints.manifest import official_tensors
    from panmatch_ros.checkpoints.weightfill import fill_array
    panmatch, dinov2 = official_tensors(config)
    return ({name: torch.from_numpy(fill_array(name, spec.shape))
             for name, spec in panmatch.items()},
            {name: torch.from_numpy(fill_array(f'dinov2.{name}', spec.shape))
             for name, spec in dinov2.items()})


def checkpoint(panmatch, prefix='module.', **entries):
    """Wrap the tensors of the PanMatch file as the official checkpoint does."""
    return {'model_state': {prefix + name: tensor for name, tensor in panmatch.items()},
            'training_config': {'data': {'crop_size': CROP_SIZE}}, **entries}
