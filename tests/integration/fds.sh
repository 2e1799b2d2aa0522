# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Which descriptors the program gets: its three streams, and what was asked for; nothing else.

test_fds_only_three()
{
	bundle
	payload report fds
	run_ok
	equal "descriptors" "0 1 2" "$(sed -n 's/^fd\.\([0-9]*\)=.*/\1/p' <<<"$OUT" | xargs)"
}

test_fds_of_the_caller_are_not_passed()
{
	bundle
	payload report fds
	WRAP+=("$PROGRAMS/host" with-fds 3 20 /)
	run_ok
	equal "descriptors" "0 1 2" "$(sed -n 's/^fd\.\([0-9]*\)=.*/\1/p' <<<"$OUT" | xargs)"
	WRAP=("${BASE_WRAP[@]}" "$PROGRAMS/host" with-fds 900 5 /)
	run_ok
	equal "descriptors" "0 1 2" "$(sed -n 's/^fd\.\([0-9]*\)=.*/\1/p' <<<"$OUT" | xargs)"
}

test_fds_of_the_caller_are_not_passed_by_create_and_exec()
{
	bundle
	payload report fds + sleep
	WRAP+=("$PROGRAMS/host" with-fds 3 20 /)
	start_ok
	wait_for "the report" grep -q ^fd.2 "$COUT"
	OUT=$(cat "$COUT")
	equal "descriptors" "0 1 2" "$(sed -n 's/^fd\.\([0-9]*\)=.*/\1/p' <<<"$OUT" | xargs)"
	exec_ok report fds
	equal "descriptors of exec" "0 1 2" "$(sed -n 's/^fd\.\([0-9]*\)=.*/\1/p' <<<"$OUT" | xargs)"
}

test_fds_preserve()
{
	bundle
	echo text >"$C/file"
	payload report fds
	WRAP+=("$PROGRAMS/host" with-fds 3 5 "$C/file")
	rt_ok run --preserve-fds 2 --bundle "$B" "$ID"
	equal "descriptors" "0 1 2 3 4" "$(sed -n 's/^fd\.\([0-9]*\)=.*/\1/p' <<<"$OUT" | xargs)"
	rt_ok run --preserve-fds 5 --bundle "$B" "$ID"
	equal "descriptors" "0 1 2 3 4 5 6 7" "$(sed -n 's/^fd\.\([0-9]*\)=.*/\1/p' <<<"$OUT" | xargs)"
}

test_fds_preserve_survives_create()
{
	bundle
	echo text >"$C/file"
	payload report fds + sleep
	WRAP+=("$PROGRAMS/host" with-fds 3 2 "$C/file")
	rt_ok create --preserve-fds 2 --bundle "$B" "$ID"
	WRAP=("${BASE_WRAP[@]}")
	rt_ok start "$ID"
	wait_for "the report" grep -q ^fd.4 "$COUT"
	OUT=$(cat "$COUT")
	equal "descriptors" "0 1 2 3 4" "$(sed -n 's/^fd\.\([0-9]*\)=.*/\1/p' <<<"$OUT" | xargs)"
}

test_fds_preserve_in_exec()
{
	sleeper
	echo text >"$C/file"
	WRAP+=("$PROGRAMS/host" with-fds 3 5 "$C/file")
	rt_ok exec --preserve-fds 1 "$ID" /payload report fds
	equal "descriptors" "0 1 2 3" "$(sed -n 's/^fd\.\([0-9]*\)=.*/\1/p' <<<"$OUT" | xargs)"
}

test_fds_preserve_more_than_there_are()
{
	unlike crun : "does not look"
	bundle
	payload report fds
	rt_fails "preserve|descriptor|fd" run --preserve-fds 7 --bundle "$B" "$ID"
	no_state "$ID"
}

test_fds_preserve_nonsense()
{
	local number
	bundle
	unlike crun runc : "read what they can of the number"
	for number in -1 x 1x 99999999999999999999 4294967296 ""; do
		rt run --preserve-fds "$number" --bundle "$B" "$ID"
		[ "$RC" != 0 ] || fail "--preserve-fds '$number' was accepted"
	done
}

test_fds_socket_activation()
{
	unlike crun : "does not tell the program"
	bundle
	payload listen-fds
	WRAP+=("$PROGRAMS/host" listen 2)
	run_ok
	expect listen.fds 2
	expect_match listen.pid '^(self|1)$'
	equal "descriptors" "0 1 2 3 4" "$(sed -n 's/^fd\.\([0-9]*\)=.*/\1/p' <<<"$OUT" | xargs)"
	expect_match fd.3 "^socket:"
	expect_match fd.4 "^socket:"
}

test_fds_socket_activation_names()
{
	unlike runc crun : "pass no names in this version"
	bundle
	payload listen-fds
	WRAP+=("$PROGRAMS/host" listen 1)
	run_ok
	expect listen.names test
}

test_fds_socket_activation_and_preserve()
{
	unlike crun : "does not tell the program"
	bundle
	echo text >"$C/file"
	payload listen-fds
	WRAP+=("$PROGRAMS/host" with-fds 3 3 "$C/file" "$PROGRAMS/host" listen 1)
	rt_ok run --preserve-fds 1 --bundle "$B" "$ID"
	expect listen.fds 1
	equal "descriptors" "0 1 2 3 4" "$(sed -n 's/^fd\.\([0-9]*\)=.*/\1/p' <<<"$OUT" | xargs)"
	expect_match fd.3 "^socket:"
}

test_fds_no_socket_activation_without_listen_fds()
{
	bundle
	payload listen-fds report env
	run_ok
	expect listen.fds ""
	expect listen.pid ""
}

test_fds_notify_socket()
{
	bundle
	payload notify READY=1 + sleep 0.3
	export NOTIFY_SOCKET=$C/notify.sock
	"$PROGRAMS/host" notify "$NOTIFY_SOCKET" 9 >"$C/notified" &
	echo $! >>"$C/helpers"
	wait_for "the listener" test -S "$NOTIFY_SOCKET"
	run_ok
	expect notify ok
	wait_for "the message" grep -q "notify=READY=1" "$C/notified"
}

test_fds_notify_socket_detached()
{
	bundle
	payload notify READY=1 + sleep
	export NOTIFY_SOCKET=$C/notify.sock
	"$PROGRAMS/host" notify "$NOTIFY_SOCKET" 9 >"$C/notified" &
	echo $! >>"$C/helpers"
	wait_for "the listener" test -S "$NOTIFY_SOCKET"
	start_ok
	wait_for "the message" grep -q "notify=READY=1" "$C/notified"
}

test_fds_none_of_the_runtime_is_visible_in_proc()
{
	bundle
	payload ls /proc/self/fd + report fds
	run_ok
	# 0, 1, 2 and the directory itself
	expect ls./proc/self/fd 4
}

test_fds_closed_streams_of_the_caller()
{
	bundle
	payload report fds + exit 3
	WRAP+=(sh -c 'exec "$@" 0<&- 2>&-' sh)
	rt run --bundle "$B" "$ID"
	# With fewer than three streams nothing of the runtime may end up as one of them.
	no_match "descriptors" "$(grep '^fd\.[0-9]*=' <<<"$OUT")" "rootfs|config|state|cgroup|pivot"
}
