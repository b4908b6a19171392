"""
Stand-ins of Torch-TensorRT with the signatures of 2.8 and 2.13, which only write down.

The signatures are those of the wheels; ``compile`` gives the program that it got.
"""
from importlib.machinery import ModuleSpec
from pathlib import Path
import types

import torch
from torch import nn

TIMINGS = b'measured'


class Engine(nn.Module):
    """What stands for an engine."""


class Compiled(nn.Module):
    """What ``compile`` gives: sub-modules by the names that Torch-TensorRT gives them."""

    def __init__(self, program, parts):
        super().__init__()
        self.program = program
        for name, module in parts.items():
            self.add_module(name, module)


class Library(types.ModuleType):
    """
    Torch-TensorRT.

    :ivar calls: what ``compile``, ``save`` and ``load`` got.
    :ivar parts: sub-modules of what is compiled.
    :ivar error: raised by the function of that name.
    """

    def __init__(self, version):
        super().__init__('torch_tensorrt')
        self.__spec__ = ModuleSpec('torch_tensorrt', None)
        self.__version__ = version
        self.calls, self.modes, self.error = {}, {}, {}
        self.parts = {'_run_on_acc_0': Engine()}
        old = version.startswith('2.8')
        self.dynamo = types.SimpleNamespace(compile=_compile_2_8(self) if old
                                            else _compile_2_13(self))
        self.save = _save_2_8(self) if old else _save_2_13(self)

    def compiled(self, program, arguments):
        self._note('compile', arguments)
        timings = Path(arguments['timing_cache_path'])
        arguments['timings_before'] = timings.read_bytes()
        timings.write_bytes(TIMINGS)
        return Compiled(program, self.parts)

    def saved(self, module, file_path, arguments):
        self._note('save', arguments)
        self._note_modes('save', file_path)
        torch.export.save(module.program, file_path,
                          pickle_protocol=arguments['pickle_protocol'])

    def load(self, file_path=''):
        self._note('load', {'file_path': file_path})
        self._note_modes('load', file_path)
        return torch.export.load(file_path)

    def _note(self, name, arguments):
        self.calls[name] = arguments
        if name in self.error:
            raise self.error[name]

    def _note_modes(self, name, file_path):
        path = Path(file_path)
        self.modes[name] = (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777)


def _compile_2_8(library):
    def compile(exported_program, inputs=None, *, arg_inputs=None, kwarg_inputs=None,
                disable_tf32=False, enabled_precisions=(torch.float32,), truncate_double=False,
                require_full_compilation=False, min_block_size=5, optimization_level=None,
                timing_cache_path='/tmp/timing_cache.bin', use_explicit_typing=False,
                use_fp32_acc=False, **kwargs):
        return library.compiled(exported_program, {**locals()})
    return compile


def _compile_2_13(library):
    def compile(exported_program, inputs=None, *, arg_inputs=None, kwarg_inputs=None,
                disable_tf32=False, truncate_double=False, require_full_compilation=False,
                min_block_size=5, optimization_level=None,
                timing_cache_path='/tmp/timing_cache.bin', use_fp32_acc=False,
                enable_autocast=False, autocast_low_precision_type=None,
                attn_bias_is_causal=True, **kwargs):
        return library.compiled(exported_program, {**locals()})
    return compile


def _save_2_8(library):
    def save(module, file_path='', *, output_format='exported_program', inputs=None,
             arg_inputs=None, kwarg_inputs=None, retrace=False, pickle_protocol=2, **kwargs):
        return library.saved(module, file_path, {**locals()})
    return save


def _save_2_13(library):
    def save(module, file_path='', *, extra_files=None, output_format='exported_program',
             inputs=None, arg_inputs=None, kwarg_inputs=None, retrace=True,
             use_legacy_exporter=None, pickle_protocol=2, dynamic_shapes=None, **kwargs):
        return library.saved(module, file_path, {**locals()})
    return save
