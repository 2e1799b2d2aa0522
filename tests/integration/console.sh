# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Terminals: over --console-socket, or passed through from the caller's own.

# listen_console [INPUT]   receives the terminal; what comes out of it goes to $C/console
listen_console()
{
	SOCKET=$C/console.sock
	rm -f "$SOCKET"
	"$PROGRAMS/host" console "$SOCKET" "$@" >"$C/console" 2>&1 &
	echo $! >>"$C/helpers"
	wait_for "the listener" test -S "$SOCKET"
}

terminal_bundle()
{
	bundle
	conf '.process.terminal = true'
}

# The terminal's output as the payload's report.
read_console()
{
	OUT=$(tr -d '\r\0' <"$C/console")
}

test_console_socket()
{
	terminal_bundle
	payload report tty + stat /dev/console + echo finished
	listen_console
	rt_ok create --bundle "$B" --console-socket "$SOCKET" "$ID"
	rt_ok start "$ID"
	wait_for "the output" grep -q finished "$C/console"
	read_console
	expect console.tty 1
	expect tty 111
	expect tty.control 1
	expect_match tty.name "^/dev/(pts/0|console)$"
	match console "$(got stat./dev/console)" '^(c 136:0|l )'
}

test_console_socket_names_the_message()
{
	only runlet runc : "sends a zero byte"
	terminal_bundle
	payload echo finished
	listen_console
	rt_ok run --detach --bundle "$B" --console-socket "$SOCKET" "$ID"
	wait_for "the output" grep -q finished "$C/console"
	read_console
	match "message" "$(got console.message)" "ptmx"
}

test_console_passes_input()
{
	terminal_bundle
	payload copy
	listen_console "typed text"
	rt_ok create --bundle "$B" --console-socket "$SOCKET" "$ID"
	rt_ok start "$ID"
	wait_for "the echo" grep -q "typed text" "$C/console"
}

test_console_size()
{
	terminal_bundle
	conf '.process.consoleSize = {width: 91, height: 37}'
	payload report tty + echo finished
	listen_console
	rt_ok create --bundle "$B" --console-socket "$SOCKET" "$ID"
	rt_ok start "$ID"
	wait_for "the output" grep -q finished "$C/console"
	read_console
	expect tty.size 91x37
}

test_console_size_without_terminal_is_ignored()
{
	bundle
	conf '.process.consoleSize = {width: 91, height: 37}'
	payload report tty
	run_ok
	expect tty 000
}

test_console_user_owns_the_terminal()
{
	need_root
	terminal_bundle
	conf '.process.user = {uid: 1000, gid: 1000}'
	payload stat /dev/pts/0 + try-open /dev/tty rw + echo finished
	listen_console
	rt_ok create --bundle "$B" --console-socket "$SOCKET" "$ID"
	rt_ok start "$ID"
	wait_for "the output" grep -q finished "$C/console"
	read_console
	expect_match stat./dev/pts/0 "^c 136:0 06[0-9]0 1000:"
	expect open./dev/tty ok
}

test_console_terminal_needs_a_socket_when_detached()
{
	terminal_bundle
	payload sleep
	rt_fails "console|terminal|tty" create --bundle "$B" "$ID"
	no_state "$ID"
	rt_fails "console|terminal|tty" run --detach --bundle "$B" "$ID"
	no_state "$ID"
}

test_console_socket_without_terminal()
{
	unlike crun : "ignores it"
	bundle
	payload sleep
	listen_console
	rt_fails "console|terminal" create --bundle "$B" --console-socket "$SOCKET" "$ID"
	no_state "$ID"
}

test_console_socket_missing()
{
	terminal_bundle
	payload sleep
	rt_fails "nowhere|no such file|connect|socket" create --bundle "$B" --console-socket "$C/nowhere" "$ID"
	no_state "$ID"
}

test_console_socket_path_too_long()
{
	terminal_bundle
	payload sleep
	rt_fails "." create --bundle "$B" --console-socket "$C/$(printf '%0200d' 1)" "$ID"
	no_state "$ID"
}

# Long paths work all the same when they lead somewhere: the bundle may lie deep.
test_console_socket_in_a_deep_directory()
{
	only runlet : "limits the path to 107 characters"
	terminal_bundle
	payload echo finished
	local deep
	deep=$C/$(printf '%0100d' 1)
	mkdir "$deep"
	listen_console
	mv "$SOCKET" "$deep/s"
	rt_ok create --bundle "$B" --console-socket "$deep/s" "$ID"
	rt_ok start "$ID"
	wait_for "the output" grep -q finished "$C/console"
}

test_console_run_on_a_terminal()
{
	unlike crun : "does not copy the size"
	terminal_bundle
	payload report tty + echo finished
	WRAP=("$PROGRAMS/host" pty 77x33 "${BASE_WRAP[@]}")
	run_ok
	OUT=$(tr -d '\r' <<<"$OUT")
	expect tty 111
	expect tty.control 1
	expect tty.size 77x33
}

test_console_run_on_a_terminal_gives_the_exit_status()
{
	terminal_bundle
	payload exit 9
	WRAP=("$PROGRAMS/host" pty 80x24 "${BASE_WRAP[@]}")
	rt run --bundle "$B" "$ID"
	equal "exit status" 9 "$RC"
}

test_console_run_without_terminal_on_one()
{
	bundle
	payload report tty
	WRAP=("$PROGRAMS/host" pty 80x24 "${BASE_WRAP[@]}")
	run_ok
	OUT=$(tr -d '\r' <<<"$OUT")
	expect tty.control 0
}

test_console_exec()
{
	sleeper
	listen_console
	rt_ok exec --tty --detach --console-socket "$SOCKET" "$ID" /payload report tty + echo finished
	wait_for "the output" grep -q finished "$C/console"
	read_console
	expect tty 111
	expect tty.control 1
}

test_console_exec_process_file()
{
	sleeper
	jq -n '{terminal: true, consoleSize: {width: 60, height: 20}, cwd: "/", env: [],
		user: {uid: 0, gid: 0}, args: ["/payload", "report", "tty", "+", "echo", "finished"]}' \
		>"$C/process.json"
	listen_console
	rt_ok exec --process "$C/process.json" --detach --console-socket "$SOCKET" "$ID"
	wait_for "the output" grep -q finished "$C/console"
	read_console
	expect tty 111
	unlike crun runc : "sets the size of the first terminal only"
	expect tty.size 60x20
}

test_console_exec_on_a_terminal()
{
	sleeper
	WRAP=("$PROGRAMS/host" pty 66x22 "${BASE_WRAP[@]}")
	rt_ok exec --tty "$ID" /payload report tty
	OUT=$(tr -d '\r' <<<"$OUT")
	expect tty 111
	expect tty.size 66x22
}

test_console_pidfd_socket()
{
	unlike crun runc : "older than the option"
	bundle
	payload sleep
	"$PROGRAMS/host" pidfd "$C/pidfd.sock" >"$C/pidfd" &
	echo $! >>"$C/helpers"
	wait_for "the listener" test -S "$C/pidfd.sock"
	rt_ok create --bundle "$B" --pidfd-socket "$C/pidfd.sock" "$ID"
	wait_for "the pidfd" grep -q pidfd= "$C/pidfd"
	equal "process of the pidfd" "pidfd=$(init_pid)" "$(cat "$C/pidfd")"
}
