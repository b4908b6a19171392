"""Reading the two official files: what is taken, and what every kind of wrong file is told."""
from collections import OrderedDict
import os
import pickle
import zipfile

import numpy as np
from official_files import CROP_SIZE, checkpoint
import pytest

from panmatch_ros.checkpoints.files import is_safetensors, sha256
from panmatch_ros.checkpoints.official import DINOV2, PANMATCH, read_official
from panmatch_ros.core.errors import FormatError

torch = pytest.importorskip('torch', reason='torch is not installed')


class Evil:
    """Pickled, it asks to run a command."""

    def __reduce__(self):
        return os.system, ('touch evil_was_here',)


def refused(path, text):
    with pytest.raises(FormatError, match=text) as caught:
        read_official(path)
    assert str(path) in str(caught.value)
    # One reason, not one inside another.
    assert 'cut off' in text or 'cut off' not in str(caught.value)


def equal(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in right)


def test_panmatch_file(pair, weights):
    file = read_official(pair.panmatch)
    assert file.kind == PANMATCH
    assert file.crop_size == tuple(CROP_SIZE)
    assert file.notes == ()
    assert equal(file.tensors, weights.panmatch)


def test_dinov2_file(pair, weights):
    file = read_official(pair.dinov2)
    assert (file.kind, file.crop_size, file.notes) == (DINOV2, None, ())
    assert equal(file.tensors, weights.dinov2)


@pytest.mark.parametrize('prefix', ['', 'module.'])
@pytest.mark.parametrize('bare', [False, True])
@pytest.mark.parametrize('new_format', [False, True])
def test_forms_of_the_checkpoint(save, weights, prefix, bare, new_format):
    content = checkpoint(weights.panmatch, prefix)
    content = OrderedDict(content['model_state']) if bare else content
    path = save('x.pth', content, _use_new_zipfile_serialization=new_format)
    file = read_official(path)
    assert file.kind == PANMATCH
    assert equal(file.tensors, weights.panmatch)
    assert file.crop_size == (None if bare else tuple(CROP_SIZE))


@pytest.mark.parametrize(('config', 'expected'), [
    ({'data': {'crop_size': (384, 512)}}, (384, 512)),
    (OrderedDict(data=OrderedDict(crop_size=[np.int64(384), 512])), (384, 512)),
    ({}, None), ({'data': {}}, None), ({'data': []}, None), (None, None),
    *(({'data': {'crop_size': size}}, None) for size in
      (384, [384], [384, 512, 3], ['384', '512'], [0, 512], [-1, 2], [True, True], [4.5, 3.0],
       [1 << 40, 4])),
])
def test_crop_size(save, weights, config, expected):
    path = save('x.pth', checkpoint(weights.panmatch, training_config=config))
    file = read_official(path)
    assert file.crop_size == expected
    assert file.notes == (() if expected else ('x.pth: records no crop size',))


def test_other_entries_of_training_are_no_obstacle(save, weights):
    extra = {'epoch': 3, 'metrics': {'epe': np.float32(1.5), 'all': np.zeros(3), 'n': None},
             'optimizer_state': {'state': {0: {'step': torch.tensor(3.0)}}}}
    assert read_official(save('x.pth', checkpoint(weights.panmatch, **extra))).kind == PANMATCH


# Files that are something else.

@pytest.mark.parametrize(('content', 'text'), [
    (b'', 'is empty; download it again'),
    (b'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n',
     'is a Git LFS pointer.*git lfs pull'),
    (b'<!DOCTYPE html><html><head>', 'is a web page'),
    (b'\n  <html lang="en">', 'is a web page'),
    (b'<?xml version="1.0"?><Error>', 'is a web page'),
    (b'\x00' * 100, 'is not a PyTorch file'),
    (b'P', 'is not a PyTorch file'),
    (b'PK\x03\x04', 'is cut off or damaged'),
    (b'\x80', 'is cut off or damaged'),
    (b'\x80\x02}', 'is cut off or damaged'),
    (pickle.dumps({'a': 1}, 4), 'is refused: it is a plain Python pickle'),
    (pickle.dumps({'a': 1}, 2), 'cut off or damaged'),
])
def test_files_that_are_something_else(tmp_path, content, text):
    path = tmp_path / 'x.pth'
    path.write_bytes(content)
    refused(path, text)


