"""``panmatch evaluate`` on KITTI: its numbers as the benchmark counts them."""
import json

import cv2
import numpy as np
import pytest

HEIGHT, WIDTH, DISPARITY = 96, 160, 8


def test_kitti_2015(panmatch, tmp_path, make_stereo):
    root = tmp_path / 'kitti' / 'training'
    left, right = make_stereo(tmp_path / 'pair')
    truth = np.full((HEIGHT, WIDTH), 256 * DISPARITY, np.uint16)
    truth[:, :40] = 256 * 40  # a quarter of the truth is wrong, and the object is in it
    objects = np.zeros((HEIGHT, WIDTH), np.uint8)
    objects[:, 20:40] = 1
    noc = truth.copy()
    noc[:, :20] = 0
    for folder, image in (('image_2', cv2.imread(str(left))), ('image_3', cv2.imread(str(right))),
                          ('disp_occ_0', truth), ('disp_noc_0', noc), ('obj_map', objects)):
        (root / folder).mkdir(parents=True)
        cv2.imwrite(str(root / folder / '000000_10.png'), image)
    out = tmp_path / 'out'
    result = panmatch('evaluate', root.parent, '--dataset', 'kitti2015', '--task', 'stereo',
                      '--matcher', 'classical', '--out', out)
    assert result.status == 0
    lines = [line.split() for line in result.out.splitlines()]
    start = next(index for index, line in enumerate(lines) if line[:1] == ['kitti2015'])
    assert lines[start][:3] == ['kitti2015', 'stereo', 'pairs']
    line, = json.loads((out / 'results.json').read_text())['official']
    assert line['numbers']['D1-fg %'] == 100
    assert line['numbers']['D1-bg %'] == pytest.approx(100 * 20 / 140, abs=1)  # of the columns
    assert line['numbers']['D1-all %'] == pytest.approx(25, abs=1)
    assert line['numbers']['D1-bg % (noc)'] == pytest.approx(0, abs=1)
    assert f'{line["numbers"]["D1-all %"]:.2f}' in lines[start + 1]
    page = (out / 'report.html').read_text()
    assert '<h2>As the benchmarks count</h2>' in page
