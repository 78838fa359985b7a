"""Checks of commands, wherever they run: how they end, their output, their environment."""

from __future__ import annotations

import threading

from conjure_magic.errors import ToolError
from conjure_magic.executors.base import KEPT_HEAD, KEPT_TAIL
from conjure_magic.testing.executor_fixture import Place, raises


class EndChecks:
    """Exit codes, and how the end of a command is reported."""

    def test_success(self, place: Place) -> None:
        result = place.run("true")
        assert (result.exit_code, result.ended, result.output) == (0, "exited", "")

    def test_exit_codes(self, place: Place) -> None:
        assert [place.run(f"exit {code}").exit_code for code in (1, 3, 126, 255)] == [1, 3, 126, 255]

    def test_unknown_command(self, place: Place) -> None:
        result = place.run("no-such-command-anywhere")
        assert result.exit_code == 127
        assert "not found" in result.stderr

    def test_file_that_is_not_executable(self, place: Place) -> None:
        assert place.run("echo echo hi > plain && ./plain").exit_code == 126

    def test_syntax_error(self, place: Place) -> None:
        result = place.run("if then fi (")
        assert result.exit_code != 0
        assert result.stderr

    def test_signal_is_128_and_its_number(self, place: Place) -> None:
        result = place.run("kill -TERM $$")
        assert (result.exit_code, result.ended) == (143, "exited")

    def test_kill_by_another_process(self, place: Place) -> None:
        result = place.run("echo before; kill -KILL $$")
        assert (result.exit_code, result.ended, result.output) == (137, "killed", "before\n")

    def test_pipeline_ends_with_its_last_command(self, place: Place) -> None:
        assert place.run("false | true").exit_code == 0

    def test_several_lines_are_one_script(self, place: Place) -> None:
        assert place.text("x=1\nif [ $x = 1 ]; then\n  echo one\nfi") == "one\n"

    def test_quotes_and_signs_arrive_as_written(self, place: Place) -> None:
        assert place.text("""printf '%s|' 'a b' "c\\"d" '$HOME' '\\n' 'ü😀' ''""") == 'a b|c"d|$HOME|\\n|ü😀||'

    def test_broken_pipe_ends_a_writer(self, place: Place) -> None:
        """Python ignores SIGPIPE; a command must not inherit that, or `yes` would complain or never end."""
        result = place.run("yes | head -n 1")
        assert (result.stdout, result.stderr) == ("y\n", "")

    def test_interrupts_are_not_ignored(self, place: Place) -> None:
        assert place.run("sh -c 'kill -INT $$; echo deaf'").exit_code == 130

    def test_nothing_lasts_but_files(self, place: Place) -> None:
        place.text("mkdir -p deep && cd deep && X=1 && export X && touch here")
        assert place.text("pwd; echo [$X]; ls deep") == f"{place.executor.paths.workspace}\n[]\nhere\n"

    def test_what_no_shell_can_take(self, place: Place) -> None:
        """Each is refused with a message, and the next command works."""
        for command in ("", "  \n", "echo a\0b", "echo \ud800", "echo " + "x" * 200_000):
            with raises(ToolError, "the command"):
                place.run(command)
        assert place.text("echo fine") == "fine\n"


