import pytest

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.inference.classical import ClassicalConfig, ClassicalMatcher
from panmatch_ros.inference.factory import MATCHER_NAMES, MatcherOptions, create_matcher
from panmatch_ros.inference.matcher import Matcher


@pytest.mark.parametrize('name', MATCHER_NAMES)
def test_every_name_makes_a_matcher(name):
    matcher = create_matcher(name)
    assert isinstance(matcher, Matcher)
    assert matcher.name in MATCHER_NAMES
    assert matcher.backend


def test_the_classical_matcher_gets_its_options():
    options = MatcherOptions(classical=ClassicalConfig(max_disparity=32, sgbm_mode=0))
    matcher = create_matcher('classical', options)
    assert isinstance(matcher, ClassicalMatcher)
    assert (matcher.name, matcher.backend, matcher.precision) == ('classical', 'opencv', 'fp32')
    assert matcher.config is options.classical


def test_without_options_the_defaults_are_used():
    assert create_matcher('classical').config == ClassicalConfig()


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(ConfigError, match=r"no matcher 'sgm'; choose one of .*classical"):
        create_matcher('sgm')
