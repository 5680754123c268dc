"""The command line as a whole: help, exit codes, one line per problem, what stays unloaded."""

import os
import signal
import subprocess
import sys

import click
import pytest

import accel as package
from accel.cli import VERBS, main
from accel.errors import (
    AccelError,
    CheckFailedError,
    ConfigError,
    DataError,
    ModelError,
    NothingComparedError,
    ToolError,
)


def python(*arguments: str, **kwargs) -> subprocess.CompletedProcess[str]:
    """Run a new interpreter."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, **kwargs)


def test_every_verb_has_help(accel):
    """`accel --help` names every verb with a line about it, and every verb explains itself."""
    outcome = accel("--help")
    assert outcome.code == 0
    for verb in VERBS:
        assert f"\n  {verb} " in outcome.out
        shown = accel(f"{verb} --help")
        assert shown.code == 0
        assert shown.out.startswith(f"Usage: main {verb} ")
    assert package.__version__ in accel("--version").out


def test_shared_flags_mean_the_same_everywhere():
    """A flag that several verbs take has one long form, and help everywhere."""
    forms: dict[str, set[str]] = {}
    for verb in VERBS:
        command = main.get_command(click.Context(main), verb)
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, (verb, parameter.name)
                for flag in parameter.opts:
                    forms.setdefault(flag, set()).add(" ".join(sorted(parameter.opts)))
    for flag in ("-a", "-d", "-n", "-o", "-s", "-j", "-q", "-v", "--json", "--seed", "--no-color"):
        assert len(forms[flag]) == 1, flag


def test_help_loads_nothing_heavy():
    """Help imports click and neither NumPy nor anything that computes, checks or prints tables."""
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom accel.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print(sorted({'numpy', 'numba', 'pydantic', 'rich', 'matplotlib', 'jinja2'} & set(sys.modules)))"
    )
    assert python("-c", code).stdout.strip() == "[]"


def test_help_is_immediate():
    """`accel --help` takes less than 0.4 s of processor time, starting Python included (best of three)."""
    code = (
        "import contextlib, time\nfrom accel.cli import main\n"
        "with contextlib.suppress(SystemExit):\n    main(['--help'])\n"
        "print(time.process_time())"
    )
    assert min(float(python("-c", code).stdout.splitlines()[-1]) for _ in range(3)) < 0.4


@pytest.mark.parametrize("arguments", ["rnu", "run --nothing", "run a b", "run -n 0", "run -n x", "run --seed -1", ""])
def test_usage_errors_exit_with_2(accel, arguments):
    """Unknown verbs, options and impossible values are usage errors."""
    outcome = accel(arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.errors


def test_unknown_verbs_get_a_suggestion(accel):
    """A misspelt verb is answered with the nearest one."""
    assert accel("rnu").errors[-1] == "Error: 'rnu' is not a verb. Did you mean 'run'?"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CheckFailedError, 1),
        (ConfigError, 2),
        (ModelError, 3),
        (DataError, 3),
        (ToolError, 4),
        (NothingComparedError, 5),
        (AccelError, 70),
    ],
)
def test_each_error_has_its_exit_code_and_a_line_per_problem(accel, monkeypatch, error, code):
    """Every problem of an error is one line on stderr; stdout stays empty."""

    def fail(*arguments):
        raise error(["first problem", "second problem"])

    monkeypatch.setattr("accel.config.load_accelerator", fail)
    outcome = accel("estimate")
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.errors == ["error: first problem", "error: second problem"]


def test_internal_errors_are_one_line_unless_verbose(accel, monkeypatch):
    """An exception that is ours exits with 70 and asks for a report; -v adds the traceback."""

    def fail(*arguments):
        raise ZeroDivisionError("integer\nby zero")

    monkeypatch.setattr("accel.config.load_accelerator", fail)
    outcome = accel("estimate lenet5 -s", "name=a b")
    told = "error: internal error (ZeroDivisionError: integer by zero); please report this command: "
    assert (outcome.code, outcome.errors) == (70, [f"{told}accel estimate lenet5 -s 'name=a b'"])
    verbose = accel("estimate -v")
    assert verbose.code == 70
    assert verbose.errors[0] == "Traceback (most recent call last):"
    assert verbose.errors[-1] == f"{told}accel estimate -v"


def test_interruptions_exit_with_130(accel, monkeypatch):
    """Ctrl-C ends a verb with one line and 130."""

    def fail(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("accel.config.load_accelerator", fail)
    outcome = accel("estimate")
    assert (outcome.code, outcome.errors) == (130, ["error: interrupted"])


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_real_signal_interrupts(tmp_path):
    """SIGINT sent to the process while a verb runs gives 130, without a traceback."""
    code = (
        "import signal, sys, time, accel.config\nfrom accel.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # whoever started the tests may ignore it
        "def wait(*a):\n    print('ready', flush=True)\n    time.sleep(30)\n"
        "accel.config.load_accelerator = wait\nmain(['estimate'])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=20)
    assert (child.returncode, errors) == (130, "error: interrupted\n")


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_a_reader_that_leaves_is_no_error():
    """`accel show accelerators | head -0` ends quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "accel", "show", "accelerators"], stdout=writer, stderr=-1, check=False
        )
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (130, b"")


@pytest.mark.parametrize(("arguments", "code"), [("show rounding", 0), ("estimate --json", 0), ("rnu", 2)])
def test_a_process_ends_with_its_whole_output(accel, arguments, code):
    """A process that leaves without being taken apart has written all it had to say and returns the exit code."""
    ended, here = python("-m", "accel", *arguments.split()), accel(arguments)
    assert (ended.returncode, ended.stdout) == (code, here.out)
    assert ended.stderr.splitlines()[-1:] == here.errors[-1:]


def test_what_was_to_be_done_at_the_end_is_done(tmp_path):
    """Functions that a verb has registered for the end of the process still run."""
    code = (
        "import atexit\nfrom accel.cli import main\nimport accel.presets\n"
        "import accel.cli.show\nhelp = accel.cli.show.command.get_help\n"
        "def late(ctx):\n    atexit.register(print, 'last words')\n    return help(ctx)\n"
        "accel.cli.show.command.get_help = late\nmain(['show', '--help'])"
    )
    ended = python("-c", code)
    assert ended.stdout.splitlines()[-1] == "last words"
