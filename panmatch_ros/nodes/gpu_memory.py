"""How much memory of the GPU this process uses."""
import sys

MIB = 2 ** 20


def gpu_memory_mb() -> float:
    """
    Tell what PyTorch has taken of the memory of the GPU, in MiB.

    PyTorch is never imported for it. Not counted are what CUDA takes for itself and what TensorRT
    takes past PyTorch; only the driver knows these.

    :returns: of all devices together; 0 where PyTorch is not imported or has not used CUDA.
    """
    # Another thread may be importing torch at this moment, so everything may be missing.
    cuda = getattr(sys.modules.get('torch'), 'cuda', None)
    is_initialized = getattr(cuda, 'is_initialized', None)
    if cuda is None or is_initialized is None or not is_initialized():
        return 0.0
    return sum(cuda.memory_reserved(index) for index in range(cuda.device_count())) / MIB
