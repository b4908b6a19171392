"""Stamps that come late, and time that was set back."""
TIME_JUMP_NS = 1_000_000_000  # further back than this is a new start, not a late frame
LATE_LIMIT = 10               # so many late frames in a row are a new start too
OK, LATE, JUMP = 'ok', 'late', 'jump'


class StampGuard:
    """Tell a late frame from time that was set back (a bag that loops, a restarted camera)."""

    def __init__(self) -> None:
        self.newest_ns: int | None = None
        self.repeated = 0  # times in a row that the same stamp came again
        self._late_in_a_row = 0

    def check(self, stamp_ns: int) -> str:
        """
        Classify the next stamp: ``OK``, ``LATE`` (drop it) or ``JUMP`` (start anew with it).

        A repeated stamp is late.
        """
        newest = self.newest_ns
        self.repeated = self.repeated + 1 if stamp_ns == newest else 0
        if newest is None or stamp_ns > newest:
            self.newest_ns, self._late_in_a_row = stamp_ns, 0
            return OK
        if self.repeated:
            return LATE
        self._late_in_a_row += 1
        if newest - stamp_ns > TIME_JUMP_NS or self._late_in_a_row >= LATE_LIMIT:
            self.newest_ns, self._late_in_a_row = stamp_ns, 0
            return JUMP
        return LATE