class OutputChecks:
    """Output: what is kept of it, and what is removed."""

    def test_both_streams_apart(self, place: Place) -> None:
        result = place.run("echo out; echo err >&2")
        assert (result.stdout, result.stderr) == ("out\n", "err\n")
        assert sorted(result.output.splitlines()) == ["err", "out"]

    def test_streams_in_the_order_they_came(self, place: Place) -> None:
        result = place.run("for i in 1 2 3; do echo out$i; sleep 0.1; echo err$i >&2; sleep 0.1; done")
        assert result.output.split() == ["out1", "err1", "out2", "err2", "out3", "err3"]

    def test_chunks_say_their_stream(self, place: Place) -> None:
        place.run("echo out; sleep 0.2; echo err >&2")
        assert [(chunk.text, chunk.stream) for chunk in place.chunks] == [("out\n", "stdout"), ("err\n", "stderr")]

    def test_output_comes_while_the_command_runs(self, place: Place) -> None:
        """The command waits for a file that is written only when its first line has been seen."""
        command = "echo first; while [ ! -e go ]; do sleep 0.02; done; echo second"
        result = place.run(command, seen=lambda _: place.executor.write("go", b""))
        assert (result.output, result.ended) == ("first\nsecond\n", "exited")

    def test_unfinished_line_is_seen_at_once(self, place: Place) -> None:
        command = "printf 'working'; while [ ! -e go ]; do sleep 0.02; done; echo ' done'"
        assert place.run(command, seen=lambda _: place.executor.write("go", b"")).output == "working done\n"

    def test_python_prints_while_it_runs(self, place: Place) -> None:
        """Without a terminal, Python would buffer its output."""
        code = "import os, time; print(1); exec('while not os.path.exists(\\'go\\'): time.sleep(0.02)'); print(2)"
        result = place.run(f'python -c "{code}"', seen=lambda _: place.executor.write("go", b""))
        assert result.output == "1\n2\n"

    def test_no_final_newline(self, place: Place) -> None:
        assert place.text("printf abc") == "abc"

    def test_chunks_are_the_output(self, place: Place) -> None:
        result = place.run("for i in 1 2 3 4 5; do echo line $i; done; printf end")
        assert "".join(chunk.text for chunk in place.chunks) == result.output

    def test_bytes_are_counted(self, place: Place) -> None:
        result = place.run("printf 'aü'; printf 12345 >&2")
        assert (result.total_bytes, result.omitted_bytes, result.output_path) == (8, 0, None)

    def test_invalid_utf8(self, place: Place) -> None:
        assert place.text(r"printf 'a\377b\303'") == "a\ufffdb\ufffd"

    def test_character_split_between_two_writes(self, place: Place) -> None:
        assert place.text(r"printf '\360\237'; sleep 0.1; printf '\230\200\n'") == "😀\n"

    def test_binary_output(self, place: Place) -> None:
        """Every byte value: no invisible character is left, and nothing fails."""
        script = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 40)"
        output = place.text(f"python -c '{script}'")
        assert "ABC" in output
        assert not {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))} & set(output)

    def test_colours_and_titles_are_gone(self, place: Place) -> None:
        text = place.text(r"printf '\033[1;31mred\033[0m \033]0;title\007\033]8;;http://x/\033\\link\033]8;;\033\\\n'")
        assert text == "red link\n"

    def test_sequence_split_between_two_writes(self, place: Place) -> None:
        pieces = [r"a\033", "[3", "1mb", r"\033]0;ti", r"tle\007c", r"\033", r"[0m"]
        assert place.text("".join(f"printf '{piece}'; sleep 0.08;" for piece in pieces)) == "abc"

    def test_bidi_overrides_are_seen(self, place: Place) -> None:
        assert place.text(r"printf 'a\342\200\256b'") == "a⟨U+202E⟩b"

    def test_progress_bar_keeps_its_last_state(self, place: Place) -> None:
        text = place.text(r"for i in 10 55 100; do printf '\r%s%%' $i; sleep 0.1; done; echo; echo done")
        assert text == "100%\ndone\n"

    def test_dos_line_ends(self, place: Place) -> None:
        assert place.text(r"printf 'a\r\nb\r\n'") == "a\nb\n"

    def test_much_output_keeps_head_and_tail(self, place: Place) -> None:
        result = place.run("seq 1 200000")
        assert result.output.startswith("1\n2\n")
        assert result.output.endswith("199999\n200000\n")
        assert len(result.output) < KEPT_HEAD + KEPT_TAIL + 200
        assert f"[… {result.omitted_bytes:,} bytes left out …]" in result.output
        kept = len(result.output.encode()) - len(f"[… {result.omitted_bytes:,} bytes left out …]\n".encode())
        assert result.total_bytes == kept + result.omitted_bytes

    def test_much_output_is_whole_on_disk(self, place: Place) -> None:
        result = place.run("seq 1 200000; echo last >&2")
        assert result.output_path is not None
        numbers = result.output_path.read_text().replace("last\n", "").split()
        assert numbers == [str(n) for n in range(1, 200_001)]

    def test_much_output_on_stderr(self, place: Place) -> None:
        result = place.run("seq 1 200000 >&2; echo out")
        assert result.stdout == "out\n"
        assert result.stderr.startswith("1\n2\n")
        assert len(result.stderr) < KEPT_HEAD + KEPT_TAIL + 200

    def test_output_that_just_fits_needs_no_file(self, place: Place) -> None:
        size = KEPT_HEAD + KEPT_TAIL
        result = place.run(f"head -c {size} /dev/zero | tr '\\0' x")
        assert (len(result.output), result.omitted_bytes, result.output_path) == (size, 0, None)
        result = place.run(f"head -c {size + 1} /dev/zero | tr '\\0' x")
        assert result.omitted_bytes > 0
        assert result.output_path is not None

    def test_one_endless_line(self, place: Place) -> None:
        result = place.run("head -c 5000000 /dev/zero | tr '\\0' x; echo; echo end")
        assert result.total_bytes == 5_000_005
        assert result.output.endswith("x\nend\n")

    def test_output_files_are_numbered(self, place: Place) -> None:
        paths = [place.run("seq 1 20000").output_path for _ in range(3)]
        assert [path.name for path in paths if path] == ["0001.txt", "0002.txt", "0003.txt"]

    def test_live_output_is_bounded(self, place: Place) -> None:
        """Of a flood, only the newest output reaches the display."""
        place.run("seq 1 2000000")
        assert sum(len(chunk.text) for chunk in place.chunks) < 14_000_000
        assert max(len(chunk.text) for chunk in place.chunks) < 20_000
        assert place.chunks[-1].text.endswith("2000000\n")

    def test_slow_reader_loses_nothing(self, place: Place) -> None:
        """The command waits while its output is not read."""
        pause = threading.Event()
        result = place.run("seq 1 100000", seen=lambda _: pause.wait(0.02))
        assert result.output_path is not None
        assert result.output_path.read_text().split()[-1] == "100000"

    def test_key_is_masked(self, place: Place) -> None:
        assert place.key, "the place has to plant a key"
        half = len(place.key) // 2
        result = place.run(f"echo {place.key}; printf {place.key[:half]}; sleep 0.1; echo {place.key[half:]}x >&1")
        assert result.output == "[masked]\n[masked]x\n"
        assert place.key not in "".join(chunk.text for chunk in place.chunks)


