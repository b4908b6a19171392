"""
Build the message of TF for the ROS wheels, which come without tf2_msgs.

The definition is that of ROS 2, so that TF of a ROS installation is understood. It goes into the
virtualenv, where a wheel of tf2_msgs would go. `tools/bootstrap.py` calls this.
"""
from collections.abc import Callable
from pathlib import Path

FILES = {
    'msg/TFMessage.msg': 'geometry_msgs/TransformStamped[] transforms\n',
    'package.xml': """\
<?xml version="1.0"?>
<package format="3">
  <name>tf2_msgs</name>
  <version>0.36.0</version>
  <description>TFMessage alone, for an environment of wheels.</description>
  <maintainer email="maintainers@panmatch-ros.example">panmatch_ros maintainers</maintainer>
  <license>Apache-2.0</license>
  <buildtool_depend>ament_cmake</buildtool_depend>
  <buildtool_depend>rosidl_default_generators</buildtool_depend>
  <depend>geometry_msgs</depend>
  <exec_depend>rosidl_default_runtime</exec_depend>
  <member_of_group>rosidl_interface_packages</member_of_group>
  <export><build_type>ament_cmake</build_type></export>
</package>
""",
    'CMakeLists.txt': """\
cmake_minimum_required(VERSION 3.16)
project(tf2_msgs)
find_package(ament_cmake REQUIRED)
find_package(geometry_msgs REQUIRED)
find_package(rosidl_default_generators REQUIRED)
rosidl_generate_interfaces(${PROJECT_NAME} "msg/TFMessage.msg" DEPENDENCIES geometry_msgs)
ament_package()
""",
}


def build_tf_messages(folder: Path, prefix: Path, run: Callable[[list[str]], None]) -> None:
    """
    Build and install tf2_msgs.

    :param folder: to work in.
    :param prefix: of the virtualenv.
    :param run: runs a command, in the environment of a build.
    """
    source = folder / 'source'
    for name, text in FILES.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    cmake = str(prefix / 'bin' / 'cmake')
    run([cmake, '-S', str(source), '-B', str(folder / 'build'), '-DBUILD_TESTING=OFF',
         f'-DCMAKE_INSTALL_PREFIX={prefix}', f'-DPython3_EXECUTABLE={prefix / "bin" / "python"}'])
    run([cmake, '--build', str(folder / 'build'), '--target', 'install'])
