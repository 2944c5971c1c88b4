"""The screen: takes snapshots from any thread, turns keys into looks, and shows what the board draws."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import replace

from textual import events
from textual.app import App, ComposeResult
from textual.message import Message

from tui import board, steer
from tui.controls import Controls, next_speed
from tui.keys import KEYS
from tui.layout import Placement
from tui.lines import Lines
from tui.look import Look, next_axes
from tui.panels.details import advice_of
from tui.panels.diagnosis import chosen_of, matching
from tui.panels.status import at_end
from tui.snapshot import Snapshot
from tui.theme import without_colour

NOTHING = Snapshot(taken_at=0.0, label="traintop")
SEEK_SHARE = 1 / 60
"""One press of left or right moves a replay by this share of the run."""
ACTIONS = {name: (key.action, key.by) for key in KEYS for name in key.keys.split(",")}


class SnapshotTaken(Message):
    """There is a newer snapshot. Of several that wait only the last is handled."""

    def can_replace(self, message: Message) -> bool:
        """Newest wins."""
        return isinstance(message, SnapshotTaken)


class TraintopApp(App[None]):
    """Shows the newest snapshot until the user quits. Draws only when something came or a key was pressed."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { overflow: hidden; }
    Lines { position: absolute; display: none; }
    """

    def __init__(
        self,
        look: Look | None = None,
        controls: Controls | None = None,
        theme: str = "ansi-dark",
        when_shown: Callable[[], None] | None = None,
        switch_run: Callable[[int], str] | None = None,
    ) -> None:
        super().__init__()
        self.theme = theme
        self.animation_level = "none"
        self.look = look if look is not None else Look()
        if self.no_color:
            self.look = replace(self.look, colour=False, palette=without_colour(self.look.palette))
        self._controls = controls
        self._when_shown = when_shown
        self._switch_run = switch_run
        self._newest = NOTHING
        self._held: Snapshot | None = None
        self._lines: dict[str, Lines] = {}
        self._placed: tuple[Placement, ...] = ()
        self._listening = False
        self._terminal = self.size

    @property
    def snapshot(self) -> Snapshot:
        """What is shown: the newest one, or the one that the user holds."""
        return self._held if self._held is not None else self._newest

    def publish(self, snapshot: Snapshot) -> None:
        """Shows this from now on. Any thread, any time, before the start and after the end too; never blocks."""
        self._newest = snapshot
        if not self._listening:
            return
        try:
            self.post_message(SnapshotTaken())
        except RuntimeError:
            # The event loop was closed between the check and the call.
            self._listening = False

    def show_until_quit(self) -> int:
        """Runs until quit, without the mouse so that text can still be selected; gives the exit code."""
        self.run(mouse=False)
        return self.return_code or 0

    def compose(self) -> ComposeResult:
        """One widget a panel; those without a place are hidden."""
        for name in board.DRAW:
            self._lines[name] = Lines(id=name)
            yield self._lines[name]

    def on_mount(self) -> None:
        """Draws at once what there is, and listens."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            try:
                # Without this a terminated app leaves the alternate screen and a hidden cursor behind.
                loop.add_signal_handler(number, self.leave, 128 + number)
            except (NotImplementedError, RuntimeError, ValueError):
                # Only the main thread of a Unix process can be told of signals.
                break
        self._listening = True
        self.redraw()
        if self._when_shown is not None:
            # The feeder's imports and first reading would only delay the first picture.
            self.call_after_refresh(self._when_shown)

    def on_unmount(self) -> None:
        """Takes no more snapshots."""
        self._listening = False

    def on_resize(self, event: events.Resize) -> None:
        """The terminal has another size. Textual's own `size` is still the old one here."""
        self._terminal = event.size
        self.redraw()

    def on_snapshot_taken(self, message: SnapshotTaken) -> None:
        """Shows the newest snapshot, unless the user holds the screen."""
        del message
        if self._held is None:
            self.redraw()

    async def action_quit(self) -> None:
        """Textual's own way out (ctrl+q) is ours too."""
        self.leave()

    def leave(self, code: int = 0) -> None:
        """Closes the screen; the feeder is asked to stop but not waited for."""
        self._listening = False
        if self._controls is not None:
            self._controls.request_quit()
        self.exit(return_code=code)

    def redraw(self) -> None:
        """Shows the snapshot through the look; writes only what differs from the screen."""
        width, height = self._terminal
        look = replace(self.look, frozen=self._held is not None)
        drawn = board.draw(self.snapshot, width, height, look)
        placed = tuple(placement for placement, _ in drawn)
        if placed != self._placed:
            self._place(placed)
        for placement, strips in drawn:
            self._lines[placement.name].show(strips)

    def _place(self, placed: tuple[Placement, ...]) -> None:
        self._placed = placed
        wanted = {placement.name: placement for placement in placed}
        for name, widget in self._lines.items():
            place = wanted.get(name)
            widget.display = place is not None
            if place is not None:
                widget.styles.offset = (place.x, place.y)
                widget.styles.width, widget.styles.height = place.width, place.height

    def on_key(self, event: events.Key) -> None:
        """All keys are ours: textual's own bindings (tab, ctrl+c) would do something else."""
        event.prevent_default()
        event.stop()
        if self.look.typing and event.key != "ctrl+c":
            self.look = steer.typed(self.look, event.key, event.character)
            self.redraw()
            return
        action, by = ACTIONS.get(event.key, (None, 0))
        self.look = replace(self.look, said=None)
        if action is not None:
            self._do(action, by)
        self.redraw()

    def on_paste(self, event: events.Paste) -> None:
        """Pasted text goes into the filter while it is typed."""
        event.prevent_default()
        if self.look.typing:
            self.look = replace(self.look, filter=self.look.filter + event.text.split("\n")[0])
            self.redraw()

    def _do(self, action: str, by: int) -> None:
        """One action: the pure ones change the look, the others reach beyond it."""
        stage = self._stage()
        if action in steer.PURE:
            self.look = steer.PURE[action](self.look, stage, by)
            return
        getattr(self, f"_do_{action}")(stage, by)

    def _stage(self) -> steer.Stage:
        most = board.most_scroll(self.snapshot, *self._terminal, self.look)
        return steer.Stage(self.snapshot, board.focusable(self._placed), most)

    def _do_quit(self, stage: steer.Stage, by: int) -> None:
        del stage, by
        self.leave()

    def _do_copy(self, stage: steer.Stage, by: int) -> None:
        del by
        finding = chosen_of(matching(stage.snapshot.findings, self.look.filter), self.look)
        if finding is None or not finding.advice:
            self.look = replace(self.look, said="no advice to copy")
            return
        self.copy_to_clipboard(advice_of(finding, stage.snapshot.case))
        self.look = replace(self.look, said=f"copied the advice of {finding.id}")

    def _do_run(self, stage: steer.Stage, by: int) -> None:
        """Another of several runs; what was chosen in the one before says nothing of it."""
        del stage
        if self._switch_run is None:
            self.look = replace(self.look, said="one run is watched; traintop A B watches two")
            return
        self._held = None
        said = self._switch_run(by)
        page = None if self.look.page == "details" else self.look.page
        self.look = replace(steer.reset(self.look), cursor=None, selected=None, page=page, scroll=0, said=said)

    def _do_pause(self, stage: steer.Stage, by: int) -> None:
        del by
        clock = stage.snapshot.replay
        if clock is None or self._controls is None:
            self._held = self._newest if self._held is None else None
        elif clock.paused or at_end(stage.snapshot):
            self._controls.resume()
        else:
            self._controls.pause()

    def _do_speed(self, stage: steer.Stage, by: int) -> None:
        clock = stage.snapshot.replay
        if clock is not None and self._controls is not None:
            speed = next_speed(clock.speed, by)
            self._controls.set_speed(speed)
            # A second press may come before the next snapshot does.
            self._newest = replace(self._newest, replay=replace(clock, speed=speed))

    def _do_step(self, stage: steer.Stage, by: int) -> None:
        del by
        if stage.snapshot.replay is not None and self._controls is not None:
            self._controls.step_once()

    def _do_sideways(self, stage: steer.Stage, by: int) -> None:
        clock = stage.snapshot.replay
        if self.look.moving or clock is None or self._controls is None:
            self.look = steer.sideways(self.look, stage, by)
        else:
            self._controls.seek(by * clock.duration_seconds * SEEK_SHARE)

    def _do_edge(self, stage: steer.Stage, by: int) -> None:
        scrolls = self.look.page is not None or self.look.full is not None
        if scrolls or stage.snapshot.replay is None or self._controls is None:
            self.look = steer.move(self.look, stage, by * 1_000_000)
        else:
            self._controls.seek(by * float("inf"))

    def _do_axes_or_right(self, stage: steer.Stage, by: int) -> None:
        """The letter l is both vi's right and the log axes: right where something can move."""
        if self.look.moving:
            self._do_sideways(stage, by)
        else:
            self.look = next_axes(self.look)

    def _do_open(self, stage: steer.Stage, by: int) -> None:
        """In a replay enter on the details goes to the step that the finding is from."""
        del by
        finding = chosen_of(matching(stage.snapshot.findings, self.look.filter), self.look)
        at_details = self.look.page == "details" and finding is not None and finding.first_step is not None
        if at_details and stage.snapshot.replay is not None and self._controls is not None and finding is not None:
            self._controls.seek_step(finding.first_step or 0)
            return
        self.look = steer.open_chosen(self.look, stage)
