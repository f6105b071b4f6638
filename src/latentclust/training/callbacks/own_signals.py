"""Keep what signals do, where Lightning would have every process stop at once."""

import lightning as L


class OwnSignals(L.Callback):
    """Leaves what signals do as it is: the first process obeys, the others ignore them.

    Lightning's own handler tells the other processes of a SIGTERM from within the handler. Where that
    interrupts another message between them, all wait forever.
    """

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Keep Lightning from putting in its handlers, which it does next and has no setting for."""
        trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]