class SurroundingsChecks:
    """Standard input, terminal, working directory, environment variables."""

    def test_stdin_is_at_its_end(self, place: Place) -> None:
        assert place.text("cat; read x || echo nothing") == "nothing\n"

    def test_no_terminal(self, place: Place) -> None:
        assert place.run("test -t 0 || test -t 1 || test -t 2").exit_code == 1
        assert place.run("echo x > /dev/tty").exit_code != 0

    def test_starts_in_the_workspace(self, place: Place) -> None:
        assert place.text("pwd; touch made") == f"{place.executor.paths.workspace}\n"
        assert (place.workspace / "made").exists()

    def test_folders_are_named(self, place: Place) -> None:
        text = place.text('cat "$INPUT_DIR/given.txt"; touch "$OUTPUT_DIR/made"')
        assert text.strip() == "given"
        assert (place.workspace / "made").exists()

    def test_environment_holds_no_key(self, place: Place) -> None:
        names = {line.split("=")[0] for line in place.text("env").splitlines()}
        assert {"PATH", "OUTPUT_DIR", "INPUT_DIR"} <= names
        assert not {name for name in names if any(word in name for word in ("KEY", "TOKEN", "SECRET", "ANTHROPIC"))}

    def test_terminal_programs_are_told_not_to_paint(self, place: Place) -> None:
        assert place.text("echo $TERM") == "dumb\n"

    def test_python_is_the_one_that_is_promised(self, place: Place) -> None:
        for name in ("python", "python3"):
            assert place.text(f"{name} -c 'import sys; print(sys.executable)'").strip() == place.executor.paths.python
