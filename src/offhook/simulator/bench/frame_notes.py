"""What one caller of a load notes of the frames it sends and gets back."""

from array import array

from offhook.simulator.bench.stamps import read_stamp

__all__ = ["FrameNotes"]


class FrameNotes:
    """Grows while `measuring`: arrivals of all frames, and of stamped ones their sequence and times.

    Times are nanoseconds of CLOCK_MONOTONIC. `sequence` is the number of the next frame to be sent. Once nothing is
    sent any more, what is still on its way is noted as returned, and no longer as an arrival in its time.
    """

    def __init__(self) -> None:
        self.measuring = False
        self.draining = False
        self.sequence = 0
        self.first_measured = 0
        self.arrivals = array("Q")
        self.sequences = array("L")
        self.sent = array("Q")
        self.heard = array("Q")
        self.returned = array("Q")

    def begin(self) -> None:
        """Measure from the next frame on."""
        self.first_measured = self.sequence
        self.measuring = True

    def drain(self) -> None:
        """No more frames are sent."""
        self.draining = True

    def end(self) -> None:
        """Measure no more."""
        self.measuring = False

    def take(self, payload: bytes, now_ns: int) -> None:
        """A frame came."""
        if not self.measuring:
            return
        if not self.draining:
            self.arrivals.append(now_ns)
        stamp = read_stamp(payload)
        if stamp is not None and stamp.sequence >= self.first_measured:
            self.sequences.append(stamp.sequence)
            self.sent.append(stamp.sent_ns)
            self.heard.append(stamp.heard_ns)
            self.returned.append(now_ns)
