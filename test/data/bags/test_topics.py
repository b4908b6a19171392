"""Topics are chosen by type, name and camera_info; what is guessed is said."""
import dataclasses

import numpy as np
import pytest

pytest.importorskip('rosbags', reason='rosbags is not installed: pip install rosbags')
import bags

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.data.bags.bag import Bag
from panmatch_ros.data.bags.topics import choose_topics
from panmatch_ros.data.bags.types import make
from panmatch_ros.data.bags.writer import camera_info_message, header, image_message


def renamed(messages, names):
    """Give messages other topics, by what their names hold."""
    for topic, message in messages:
        name = topic
        for old, new in names.items():
            name = name.replace(old, new)
        yield name, message


@pytest.fixture
def choose(tmp_path):
    """Write a bag and choose its topics."""
    def run(messages, task='auto', given=None, rectify=None):
        with Bag(bags.write_bag(tmp_path / 'bag', messages)) as bag:
            return choose_topics(bag, task, given, rectify)
    return run


def images_of(chosen):
    return [camera.image for camera in chosen.cameras]


def one_camera(image='/camera/image_raw', info='', stamp=bags.START_NS, encoding=''):
    pixels = bags.pair()[0]
    top = header(stamp, 'camera')
    messages = [(image, image_message(top, pixels, encoding))]
    return messages + ([(info, camera_info_message(top, bags.RIG.left))] if info else [])


def test_stereo_pair_by_names_with_its_calibration(choose):
    chosen = choose(bags.pair_messages(0))
    assert (chosen.task, images_of(chosen)) == ('stereo', [bags.LEFT, bags.RIGHT])
    assert [camera.info for camera in chosen.cameras] == [bags.LEFT_INFO, bags.RIGHT_INFO]
    assert chosen.cameras[1].camera.tx == pytest.approx(-20.0)
    assert not chosen.rectify
    assert chosen.problems == []
    assert chosen.notes == [
        'stereo pair /left/image_rect, /right/image_rect, guessed by their names (override: '
        '--left, --right; one camera: --image)',
        'the images are taken to be rectified, by name and camera_info (override: --rectify)']


@pytest.mark.parametrize(('left', 'right'), [
    ('/cam/infra1/image_rect_raw', '/cam/infra2/image_rect_raw'),
    ('/cam0/image_raw', '/cam1/image_raw')])
def test_other_names_of_pairs(choose, left, right):
    names = {bags.LEFT: left, bags.RIGHT: right,
             '/left/': left.rpartition('/')[0] + '/', '/right/': right.rpartition('/')[0] + '/'}
    chosen = choose(list(renamed(bags.pair_messages(0), names)))
    assert images_of(chosen) == [left, right]


def test_pair_by_the_baseline_of_cameras_with_any_names(choose):
    names = {'/right/': '/a/', '/left/': '/b/'}  # by name the wrong one would come first
    chosen = choose(list(renamed(bags.pair_messages(0), names)))
    assert images_of(chosen) == ['/b/image_rect', '/a/image_rect']
    assert 'by the baseline in P' in chosen.notes[0]


def test_rectified_and_uncompressed_images_are_preferred(choose):
    messages = bags.pair_messages(0)
    messages += renamed(bags.pair_messages(0)[2:], {'image_rect': 'image_raw'})
    compressed = make('sensor_msgs/msg/CompressedImage', header=header(bags.START_NS, 'camera'),
                      format='jpeg', data=np.zeros(4, np.uint8))
    messages += [(f'{topic}/compressed', compressed) for topic in (bags.LEFT, bags.RIGHT)]
    assert images_of(choose(messages)) == [bags.LEFT, bags.RIGHT]


def test_rectified_images_are_told_by_a_part_of_their_name(choose):
    """As the ZED wrapper 5 names them: /zed/zed_node/left/color/rect/image."""
    rect = {'/left/': '/zed/left/color/rect/', '/right/': '/zed/right/color/rect/',
            'image_rect': 'image'}
    raw = {old: new.replace('rect', 'raw') for old, new in rect.items()}
    messages = [*renamed(bags.pair_messages(0), raw), *renamed(bags.pair_messages(0), rect)]
    for _, message in messages[:2]:
        message.d[0] = 0.1
    chosen = choose(messages)
    assert images_of(chosen) == ['/zed/left/color/rect/image', '/zed/right/color/rect/image']
    assert not chosen.rectify


