"""`ai-dataflow notify`: look at the mails, try them, deliver them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ai_dataflow.cli.app import (
    LOOKS,
    ConfigOption,
    JsonOption,
    RunOption,
    app,
    err,
    out,
    print_document,
)

if TYPE_CHECKING:
    from ai_dataflow.config.settings import Settings
    from ai_dataflow.notifications.delivery import Delivery

notify_app = typer.Typer(**LOOKS)
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
    from ai_dataflow.config.settings import load_settings

    if test:
        _test(load_settings(config), test, as_json=as_json)
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
    from ai_dataflow.config.settings import load_settings

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
    from ai_dataflow.config.settings import load_settings
    from ai_dataflow.notifications.sending import queue_named
    from ai_dataflow.orchestration.instance import open_instance
    from ai_dataflow.orchestration.mailing import look_after

    settings = load_settings(config)
    problems = queue_named(settings, run_id) if run_id else []
    with open_instance(settings) as instance:
        done, _ = look_after(instance, settings, is_daemon=False, seconds=seconds)
    _tell(done, problems, as_json=as_json)


@notify_app.command(hidden=True)
def after_run(
    config: ConfigOption = None,
    run_id: RunOption = "",
    seconds: Annotated[float, typer.Option("--seconds", min=1)] = 600,
    as_json: JsonOption = False,
) -> None:
    """Deliver the mails of a run, as `notify send` does; look for no runs that died.

    `run` starts this, and has looked for them.
    """
    from ai_dataflow.config.settings import load_settings
    from ai_dataflow.notifications.sending import queue_named, send_round

    settings = load_settings(config)
    problems = queue_named(settings, run_id)
    done, _ = send_round(settings, seconds=seconds)
    _tell(done, problems, as_json=as_json)


def _tell(done: Delivery, problems: list[str], *, as_json: bool) -> NoReturn:
    if as_json:
        from ai_dataflow.cli.printed_mails import MailItem, NotifySendDocument

        sent, waiting, given_up = (
            [MailItem.of(entry) for entry in entries]
            for entries in (done.sent, done.waiting, done.given_up)
        )
        document = NotifySendDocument(
            sent=sent, waiting=waiting, given_up=given_up, problems=problems, busy=done.busy
        )
        print_document(document)
    else:
        from ai_dataflow.cli.show.mails import show_delivery

        show_delivery(out, done, problems)
    raise typer.Exit(int(not done.is_well))


@notify_app.command()
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the outbox: what waits and why, what was sent, refused, given up in the last 30 days.

    Exits with 1 where a mail waits in vain or was given up. Example:
    [bold]ai-dataflow notify status --json[/bold]
    """
    from ai_dataflow.cli.show.mails import show_outbox
    from ai_dataflow.cli.show.problems import show_diagnostics
    from ai_dataflow.config.settings import load_settings
    from ai_dataflow.notifications.mail_places import open_places

    places = open_places(load_settings(config))
    boxes = places.outboxes
    entries = [e for box in boxes for e in box.done()] + [e for box in boxes for e in box.waiting()]
    if as_json:
        from ai_dataflow.cli.printed_mails import MailItem, NotifyStatusDocument

        print_document(NotifyStatusDocument(items=[MailItem.of(entry) for entry in entries]))
    else:
        show_outbox(out, entries, [box.folder.url for box in boxes])
        if places.unreached:
            show_diagnostics(err, places.unreached.diagnostics)
    wrong = [e for e in entries if e.state == "given up" or (e.state == "waiting" and e.last_error)]
    raise typer.Exit(int(bool(wrong)))


def _preview(settings: Settings, run_id: str, folder: Path | None, *, as_json: bool) -> None:
    from ai_dataflow.cli.show.problems import show_diagnostics
    from ai_dataflow.notifications.delivery import MAILS
    from ai_dataflow.notifications.mail_places import open_places
    from ai_dataflow.notifications.preview import write_preview
    from ai_dataflow.notifications.queueing import messages_for
    from ai_dataflow.notifications.single_mails import report_named
    from ai_dataflow.tables.single import load_teams

    places = open_places(settings)
    report = report_named(places, run_id)
    messages, problems = messages_for(places, load_teams(settings), report, is_preview=True)
    target = folder or settings.folder / MAILS / "preview"
    written = [(m, write_preview(settings, m, target)) for m in messages]
    if as_json:
        from ai_dataflow.cli.printed_mails import NotifyPreviewDocument, PreviewItem

        items = [
            PreviewItem(team=m.team, kind=m.kind, to=list(m.to), cc=list(m.cc), subject=m.subject,
                        files=list(map(str, files)))
            for m, files in written
        ]  # fmt: skip
        print_document(NotifyPreviewDocument(items=items))
    else:
        for message, files in written:
            out.print(message.subject, soft_wrap=True, markup=False)
            for file in files:
                out.print(f"  {file}", soft_wrap=True, markup=False)
        if not written:
            out.print(f"run {report.run_id} has nothing to tell anybody", soft_wrap=True)
    show_diagnostics(err, problems)


def _test(settings: Settings, name: str, *, as_json: bool) -> None:
    from ai_dataflow.cli.show.problems import show_diagnostics
    from ai_dataflow.notifications import single_mails
    from ai_dataflow.tables.single import load_teams

    team = single_mails.team_named(name, load_teams(settings))
    outcome, problems = single_mails.send_test(settings, team)
    if as_json:
        from ai_dataflow.cli.printed_mails import NotifyTestDocument
        from ai_dataflow.cli.printed_parts import DiagnosticItem

        items = [DiagnosticItem(**problem.to_json()) for problem in problems]
        accepted, where = outcome.accepted, outcome.where
        print_document(NotifyTestDocument(accepted=accepted, where=where, items=items))
        raise typer.Exit(int(bool(problems)))
    for recipient in outcome.accepted:
        where = (
            f"written for {recipient}: {outcome.where}" if outcome.where else f"sent to {recipient}"
        )
        out.print(where, soft_wrap=True, markup=False)
    show_diagnostics(err, problems)
    raise typer.Exit(int(bool(problems)))
