"""Rendered scenes whose disparity and flow are known exactly."""
from .generator import (
    SceneRecipe,
    TrainingPair,
    TrainingSequence,
    generate_pair,
    generate_sequence,
)
from .motion import FlowSequence, render_flow_sequence
from .planes import StereoScene, render_plane_pair, render_stereo_scene

__all__ = ['FlowSequence', 'SceneRecipe', 'StereoScene', 'TrainingPair', 'TrainingSequence',
           'generate_pair', 'generate_sequence', 'render_flow_sequence', 'render_plane_pair',
           'render_stereo_scene']
