"""Rendered scenes whose disparity and flow are known exactly."""
from .motion import FlowSequence, render_flow_sequence
from .planes import StereoScene, render_plane_pair, render_stereo_scene

__all__ = ['FlowSequence', 'StereoScene', 'render_flow_sequence', 'render_plane_pair',
           'render_stereo_scene']
