"""``panmatch convert`` and ``panmatch info``: what they print, and errors in one line."""
import sys

from official_files import checkpoint, official_weights
import pytest

from panmatch_ros.models.presets import preset


@pytest.fixture(scope='module')
def weights():
    pytest.importorskip('torch', reason='torch is not installed')
    pytest.importorskip('safetensors', reason='safetensors is not installed')
    return official_weights(preset('panmatch_tiny'))


@pytest.fixture
def files(tmp_path, weights):
    """Paths of the checkpoint, the backbone, and the result."""
    import torch
    paths = [tmp_path / name for name in ('a.pth', 'b.pth', 'c.safetensors')]
    torch.save(checkpoint(weights[0]), paths[0])
    torch.save(weights[1], paths[1])
    return paths


def convert(panmatch, files, *options):
    checkpoint, backbone, out = files
    return panmatch('convert', '--panmatch', checkpoint, '--dinov2', backbone, '--out', out,
                    *options)


def table(text):
    """Lines of two columns, as a dictionary."""
    pairs = [line.split('  ', 1) for line in text.splitlines() if '  ' in line.strip()]
    return {name: value.strip() for name, value in pairs}


def test_convert_prints_what_it_recognised(panmatch, files):
    from panmatch_ros.checkpoints.files import sha256
    result = convert(panmatch, files)
    assert (result.status, result.err) == (0, '')
    found = table(result.out)
    assert found['network'] == 'panmatch_tiny'
    assert found['tensors'] == '561, all of the network and nothing else'
    assert found['crop size'] == '448x560 (height x width)'
    assert found['backbone'] == 'width 32, 4 blocks, 4 registers, blocks 0 1 2 3 are used'
    assert f'sha256 {sha256(files[0])}\n' in result.out
    assert f'sha256 {sha256(files[1])}\n' in result.out
    assert files[2].exists()


def test_convert_keeps_what_exists(panmatch, files):
    files[2].write_text('precious')
    result = convert(panmatch, files)
    assert result.status == 1
    assert result.err == (f'panmatch convert: error: {files[2]} exists; --overwrite replaces '
                          'it\n')
    assert convert(panmatch, files, '--overwrite').status == 0


def test_convert_says_that_files_are_swapped(panmatch, files):
    result = convert(panmatch, [files[1], files[0], files[2]])
    assert (result.status, result.out) == (1, '')
    assert result.err.count('\n') == 1
    assert '--panmatch and --dinov2 seem to be swapped' in result.err
    assert not files[2].exists()


def test_convert_takes_hooks(panmatch, files):
    result = convert(panmatch, files, '--hooks', 0, 1, 2, 3)
    assert result.status == 0
    assert 'no file tells' not in result.out
    result = convert(panmatch, files, '--overwrite', '--hooks', 0, 1, 2, 9)
    assert result.status == 1
    assert 'vit_hooks must be 4 ascending blocks from 0 to 3' in result.err


@pytest.mark.parametrize('arguments', [
    (), ('--panmatch', 'a'), ('--panmatch', 'a', '--dinov2', 'b'),
    ('--panmatch', 'a', '--dinov2', 'b', '--out', 'c', '--hooks', '1', '2')])
def test_convert_needs_all_files(panmatch, arguments):
    assert panmatch('convert', *arguments).status == 2


def test_convert_with_an_absent_file(panmatch, files, tmp_path):
    result = convert(panmatch, [files[0], tmp_path / 'absent.pth', files[2]])
    assert result.err == (f'panmatch convert: error: {tmp_path / "absent.pth"}: No such file or '
                          'directory\n')


def test_info_of_a_converted_file(panmatch, files):
    printed = convert(panmatch, files).out
    assert panmatch('info', files[2]).out == printed
    result = panmatch('info', files[2], '--verify')
    assert result.status == 0
    assert result.out.startswith(printed[:printed.index('\n')])
    assert table(result.out)['values'] == 'all finite'


def test_info_leaves_out_what_the_file_does_not_state(panmatch, tmp_path, weights):
    from tiny_network import write_tiny
    path = tmp_path / 'bare.safetensors'
    write_tiny(path)
    result = panmatch('info', path)
    assert result.status == 0
    assert 'written by' not in result.out
    assert 'licence' not in result.out
    assert all(line.split('  ', 1)[-1].strip() for line in result.out.splitlines())


def test_info_of_official_files(panmatch, files):
    for path, kind, tensors in ((files[0], 'PanMatch', '497'), (files[1], 'DINOv2', '64')):
        result = panmatch('info', path, '--verify')
        assert result.status == 0, result.err
        found = table(result.out)
        assert found['kind'] == f'{kind} weights in the official format'
        assert found['network'] == 'panmatch_tiny'
        assert found['tensors'] == f'{tensors}, all that belong there and nothing else'
        assert found['next'].startswith('panmatch convert --panmatch ')


def test_info_of_an_incomplete_official_file(panmatch, files, weights):
    import torch
    torch.save({name: x for name, x in weights[1].items() if name != 'norm.bias'}, files[1])
    result = panmatch('info', files[1])
    assert result.status == 1
    assert '1 of 64 tensors missing: norm.bias' in result.err
    torch.save(checkpoint({**weights[0], 'backbone.x': torch.zeros(1)}), files[0])
    assert '1 unexpected: backbone.x' in panmatch('info', files[0]).err


def test_info_of_an_official_file_for_an_unknown_backbone(panmatch, files, weights):
    import torch
    name = 'backbone.encoder.linear.0.0.weight'
    torch.save(checkpoint({**weights[0], name: torch.zeros(32, 99, 1, 1)}), files[0])
    assert 'a backbone of width 99, which is none of' in panmatch('info', files[0]).err


def test_info_of_other_files(panmatch, tmp_path):
    path = tmp_path / 'x.pth'
    path.write_bytes(b'version https://git-lfs.github.com/spec/v1\n')
    result = panmatch('info', path)
    assert (result.status, result.out) == (1, '')
    assert f'{path} is a Git LFS pointer' in result.err
    assert 'is a folder' in panmatch('info', tmp_path).err


def test_info_needs_a_file_or_the_catalog(panmatch):
    for arguments in ((), ('x.pth', '--catalog')):
        result = panmatch('info', *arguments)
        assert result.status == 1
        assert result.err == 'panmatch info: error: give a weight file, or --catalog\n'


def test_catalog(panmatch):
    result = panmatch('info', '--catalog')
    assert (result.status, result.err) == (0, '')
    assert 'https://github.com/zhangyj85/PanMatch' in result.out
    assert ('https://dl.fbaipublicfiles.com/dinov2/dinov2_vitg14/dinov2_vitg14_reg4_pretrain.pth'
            in result.out)
    assert 'the publisher states none' in result.out


@pytest.mark.parametrize('verb', ['convert', 'info'])
def test_without_torch(panmatch, files, monkeypatch, verb):
    monkeypatch.setitem(sys.modules, 'torch', None)
    result = (convert(panmatch, files) if verb == 'convert' else panmatch('info', files[0]))
    assert result.status == 1
    assert result.err.endswith('the Python package torch, which is not installed: `pip install '
                               'torch safetensors`\n')


def test_catalog_without_torch(panmatch, monkeypatch):
    monkeypatch.setitem(sys.modules, 'torch', None)
    assert panmatch('info', '--catalog').status == 0
