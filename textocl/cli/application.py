"""The application that commands register with, and how what goes wrong is told."""

from __future__ import annotations

import json
import sys
import warnings
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from textocl._version import __version__
from textocl.core.exceptions import (
    FormatError,
    TextoclError,
    TextoclWarning,
    missing_dependency,
)

EXIT_DATA, EXIT_MODEL, EXIT_INTERRUPTED = 3, 4, 130

out_console = Console()
err_console = Console(stderr=True, highlight=False, soft_wrap=True)


# as a user meets them
_ORDER = (
    "find", "fit", "score", "update", "evaluate", "contexts", "inspect", "explain", "report",
    "info", "export", "benchmark", "demo", "vision",
)  # fmt: skip


class CommandGroup(TyperGroup):
    """Commands whose help shows a flag as ``--quiet``, not as ``--quiet <bool>``."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _plain_flags(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            _plain_flags(command.get_params(ctx))
        return command


def _plain_flags(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters


class _Application(CommandGroup):
    """Turns what goes wrong into one line on standard error and an exit code."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=_ORDER.index)

    def invoke(self, ctx: Any) -> Any:
        warnings.simplefilter("always", TextoclWarning)
        warnings.showwarning = _show_warning
        try:
            return super().invoke(ctx)
        except FormatError as error:
            stop(str(error), EXIT_MODEL)
        except TextoclError as error:
            stop(str(error), EXIT_DATA)
        except ModuleNotFoundError as error:
            known = missing_dependency(error, f"textocl {ctx.invoked_subcommand}")
            if known is error:
                raise
            stop(str(known), EXIT_DATA)
        except BrokenPipeError:
            raise  # click closes the pipe quietly
        except OSError as error:
            stop(": ".join(str(p) for p in (error.strerror, error.filename) if p), EXIT_DATA)
        except KeyboardInterrupt:
            stop("interrupted; nothing was left half-written.", EXIT_INTERRUPTED)


def stop(message: str, code: int) -> NoReturn:
    """Print an error and leave with an exit code."""
    from textocl.cli.views import visible

    err_console.print(f"[bold red]error:[/] {escape(visible(message))}")
    raise typer.Exit(code)


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    from textocl.cli.views import visible

    text = escape(visible(str(message)))
    err_console.print(f"[yellow]warning:[/] {text}")


app = typer.Typer(
    cls=_Application,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Learn what is normal in a set of texts; find what does not belong, and see why.",
    epilog="Exit codes: 0 done, 2 wrong usage, 3 unusable documents, images or parameters, "
    "4 unusable model, 130 interrupted.",
)


def _version(shown: bool) -> None:
    if shown:
        typer.echo(f"textocl {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def watched(quiet: bool) -> bool:
    return not quiet and sys.stderr.isatty()


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))