def test_a_namespace_that_sounds_so_does_not_make_raw_images_rectified(choose):
    names = {'/left/image_rect': '/rect/left/image_raw', '/right/image_rect':
             '/rect/right/image_raw', '/left/c': '/rect/left/c', '/right/c': '/rect/right/c'}
    messages = list(renamed(bags.pair_messages(0), names))
    for _, message in messages[:2]:
        message.d[0] = 0.1
    assert choose(messages).rectify is True


def test_raw_images_without_camera_info_are_not_called_rectified(choose):
    names = {'/left/image_rect': '/cam0/image_raw', '/right/image_rect': '/cam1/image_raw'}
    chosen = choose(list(renamed(bags.pair_messages(0)[2:], names)))
    assert chosen.notes[1] == (
        'the images are called raw, and without camera_info they cannot be rectified: what is '
        'matched is only right if they are rectified')
    assert len(chosen.problems) == 2


def test_compressed_images_find_their_calibration(choose):
    compressed = make('sensor_msgs/msg/CompressedImage', header=header(bags.START_NS, 'camera'),
                      format='jpeg', data=np.zeros(4, np.uint8))
    messages = bags.pair_messages(0)[:2]
    messages += [(f'{topic}/compressed', compressed) for topic in (bags.LEFT, bags.RIGHT)]
    chosen = choose(messages)
    assert [camera.info for camera in chosen.cameras] == [bags.LEFT_INFO, bags.RIGHT_INFO]


@pytest.mark.parametrize(('name', 'distortion', 'rectify'), [
    ('image_raw', 0.1, True), ('image_raw', 0.0, False), ('image_rect', 0.1, False),
    ('image_rect_raw', 0.1, False)])
def test_raw_images_with_distortion_are_rectified(choose, name, distortion, rectify):
    messages = list(renamed(bags.pair_messages(0), {'image_rect': name}))
    for _, message in messages[:2]:
        message.d[0] = distortion
    chosen = choose(messages)
    assert chosen.rectify is rectify
    assert any('raw, so they are rectified here' in note for note in chosen.notes) is rectify


def test_rectify_can_be_said(choose):
    assert choose(bags.pair_messages(0), rectify=True).rectify is True


def test_missing_camera_info_is_a_problem_with_the_way_out(choose):
    messages = [each for each in bags.pair_messages(0) if each[0] != bags.RIGHT_INFO]
    chosen = choose(messages)
    assert chosen.task == 'stereo'
    assert chosen.problems == [
        'no camera_info for /right/image_rect: there is no /right/camera_info; without it there '
        'is no depth (--right-info TOPIC or --calib FILE gives it)']


def test_camera_info_can_be_named(choose):
    messages = list(renamed(bags.pair_messages(0), {bags.RIGHT_INFO: '/calibration/right'}))
    chosen = choose(messages, given={'right_info': 'calibration/right'})
    assert chosen.cameras[1].info == '/calibration/right'
    assert chosen.problems == []


def test_cameras_that_seem_swapped_are_said(choose):
    messages = bags.pair_messages(0)
    messages[0], messages[1] = ((messages[0][0], messages[1][1]), (messages[1][0], messages[0][1]))
    assert any('Are the two swapped? (--left, --right)' in note
               for note in choose(messages).notes)


def test_one_camera_is_for_flow_and_depth_images_are_no_camera(choose):
    depth = bags.depth_truth(0, 2.0, '/a/depth/image_raw')
    chosen = choose([depth, bags.depth_truth(0, 2000, '/a/depth/raw', np.uint16), *one_camera()])
    assert (chosen.task, images_of(chosen)) == ('flow', ['/camera/image_raw'])
    assert 'guessed (override: --image' in chosen.notes[0]


def test_one_of_a_pair_can_be_chosen_for_flow(choose):
    chosen = choose(bags.pair_messages(0), given={'image': bags.RIGHT})
    assert (chosen.task, images_of(chosen)) == ('flow', [bags.RIGHT])


def test_perception_takes_a_pair(choose):
    assert choose(bags.pair_messages(0), 'perception').task == 'perception'


