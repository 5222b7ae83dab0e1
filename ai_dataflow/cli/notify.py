"""`ai-dataflow notify`: look at the mails, try them, deliver them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ai_dataflow.cli import show
from ai_dataflow.cli.app import (
    LOOKS,
    ConfigOption,
    JsonOption,
    RunOption,
    app,
    err,
    out,
    print_json,
)
from ai_dataflow.config.settings import Settings, load_settings
from ai_dataflow.notifications import single_mails
from ai_dataflow.notifications.delivery import MAILS
from ai_dataflow.notifications.mail_places import open_places
from ai_dataflow.notifications.outbox import Entry
from ai_dataflow.notifications.preview import write_preview
from ai_dataflow.notifications.queueing import messages_for, queue_report
from ai_dataflow.tables.project import load_teams

notify_app = typer.Typer(**LOOKS, help="Look at the mails, try them, deliver them.")
app.add_typer(notify_app, name="notify")
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Where to [dim]\\[default: mails/preview][/dim]")
]


@notify_app.callback(invoke_without_command=True)
def notify(  # noqa: PLR0913, PLR0917
    context: typer.Context,
    config: ConfigOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Render the mails of a run to files; send none.")
    ] = False,
    run_id: RunOption = "",
    folder: OutOption = None,
    test: Annotated[str, typer.Option("--test", help="Send this team a test mail now.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Look at the mails, try them, deliver them.

    Examples: [bold]ai-dataflow notify --dry-run[/bold],
    [bold]ai-dataflow notify --test orion-data[/bold], [bold]ai-dataflow notify status[/bold]
    """
    if context.invoked_subcommand:
        return
    if test:
        _test(load_settings(config), test)
    elif dry_run:
        _preview(load_settings(config), run_id, folder, as_json=as_json)
    else:
        out.print(context.get_help())
        raise typer.Exit(2)


@notify_app.command()
def preview(
    config: ConfigOption = None,
    run_id: RunOption = "",
    folder: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Render the mails of a run to files, those also that no reminder is due for; send none.

    Example: [bold]ai-dataflow notify preview --out /tmp/mails[/bold]
    """
    _preview(load_settings(config), run_id, folder, as_json=as_json)


@notify_app.command()
def send(
    config: ConfigOption = None,
    run_id: Annotated[
        str, typer.Option("--run", help="Queue the mails of this run first, if nobody did.")
    ] = "",
    seconds: Annotated[
        float, typer.Option("--seconds", min=1, help="Stop after so long; the rest waits.")
    ] = 600,
    as_json: JsonOption = False,
) -> None:
    """Deliver now what waits in the outbox, and the mails of runs that nobody queued.

    Exits with 1 where a mail could not be delivered. Example: [bold]ai-dataflow notify send[/bold]
    """
    # Dagster takes a second to import: only the commands that need it wait.
    from ai_dataflow.orchestration.instance import open_instance  # noqa: PLC0415
    from ai_dataflow.orchestration.mailing import look_after  # noqa: PLC0415

    settings = load_settings(config)
    problems: list[str] = []
    if run_id:
        places = open_places(settings)
        report = single_mails.report_named(places, run_id)
        problems = queue_report(places, load_teams(settings), report).problems
    with open_instance(settings) as instance:
        done, _ = look_after(instance, settings, is_daemon=False, seconds=seconds)
    if as_json:
        letters = {"sent": done.sent, "waiting": done.waiting, "given_up": done.given_up}
        shown = {name: [_json(entry) for entry in entries] for name, entries in letters.items()}
        print_json({**shown, "problems": problems, "busy": done.busy})
    else:
        show.show_delivery(out, done, problems)
    raise typer.Exit(int(not done.is_well))


@notify_app.command()
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the outbox: what waits and why, what was sent, refused, given up in the last 30 days.

    Exits with 1 where a mail waits in vain or was given up. Example:
    [bold]ai-dataflow notify status --json[/bold]
    """
    places = open_places(load_settings(config))
    boxes = places.outboxes
    entries = [e for box in boxes for e in box.done()] + [e for box in boxes for e in box.waiting()]
    if as_json:
        print_json([_json(entry) for entry in entries])
    else:
        show.show_outbox(out, entries, [box.folder.url for box in boxes])
        if places.unreached:
            show.show_diagnostics(err, places.unreached.diagnostics)
    wrong = [e for e in entries if e.state == "given up" or (e.state == "waiting" and e.last_error)]
    raise typer.Exit(int(bool(wrong)))


def _preview(settings: Settings, run_id: str, folder: Path | None, *, as_json: bool) -> None:
    places = open_places(settings)
    report = single_mails.report_named(places, run_id)
    messages, problems = messages_for(places, load_teams(settings), report, is_preview=True)
    target = folder or settings.folder / MAILS / "preview"
    written = [(m, write_preview(settings, m, target)) for m in messages]
    if as_json:
        print_json(
            [
                {"team": m.team, "kind": m.kind, "to": m.to, "cc": m.cc, "subject": m.subject,
                 "files": [str(file) for file in files]}
                for m, files in written
            ]
        )  # fmt: skip
    else:
        for message, files in written:
            out.print(message.subject, soft_wrap=True, markup=False)
            for file in files:
                out.print(f"  {file}", soft_wrap=True, markup=False)
        if not written:
            out.print(f"run {report.run_id} has nothing to tell anybody", soft_wrap=True)
    show.show_diagnostics(err, problems)


def _test(settings: Settings, name: str) -> None:
    team = single_mails.team_named(name, load_teams(settings))
    outcome, problems = single_mails.send_test(settings, team)
    for recipient in outcome.accepted:
        where = (
            f"written for {recipient}: {outcome.where}" if outcome.where else f"sent to {recipient}"
        )
        out.print(where, soft_wrap=True, markup=False)
    show.show_diagnostics(err, problems)
    raise typer.Exit(int(bool(problems)))


def _json(entry: Entry) -> dict[str, Any]:
    """Give what a machine wants to know of a letter: not its text."""
    shown = entry.model_dump(mode="json", exclude={"letter": {"html", "text"}})
    return {**shown.pop("letter"), **shown}
