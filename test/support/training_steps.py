"""A process of a training, where a spawned one can import it."""
from datetime import timedelta

import torch

from panmatch_ros.training.loop import Trainer


def two_steps(rank, address, folder, config):
    """Make two steps as one of two processes, and leave the weights in a file."""
    torch.distributed.init_process_group('gloo', init_method=address, rank=rank, world_size=2,
                                         timeout=timedelta(seconds=60))
    trainer = Trainer(config, folder, rank)
    for _ in range(2):
        trainer.step(0.1)
    torch.save({'first': torch.from_numpy(trainer._pool[1]._pairs[0].image0.copy()),
                **trainer.state.model.state_dict()}, folder / f'{rank}.pt')
    torch.distributed.destroy_process_group()
