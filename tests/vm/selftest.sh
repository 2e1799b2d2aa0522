#!/bin/bash
# Does the rig do what it promises? Boots it about twenty-five times: some minutes.
# With --short twice: an exit status, output, and that the machine is what the suites need.
# Prints a line for each case, and at the end "N passed, N failed, N skipped".
set -u

here=$(dirname -- "$(realpath -- "$0")")
repository=$(dirname -- "$(dirname -- "$here")")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/rig-selftest.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
mkdir "$scratch/tmp" "$scratch/share"
passed=0 failed=0 skipped=0

# count: echo the lines of cases that come in, and count them
count() {
	local line
	while IFS= read -r line; do
		echo "$line"
		case $line in
		'ok '*) passed=$((passed + 1)) ;;
		'not ok '*) failed=$((failed + 1)) ;;
		'skip '*) skipped=$((skipped + 1)) ;;
		esac
	done
}

# check NAME CMD...: a case; on failure, what rig said on stderr
check() {
	local name=$1
	shift
	if "$@"; then
		count <<<"ok $name"
	else
		count <<<"not ok $name"
		sed 's/^/# /' "$scratch/err"
	fi
}

# rig ARG...: its output in scratch/out and scratch/err. All it starts has a TMPDIR by which it can be found
rig() { TMPDIR=$scratch/tmp "$here/rig" "$@" >"$scratch/out" 2>"$scratch/err"; }

# gives STATUS ARG...: rig ends with this status and leaves nothing behind
gives() {
	local want=$1 rc
	shift
	rig "$@"
	rc=$?
	[[ $rc -eq $want ]] || echo "status $rc instead of $want" >>"$scratch/err"
	nothing_left && [[ $rc -eq $want ]]
}

# nothing_left: neither a file nor a process
nothing_left() {
	local left
	left=$(
		find "$scratch/tmp" -mindepth 1
		grep -lzsxF "TMPDIR=$scratch/tmp" /proc/[0-9]*/environ
	)
	[[ -z $left ]] && return
	echo "left behind: $left" >>"$scratch/err"
	return 1
}

out_is() { [[ $(<"$scratch/out") = "$1" ]]; }
err_has() { grep -q -e "$1" "$scratch/err"; }

# interrupted SIGNAL STATUS: while the machine runs a command
interrupted() {
	local rc i
	: >"$scratch/out"
	# In the background a shell ignores SIGINT, and so would all it starts.
	TMPDIR=$scratch/tmp env --default-signal=INT "$here/rig" run --bare -- sh -c 'echo up; sleep 1000' >"$scratch/out" 2>"$scratch/err" &
	for ((i = 0; i < 600; i++)); do
		[[ ! -s $scratch/out ]] || break
		sleep .1
	done
	kill -s "$1" $!
	wait $! 2>/dev/null
	rc=$?
	[[ $rc -eq $2 ]] || echo "status $rc instead of $2" >>"$scratch/err"
	nothing_left && [[ $rc -eq $2 ]]
}

# killed: what SIGKILL leaves is for the next rig to sweep away, but no process
killed() {
	interrupted KILL 137
	sleep 1
	! grep -lzsxF "TMPDIR=$scratch/tmp" /proc/[0-9]*/environ || return
	touch -d '1 hour ago' "$scratch"/tmp/*
	gives 0 run --bare -- true
}

reader_gone() {
	TMPDIR=$scratch/tmp "$here/rig" run --bare -- yes 2>"$scratch/err" | head -n 1 >"$scratch/out"
	[[ ${PIPESTATUS[0]} -eq 141 ]] && out_is y && nothing_left
}

# inside SECTION OPTION...: the cases of selftest-inside.sh, in one boot
inside() {
	local section=$1
	shift
	rig run --timeout 120 "$@" -- bash /src/tests/vm/selftest-inside.sh "$section" "$repository"
	local rc=$?
	count <"$scratch/out"
	check "$section: the section ran to its end" test "$rc" -eq 0
}

finish() {
	check "nothing is left behind" nothing_left
	echo "$passed passed, $failed failed, $skipped skipped"
	[[ $failed -eq 0 ]]
}

if [[ ${1-} = --short ]]; then
	check "status 42" gives 42 run --bare -- sh -c 'echo before; exit 42'
	check "status 42: what came before is there" out_is before
	inside systemd
	finish
	exit
fi

check "help" gives 0 help
check "bad usage is 2" gives 2 run --nonsense -- true
check "setup" gives 0 setup
check "setup finds its image again" gives 0 setup
check "setup finds its image again: says so" err_has 'up to date'

check "status 0" gives 0 run --bare -- true
check "status 1" gives 1 run --bare -- false
check "status 42, with systemd" gives 42 run -- sh -c 'exit 42'
check "status 42, as a user" gives 42 run --user -- sh -c 'exit 42'
# shellcheck disable=SC2016 # for the shell inside
check "killed by a signal" gives 137 run --bare -- sh -c 'kill -KILL $$'
check "no such command" gives 127 run --bare -- /nonexistent

check "arguments arrive" gives 0 run --bare -- printf '%s|' 'a b' "it's" '' $'two\nlines' '*'
check "arguments arrive: as they were" out_is "a b|it's||"$'two\nlines'"|*|"

head -c 1000000 /dev/urandom >"$scratch/share/megabyte"
check "1 MB of output" gives 3 run --bare -p "$scratch/share" -- sh -c 'cat megabyte; echo apart >&2; touch made; exit 3'
check "1 MB of output: intact" cmp -s "$scratch/share/megabyte" "$scratch/out"
check "stderr is apart from stdout" test "$(<"$scratch/err")" = apart
check "what is made in /src is there outside" test -e "$scratch/share/made"

# shellcheck disable=SC2016
printf '#!/bin/sh\necho "ok $1"\necho "not ok b"\necho "skip c - why"\necho "# ok d"\n' >"$scratch/share/suite"
chmod +x "$scratch/share/suite"
check "suite fails with a case" gives 1 suite --bare -p "$scratch/share" "$scratch/share/suite" a
check "suite counts cases" test "$(tail -n 1 "$scratch/out")" = "1 passed, 1 failed, 1 skipped"

check "time-out is 124" gives 124 run --bare --timeout 2 -- sh -c 'echo before; sleep 1000'
check "time-out: what came before is there" out_is before
check "kernel panic is 125" gives 125 run --bare -- sh -c 'echo c >/proc/sysrq-trigger'
check "kernel panic: says so" err_has 'rig: .*panicked: sysrq triggered crash'
check "kernel panic: shows the console" err_has '| .*Kernel panic'
check "a machine gone down is 125" gives 125 run --bare -- reboot -f
check "a machine gone down: says so" err_has 'rig: .*went down before the command ended'
RUNLET_RIG_APPEND=init=/bin/cat RUNLET_RIG_BOOT_TIMEOUT=10 check "a boot that hangs is 125" gives 125 run -- true
check "a boot that hangs: says so" err_has 'rig: .*did not boot in 10 s'
RUNLET_RIG_QEMU=-nonsense check "no QEMU is 125" gives 125 run -- true

check "SIGINT" interrupted INT 130
check "SIGTERM" interrupted TERM 143
check "SIGHUP" interrupted HUP 129
check "SIGKILL" killed
check "nobody reads the output" reader_gone

inside systemd
inside user --user
inside bare --bare
inside bare-user --bare --user
inside nested --nested
inside nested-user --nested --user

finish
