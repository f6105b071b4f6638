"""Draw a trained model again, with other settings perhaps."""

from latentclust.gallery.show import show, write_report
from latentclust.hardware import choose_accelerator
from latentclust.runs.checkpoints import read_checkpoint
from latentclust.runs.run import Run
from latentclust.runs.summary import Summary, conclude
from latentclust.settings import Settings
from latentclust.tasks.evaluate import assign, load_trained, require_trained, scored
from latentclust.training.measuring import health_of


def redraw(settings: Settings, run: Run) -> None:
    """Measure the model of ``ckpt_path``, and write ``figures/*.png`` and ``report.html``."""
    with run.timed("data"):
        data, model, settings = load_trained(settings, run)
    with run.timed("evaluate"):
        results = scored(settings, data, model)
        looked = assign(settings, run, data, model)
    checkpoint = read_checkpoint(require_trained(settings.task.name, run))
    history = checkpoint["callbacks"].get("History", {}).get("metrics", {})
    name = type(model).__name__
    title = f"{name} on {settings.data.name}"
    with run.timed("show"):
        show(
            settings.figures,
            run.folder,
            data,
            model,
            results[-1],
            history,
            title=title,
            seed=settings.seed,
            looked=looked,
        )
    summary = Summary.of(
        run,
        name,
        results,
        {},
        data=settings.data.name,
        accelerator=choose_accelerator(settings.trainer.accelerator),
        config=settings.plain(),
        inputs=f"{data.kind}s",
        health=health_of(data, model, results[-1], settings.k),
    )
    summary.write(run.folder)
    write_report(run.folder)
    conclude(run, summary, results)
