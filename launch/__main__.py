"""`python -m launch`: set up what is missing, start everything, stop it on Ctrl-C or SIGTERM.

`services` starts only PostgreSQL and Valkey; `prepare` only installs and builds. bin/run calls this with the virtual
environment's Python; until the packages are installed it may use the standard library alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from types import FrameType

from launch import config, postgres_home, prepare, problems, users
from launch.config import Config
from launch.console import Console
from launch.processes import Stopped
from launch.stack import ADDRESSES_NAME, Admin, Stack, make_passable

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
NEEDED_MIB = 300


def main() -> int:
    arguments = _parse()
    console = Console()
    settings = None
    try:
        problems.check_python()
        settings = config.read()
        _run(arguments, settings, console)
    except problems.Problem as problem:
        print(f"hearth: {problem.sentence}", file=sys.stderr)
        return problem.exit_code
    except OSError as error:
        folder = settings.data_dir if settings else config.ROOT
        print(f"hearth: {problems.from_os_error(error, folder).sentence}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/run", description="Start all of Hearth on this machine.")
    parser.add_argument("what", nargs="?", choices=["all", "services", "prepare"], default="all",
                        help="services: only PostgreSQL and Valkey; prepare: only install and build")  # fmt: skip
    parser.add_argument(
        "--reset", action="store_true", help="delete the data folder (threads, documents, accounts) first"
    )
    parser.add_argument("--yes", action="store_true", help="with --reset: do not ask")
    parser.add_argument("--tests", action="store_true", help="with prepare: what the tests need, too")
    parser.add_argument("--no-prepare", action="store_true", help="trust that everything is installed and built")
    parser.add_argument(
        "--until-unused", action="store_true", help="with services: stop when no test run uses them any more"
    )
    return parser.parse_args()


def _run(arguments: argparse.Namespace, settings: Config, console: Console) -> None:
    # Set-up can take minutes: a stop in it should end it like Ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupt)
    make_passable(settings.data_dir)
    problems.check_writable(settings.data_dir)
    if arguments.what == "prepare":
        prepare.everything(settings, console, with_tests=arguments.tests)
        return
    with problems.hold_folder(settings.data_dir):
        if arguments.reset:
            _reset(settings, console, is_sure=arguments.yes)
        problems.check_disk(settings.data_dir, NEEDED_MIB)
        make_passable(settings.data_dir / "run")
        (settings.data_dir / ADDRESSES_NAME).unlink(missing_ok=True)
        if arguments.what == "services":
            _serve_services(settings, console, until_unused=arguments.until_unused)
        else:
            _serve_all(settings, console, is_prepared=arguments.no_prepare)


def _serve_all(settings: Config, console: Console, *, is_prepared: bool) -> None:
    started_at = time.monotonic()
    problems.check_port(settings.host, settings.port, "HEARTH_PORT")
    if settings.has_own_inference:
        problems.check_port("127.0.0.1", settings.inference_port, "HEARTH_INFERENCE_PORT")
    if not is_prepared:
        prepare.everything(settings, console)
    stop_requests = _listen_for_stop()
    secrets = config.load_secrets(settings.data_dir, settings.environment)
    stack = Stack(settings, secrets, console, is_over=lambda: bool(stop_requests))
    try:
        stack.start_inference()
        stack.start_services()
        stack.wait_for_services()
        stack.write_addresses()
        admin = stack.set_up_database()
        # At once, and again when all is ready: should a later step fail, this password is shown nowhere else.
        _name_admin(console, admin)
        stack.start_processes()
        stack.wait_for_web()
        _greet(settings, console, admin, time.monotonic() - started_at)
        stack.run()
    except Stopped:
        pass
    finally:
        console.say("Stopping ...")
        stack.stop()


def _serve_services(settings: Config, console: Console, *, until_unused: bool) -> None:
    stop_requests = _listen_for_stop()
    secrets = config.load_secrets(settings.data_dir, settings.environment)
    with users.watch(settings.data_dir) as watcher:
        stack = Stack(settings, secrets, console, lambda: bool(stop_requests) or (until_unused and watcher.is_unused()))
        try:
            stack.start_services()
            stack.wait_for_services()
            stack.write_addresses()
            console.say(f"PostgreSQL and Valkey are up; their addresses stand in {settings.data_dir / ADDRESSES_NAME}.")
            stack.run()
        except Stopped:
            pass
        finally:
            # Inside the lock: a test run that waits for it must find everything gone.
            stack.stop()


def _listen_for_stop() -> list[int]:
    """The list grows with each request to stop; a second Ctrl-C does not cut the stopping short."""
    requests: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        requests.append(number)

    for number in STOP_SIGNALS:
        signal.signal(number, ask)
    return requests


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _greet(settings: Config, console: Console, admin: Admin | None, seconds: float) -> None:
    console.say("")
    console.say(f"  Hearth is ready after {seconds:.1f} s:  {settings.url}")
    _name_admin(console, admin)
    console.say("  Ctrl-C stops everything.")
    console.say("")


def _name_admin(console: Console, admin: Admin | None) -> None:
    if admin:
        console.say(f"  First admin:       {admin.email}")
        console.say(f"  One-time password: {admin.password}")


def _reset(settings: Config, console: Console, *, is_sure: bool) -> None:
    """Everything in the data folder goes, save the models (they cost a download) and the lock that we hold."""
    if not is_sure:
        if not sys.stdin.isatty():
            raise problems.Unusable("--reset deletes all threads, documents and accounts: say --reset --yes.")
        if input(f"Delete all threads, documents and accounts in {settings.data_dir}? Type yes: ").strip() != "yes":
            raise problems.Unusable("Nothing was deleted.")
    for path in settings.data_dir.iterdir():
        if path.name in ("models", "hearth.lock", "test"):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    if os.getuid() == 0:
        shutil.rmtree(postgres_home.state_dir_for_root(settings.data_dir), ignore_errors=True)
    console.say(f"{settings.data_dir} is empty again.")


if __name__ == "__main__":
    sys.exit(main())