def test_truth_is_guessed_by_name_and_type(choose):
    messages = [*bags.pair_messages(0), bags.disparity_truth(0), bags.depth_truth(0, 2.5),
                bags.depth_truth(0, 2.5, '/other/depth'),
                bags.cloud(np.ones((3, 3)), bags.START_NS)]
    chosen = choose(messages)
    assert chosen.truths == {'depth': '/gt/depth', 'disparity': '/gt/disparity',
                             'lidar': '/lidar/points'}
    assert sum('truth' in note and 'override: --' in note for note in chosen.notes) == 3


@pytest.mark.parametrize('topic', [
    '/kitti/velo/pointcloud', '/velodyne_points', '/os_cloud_node/points',
    '/os1_cloud_node/points', '/livox/lidar', '/pandar'])
def test_names_of_lidars(choose, topic):
    messages = [*bags.pair_messages(0), bags.cloud(np.ones((3, 3)), bags.START_NS, topic=topic)]
    assert choose(messages).truths == {'lidar': topic}


@pytest.mark.parametrize('topic', ['/stereo/points2', '/camera/depth/points'])
def test_points_of_cameras_are_no_lidar(choose, topic):
    messages = [*bags.pair_messages(0), bags.cloud(np.ones((3, 3)), bags.START_NS, topic=topic)]
    assert choose(messages).truths == {}


def test_pictures_of_truth_are_no_truth(choose):
    picture = image_message(header(bags.START_NS, 'camera'), bags.pair()[0])
    messages = [*bags.pair_messages(0), ('/gt/depth/color', picture),
                ('/gt/disparity/color', picture), bags.depth_truth(0, 2.5)]
    assert choose(messages).truths == {'depth': '/gt/depth'}


def test_flow_truth_is_told_by_its_encoding(choose):
    top = header(bags.START_NS, 'camera')
    flow = np.zeros((*bags.SIZE, 2), np.float32)
    assert choose([*one_camera(), ('/gt/flow', image_message(top, flow))]).truths == {
        'flow': '/gt/flow'}


def test_truth_can_be_named_or_refused(choose):
    messages = [*bags.pair_messages(0), bags.disparity_truth(0),
                bags.depth_truth(0, 2.5, '/other/depth')]
    chosen = choose(messages, given={'gt_depth': '/other/depth', 'gt_disparity': 'none',
                                     'gt_flow': 'none'})
    assert chosen.truths == {'depth': '/other/depth'}


@pytest.mark.parametrize(('given', 'task', 'text'), [
    ({'left': '/nothing', 'right': bags.RIGHT}, 'auto',
     r'--left /nothing: the bag has no such topic; those of a type that fits are '
     r'/left/image_rect, /right/image_rect'),
    ({'left': bags.LEFT_INFO, 'right': bags.RIGHT}, 'auto',
     '--left /left/camera_info is of type sensor_msgs/msg/CameraInfo; expected sensor_msgs'),
    ({'left': bags.LEFT}, 'auto', '--left and --right go together'),
    ({'gt_flow': bags.LEFT}, 'stereo', '--gt-flow is not for the task stereo'),
])
def test_wrong_options(choose, given, task, text):
    with pytest.raises(ConfigError, match=text):
        choose(bags.pair_messages(0), task, given)


def test_no_pair_for_stereo(choose):
    with pytest.raises(ConfigError, match=r'no stereo pair is found among the images '
                       r'\(/camera/image_raw\); name it with --left and --right'):
        choose(one_camera(), 'stereo')


def test_no_image_at_all(choose):
    with pytest.raises(ConfigError, match=r'no topic with camera images is found; the bag holds '
                       r'/gt/depth \(sensor_msgs/msg/Image\)'):
        choose([bags.depth_truth(0, 2.0)])


def test_cameras_of_two_rigs_do_not_pair(choose):
    """The projection matrices of an unrectified pair make no rig."""
    messages = list(renamed(bags.pair_messages(0), {'/right/': '/a/', '/left/': '/b/'}))
    other = dataclasses.replace(bags.RIG.right, fx=150.0, fy=150.0)
    messages[1] = (messages[1][0], camera_info_message(header(bags.START_NS, 'a'), other))
    assert choose(messages).task == 'flow'
