import time

from django.core.management.base import OutputWrapper


class ProgressLine:
    """Shows progress after two seconds: one line that is redrawn on a terminal, four lines elsewhere."""

    def __init__(self, out: OutputWrapper, what: str) -> None:
        self.out, self.what, self.started_at, self.shown = out, what, time.monotonic(), 0
        self.is_drawn = False

    def __call__(self, done: int, total: int) -> None:
        percent = 100 * done // max(total, 1)
        seconds = time.monotonic() - self.started_at
        if percent == self.shown or seconds < 2:
            return
        line = f"{self.what}: {percent:3} %   {done:,} of {total:,}   {seconds:.0f} s"
        if self.out.isatty():
            self.out.write(f"\r{line}", ending="")
            self.out.flush()
            self.is_drawn = True
        elif percent // 25 > self.shown // 25:
            self.out.write(line)
        self.shown = percent

    def end(self) -> None:
        if self.is_drawn:
            self.out.write("")
