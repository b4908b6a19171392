"""Runs over bags that tests look at: the classical matcher, everything kept."""
import bags

from panmatch_ros.data.bags.bag import Bag
from panmatch_ros.data.bags.topics import choose_topics
from panmatch_ros.evaluation.recordings.bag_run import BagRun, RunOptions
from panmatch_ros.inference.classical import ClassicalMatcher

MS = 1_000_000


class Ran:
    """One run over a bag, and what it gave."""

    def __init__(self, path, task='auto', given=None, **options):
        self.rows, self.matched = [], []
        with Bag(path) as bag:
            chosen = choose_topics(bag, task, given)
            self.run = BagRun(bag, chosen, ClassicalMatcher(), RunOptions(**options),
                              lambda matched, log_ns: self.matched.append((matched, log_ns)),
                              lambda row, frame: self.rows.append(row))
            self.run.run()
            self.problems, self.notes = self.run.problems(), self.run.notes()

    @property
    def indices(self):
        return [(row.stamp_ns - bags.START_NS) // bags.PERIOD_NS for row in self.rows]

    def values(self, name):
        return [row.scores.get(name) for row in self.rows]


def depth_of_wall(index):
    return bags.depth_truth(index, 100 * 0.2 / bags.DISPARITY)
