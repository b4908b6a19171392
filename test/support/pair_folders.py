"""A folder with pairs in the ways of four datasets."""
import cv2
import numpy as np

from panmatch_ros.data.formats import write_flo, write_pfm

HEIGHT, WIDTH, DISPARITY, FLOW = 96, 160, 8, (3, -2)


def write_pair_folders(root, make_stereo, make_flow):
    """Write three stereo pairs and a flow pair; give the folder."""
    truth = np.full((HEIGHT, WIDTH), DISPARITY, np.float32)
    truth[:, :20] = np.nan
    make_stereo(root / 'indoor' / 'a', ('im0.png', 'im1.png'))
    write_pfm(root / 'indoor' / 'a' / 'disp0.pfm', truth)
    make_stereo(root / 'indoor' / 'b', ('im2.ppm', 'im6.ppm'))
    cv2.imwrite(str(root / 'indoor' / 'b' / 'disp2.png'),
                np.nan_to_num(4 * truth).astype(np.uint8))
    make_stereo(root / 'c')
    np.savez(root / 'c' / 'disp.npz', np.where(np.isnan(truth), np.inf, truth))
    make_flow(root / 'd', ('img0.png', 'img1.png'))
    write_flo(root / 'd' / 'flow.flo', np.full((HEIGHT, WIDTH, 2), FLOW, np.float32))
    return root
