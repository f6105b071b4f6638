"""Keep what signals do, where Lightning would have every process stop at once."""

import signal
import threading

import lightning as L

from latentclust.signals import stopping_signals


class OwnSignals(L.Callback):
    """Puts back what signals do when the training starts: the first process obeys, the others ignore them.

    Lightning's own handler tells the other processes of a SIGTERM from within the handler. Where that
    interrupts another message between them, all wait forever.
    """

    def __init__(self) -> None:
        self.handlers = {number: signal.getsignal(number) for number in stopping_signals()}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Put it back; Lightning has just put in its own."""
        if threading.current_thread() is threading.main_thread():
            for number, handler in self.handlers.items():
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)
