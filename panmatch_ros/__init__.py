"""Dense two-frame correspondence for ROS 2: stereo, depth, point clouds and optical flow."""
