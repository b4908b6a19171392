# Source this file: a shell with the virtualenv, ROS 2 and the built package.
#   source tools/activate.sh
_panmatch_root="$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")/.." && pwd)"
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE
. "$_panmatch_root/.venv/bin/activate"
if [ -z "${ROS_DISTRO:-}" ] || [ -e "$_panmatch_root/.venv/share/rclpy" ]; then
  # The wheels put ROS into the virtualenv itself.
  export AMENT_PREFIX_PATH="$_panmatch_root/.venv"
  export PYTHONPATH=
fi
_panmatch_prefix="$_panmatch_root/install/panmatch_ros"
if [ -d "$_panmatch_prefix" ]; then
  for _panmatch_site in "$_panmatch_prefix"/lib/python3*/site-packages "$_panmatch_prefix"/local/lib/python3*/dist-packages; do
    [ -d "$_panmatch_site" ] && export PYTHONPATH="$_panmatch_site${PYTHONPATH:+:$PYTHONPATH}"
  done
  export AMENT_PREFIX_PATH="$_panmatch_prefix:$AMENT_PREFIX_PATH"
  export LD_LIBRARY_PATH="$_panmatch_prefix/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
# Fast DDS loses large best-effort messages between processes without this profile.
: "${FASTRTPS_DEFAULT_PROFILES_FILE:=$_panmatch_root/config/fastdds/large_messages.xml}"
: "${FASTDDS_DEFAULT_PROFILES_FILE:=$FASTRTPS_DEFAULT_PROFILES_FILE}"
export FASTRTPS_DEFAULT_PROFILES_FILE FASTDDS_DEFAULT_PROFILES_FILE
unset _panmatch_root _panmatch_prefix _panmatch_site