def test_folder_and_absent_file(tmp_path):
    refused(tmp_path, 'is a folder')
    with pytest.raises(FileNotFoundError):
        read_official(tmp_path / 'absent.pth')


def test_safetensors_given_as_pth(tmp_path):
    from safetensors.torch import save_file
    path = tmp_path / 'x.pth'
    save_file({'a': torch.zeros(3)}, path)
    assert is_safetensors(path)
    refused(path, 'is a safetensors file.*panmatch info')


def test_other_archives(tmp_path):
    path = tmp_path / 'x.pth'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('readme.txt', 'hello')
    refused(path, 'is a zip archive, and not one of torch.save')
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('x/data.pkl', b'')
        archive.writestr('x/constants.pkl', b'')
    refused(path, 'is a TorchScript program')


def test_compressed_again(pair, tmp_path):
    """Mapped into memory, compressed tensors would be read as noise."""
    path = tmp_path / 'again.pth'
    with zipfile.ZipFile(pair.dinov2) as old, \
            zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    refused(path, 'was compressed again')


@pytest.mark.parametrize('share', [0.1, 0.5, 0.99])
@pytest.mark.parametrize('new_format', [False, True])
def test_truncated(save, weights, share, new_format):
    path = save('x.pth', weights.dinov2, _use_new_zipfile_serialization=new_format)
    content = path.read_bytes()
    path.write_bytes(content[:int(share * len(content))])
    refused(path, 'is cut off or damaged.*download it again')


def test_a_changed_byte_is_found(pair, weights):
    content = bytearray(pair.dinov2.read_bytes())
    position = content.index(weights.dinov2['blocks.0.norm1.weight'].numpy().tobytes())
    content[position] ^= 1
    pair.dinov2.write_bytes(content)
    refused(pair.dinov2, 'is damaged: the check sum of .* is wrong')


# Code.

@pytest.mark.parametrize('new_format', [False, True])
def test_code_is_refused_and_does_not_run(save, weights, tmp_path, monkeypatch, new_format):
    monkeypatch.chdir(tmp_path)
    path = save('x.pth', checkpoint(weights.panmatch, extra=Evil()),
                _use_new_zipfile_serialization=new_format)
    refused(path, 'is refused: it asks for .*system.* would run code')
    assert not (tmp_path / 'evil_was_here').exists()


def test_whole_modules_are_refused(save):
    refused(save('x.pth', torch.nn.Linear(2, 2)),
            r'is refused: it asks for torch\.nn\.modules\.linear\.Linear')


def test_plain_pickles_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for protocol in range(6):
        path = tmp_path / f'{protocol}.pth'
        path.write_bytes(pickle.dumps({'a': Evil()}, protocol))
        with pytest.raises(FormatError):
            read_official(path)
    assert not (tmp_path / 'evil_was_here').exists()


# Content that is not what it should be.

@pytest.mark.parametrize(('content', 'text'), [
    ([1, 2], 'holds an object of type list'),
    ({}, 'is neither the PanMatch checkpoint nor DINOv2 weights; it holds nothing'),
    ({'a': torch.zeros(2)}, 'is neither .* it holds a; `panmatch info --catalog`'),
    ({'model_state': 3}, 'holds no dictionary of tensors'),
    ({3: torch.zeros(2)}, 'holds no dictionary of tensors'),
])
def test_other_content(save, content, text):
    refused(save('x.pth', content), text)


def test_mixed_prefixes(save, weights):
    content = {**weights.panmatch, 'module.x': torch.zeros(1)}
    refused(save('x.pth', content), 'has 1 names with "module." and [0-9]+ without')


@pytest.mark.parametrize(('value', 'text'), [
    (3, 'mask_token is an object of type int'),
    (torch.eye(3).to_sparse(), 'mask_token is sparse'),
    (torch.zeros(3, device='meta'), 'mask_token is sparse, quantised or without data'),
    (torch.zeros(3, dtype=torch.complex64), 'mask_token holds complex numbers'),
])
def test_other_kinds_of_tensors(save, weights, value, text):
    refused(save('x.pth', {**weights.dinov2, 'mask_token': value}), text)


def test_sha256(tmp_path):
    path = tmp_path / 'x'
    path.write_bytes(b'abc')
    assert sha256(path) == 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
