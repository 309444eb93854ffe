"""`advisor ui`: starts the app, and sees to it that others reach it only where people sign in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from advisor.cli._shared import say
from advisor.errors import UsageError

OPEN_VARIABLE = "ADVISOR_NO_SIGN_IN"


def ui(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[CASE]...", help="Cases, or folders of cases.")
    ] = None,
    port: Annotated[int, typer.Option(help="The port.")] = 8501,
    address: Annotated[
        str, typer.Option(help="The address to listen on; one that others reach needs a sign-in.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser window.")] = True,
    no_sign_in: Annotated[
        bool, typer.Option("--no-sign-in", help="Let whoever reaches the address do everything.")
    ] = False,
) -> None:
    """Open the Streamlit app; it listens on this machine only unless told otherwise."""
    from advisor.resources import ui_folder

    if missing := [str(f) for f in folders or () if not f.is_dir()]:
        raise UsageError(
            f"There is no folder {', '.join(missing)}.",
            hint="Make a case with: advisor init DIR --from SAMPLE.",
        )
    environment = {k: v for k, v in os.environ.items() if k != OPEN_VARIABLE}
    say(_who_gets_in(address, no_sign_in))
    if no_sign_in:
        environment[OPEN_VARIABLE] = "1"
    if folders:
        environment["ADVISOR_CASES"] = os.pathsep.join(str(f.resolve()) for f in folders)
    say(
        f"The app listens on http://{f'[{address}]' if ':' in address else address}:{port}; stop it with Ctrl+C."
    )
    command = [
        sys.executable, "-m", "advisor.cli._app_server", "run", str(ui_folder() / "streamlit_app.py"),
        "--server.address", address, "--server.port", str(port), "--server.headless", str(not browser).lower(),
        "--browser.gatherUsageStats", "false", "--browser.serverAddress", address,
        "--server.fileWatcherType", "none", "--client.toolbarMode", "minimal",
    ]  # fmt: skip
    server = subprocess.Popen(command, env=environment)
    signal.signal(
        signal.SIGTERM, lambda *_: server.terminate()
    )  # it ends with this command, whoever ends that
    try:
        raise typer.Exit(server.wait())
    except KeyboardInterrupt:
        server.wait()
        raise typer.Exit(0) from None


def _who_gets_in(address: str, no_sign_in: bool) -> str:
    """Who gets in, in words.

    Raises:
        UsageError: Others would reach the app without signing in, and nobody said that they may.
        AccessError: The file of roles cannot be used.
    """
    from advisor.access import ACCESS_VARIABLE, load_access

    if load_access() is not None:
        if no_sign_in:
            raise UsageError(
                f"--no-sign-in is given, but {ACCESS_VARIABLE} gives roles to people who sign in.",
                hint=f"Leave the option out, or unset {ACCESS_VARIABLE}.",
            )
        return f"People sign in; {ACCESS_VARIABLE} says what they may do. See docs/sign-in.md."
    if no_sign_in:
        return f"WARNING: no sign-in. Whoever reaches {address} may run, change and sign everything, and spend money."
    if not _is_loopback(address):
        raise UsageError(
            f"--address {address}: others would reach the app, and nobody would have to sign in.",
            hint=f"Set up sign-in, with a file of roles that {ACCESS_VARIABLE} names (docs/sign-in.md). Where everyone "
            "who reaches the address may do everything, add --no-sign-in.",
        )
    return "No sign-in: only this machine reaches the app, and whoever uses it may do everything."


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address.lower() == "localhost"
