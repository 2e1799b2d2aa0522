# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The harness: bundles, calls of the runtime, comparisons, and the check after every case that the
# host is as it was before. tests/integration/run sources this file, then the themes.
#
# A case is a function test_THEME_WHAT. It runs in a subshell of its own and ends with success, or
# with `fail WHY` or `skip WHY`; what it puts into $C/say is said after its line. It finds these variables:
#
#   C      its scratch directory       B      its bundle (after `bundle`)
#   ID     a container name            CG     a cgroupsPath that nobody else uses
#   STATE  the runtime's --root        KIND   runlet, crun or runc
#
# and after each call of the runtime: RC, OUT and ERR.

# ----------------------------------------------------------------------------- outcome of a case

fail()
{
	printf '%s' "$*" >"$C/why"
	exit 1
}

skip()
{
	printf '%s' "$*" >"$C/why"
	exit 77
}

# only KIND... : WHY   the case is about something that only these runtimes have or do
only()
{
	local kind
	while [ "$1" != : ]; do
		kind=$1
		[ "$KIND" = "$kind" ] && return 0
		shift
	done
	shift
	skip "$KIND: $*"
}

# unlike KIND... : WHY   these runtimes are known to do it differently
unlike()
{
	while [ "$1" != : ]; do
		[ "$KIND" = "$1" ] && shift && {
			while [ "$1" != : ]; do shift; done
			shift
			skip "$KIND: $*"
		}
		shift
	done
}

# feature NAME   something that a runtime may lack; RUNLET_FEATURES lists what this one has
feature()
{
	[ -z "${RUNLET_FEATURES:-}" ] && return 0
	case " $RUNLET_FEATURES " in
	*" $1 "*) ;;
	*) skip "$KIND was built without $1" ;;
	esac
}

# need_call NAME   a system call without which the case cannot work at all
need_call()
{
	case ",$ENOSYS," in
	*",$1,"*) skip "$1 is switched off" ;;
	esac
}

need_root()
{
	[ "$(id -u)" = 0 ] || skip "needs root"
}

need_program()
{
	command -v "$1" >/dev/null || skip "needs $1"
}

# -------------------------------------------------------------------------------------- bundles

# Makes $B (or the directory named) with a root that holds nothing but the payload.
bundle()
{
	settle
	B=${1:-$C/bundle}
	mkdir -p "$B/rootfs"/{proc,dev,sys,etc,tmp,bin}
	chmod 1777 "$B/rootfs/tmp"
	cp "$PROGRAMS/payload" "$B/rootfs/payload"
	CONF_FROM=$HERE/base.json CONF_TO=$B/config.json
	conf '.linux.cgroupsPath = $cg' --arg cg "$CG"
	[ "$CGROUPS" = yes ] || conf 'del(.linux.cgroupsPath, .linux.resources)'
	[ "$(id -u)" = 0 ] || in_user_namespace
}

# What a user without privilege can run: a user namespace with the one id that is certain.
in_user_namespace()
{
	conf '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: $u, size: 1}]
		| .linux.gidMappings = [{containerID: 0, hostID: $g, size: 1}]
		| .mounts |= map(if .destination == "/dev/pts" then .options -= ["gid=5"] else . end)' \
		--argjson u "$(id -u)" --argjson g "$(id -g)"
}

# conf FILTER [--arg NAME TEXT | --argjson NAME JSON | --args WORD...]...   changes $B/config.json
#
# The filters are collected and applied at once, by `settle`: jq takes longer to start than a container.
CONF=
CONF_FROM=
CONF_TO=

conf()
{
	local filter=$1 words=
	shift
	[ "$CONF_TO" = "$B/config.json" ] || {
		settle
		CONF_FROM=$B/config.json CONF_TO=$B/config.json
	}
	while [ $# -gt 0 ]; do
		case $1 in
		--arg)
			filter="$(json_string "$3") as \$$2 | $filter"
			shift 3
			;;
		--argjson)
			filter="$3 as \$$2 | $filter"
			shift 3
			;;
		--args)
			shift
			[ "$1" != -- ] || shift
			while [ $# -gt 0 ]; do
				words+="${words:+, }$(json_string "$1")"
				shift
			done
			filter="{positional: [$words]} as \$ARGS | $filter"
			;;
		*) fail "conf: $1" ;;
		esac
	done
	CONF+="${CONF:+ | }($filter
)"
}

json_string()
{
	local text=${1//\\/\\\\}
	text=${text//\"/\\\"}
	printf '"%s"' "${text//$'\n'/\\n}"
}

# Writes what `conf` has collected. Whatever calls the runtime does so by itself; to be called
# before the file is touched in another way.
settle()
{
	[ -n "$CONF" ] || return 0
	local new=$CONF_TO.$BASHPID # of several at once each has its own
	jq "$CONF" "$CONF_FROM" >"$new" || fail "jq: $CONF"
	mv "$new" "$CONF_TO"
	CONF='' CONF_FROM=$CONF_TO
}

# No pid namespace of its own. Without privilege its /proc can then only be the host's.
host_pids()
{
	conf '.linux.namespaces |= map(select(.type != "pid"))'
	[ "$(id -u)" = 0 ] || conf '.mounts |= map(if .destination == "/proc" then
		{destination: "/proc", type: "none", source: "/proc", options: ["rbind"]} else . end)'
}

# payload WORD...   what the container runs
payload()
{
	conf '.process.args = ["/payload"] + $ARGS.positional' --args -- "$@"
}

# ----------------------------------------------------------------------- calls of the runtime

CALLS=0

# rt WORD...   calls the runtime with --root; a container made by the call writes to $COUT
rt()
{
	settle
	CALLS=$((CALLS + 1))
	local out=$C/out.$BASHPID.$CALLS err=$C/err.$BASHPID.$CALLS
	case " $* " in
	*" create "* | *" --detach "* | *" -d "*) COUT=$out ;;
	esac
	timeout --foreground -k 5 "${PATIENCE:-20}" "${WRAP[@]}" "$RUNTIME" "${GLOBALS[@]}" "$@" \
		>"$out" 2>"$err" <"${INPUT:-/dev/null}"
	RC=$?
	{
		OUT=$(<"$out")
		ERR=$(<"$err")
	} 2>/dev/null # of bytes that are zero, which a variable cannot hold
	printf '%s\n' "+ $*   -> $RC" "$ERR" >>"$C/calls"
	[ "$RC" != 124 ] || fail "hangs: $*"
}

rt_ok()
{
	rt "$@"
	[ "$RC" = 0 ] || fail "'$*' gave $RC: ${ERR:-$OUT}"
}

# rt_fails REGEX WORD...   must fail and say why
rt_fails()
{
	local regex=$1
	shift
	rt "$@"
	[ "$RC" != 0 ] || fail "'$*' succeeded"
	[ "$RC" -lt 128 ] || [ "$RC" -ge 253 ] || fail "'$*' crashed with $RC: $ERR"
	match "error text of '$1'" "$ERR" "$regex"
}

# Runs $B as $ID in the foreground.
run_ok()
{
	rt_ok run "$@" --bundle "$B" "$ID"
}

run_status()
{
	rt run --bundle "$B" "$ID"
	[ "$RC" = "$1" ] || fail "run gave $RC instead of $1: $ERR"
}

# The container must be refused, with an error that matches, and leave nothing behind.
run_fails()
{
	rt_fails "$1" run --bundle "$B" "$ID"
	no_state "$ID"
}

# A container that runs in the background; `payload` said what it does.
start_ok()
{
	rt_ok create --bundle "$B" "$@" "$ID"
	rt_ok start "$ID"
}

# A started container whose first process waits to be told to end.
sleeper()
{
	bundle
	payload write /tmp/ready yes + sleep
	[ $# = 0 ] || conf "$1"
	start_ok
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
}

# A running container with these resources.
limited()
{
	sleeper ".linux.resources |= (. // {}) + $1"
}

# exec_ok WORD...   runs the payload a second time inside $ID
exec_ok()
{
	rt_ok exec "$ID" /payload "$@"
}

status()
{
	state_member status '"([a-z]*)"' "$@"
}

init_pid()
{
	state_member pid '([0-9]*)' "$@"
}

# state_member NAME REGEX [ID]
state_member()
{
	local state
	state=$("${WRAP[@]}" "$RUNTIME" "${GLOBALS[@]}" state "${3:-$ID}" 2>/dev/null)
	[[ ! $state =~ \"$1\":\ *$2 ]] || echo "${BASH_REMATCH[1]}"
}

# Starts a program of the host's side that must not outlive the case.
helper()
{
	"$@" &
	echo $! >>"$C/helpers"
}

wait_for()
{
	local what=$1 tries=0
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 500 ] || fail "waited in vain for $what"
		sleep 0.02
	done
}

is_status()
{
	[ "$(status "${2:-$ID}")" = "$1" ]
}

wait_status()
{
	wait_for "status $1 (it is $(status))" is_status "$1"
}

# What a runtime says about a container that it does not know.
unknown_words()
{
	case $KIND in
	crun) echo "does not exist|No such file or directory" ;;
	*) echo "does not exist" ;;
	esac
}

# ---------------------------------------------------------------------------------- comparisons

# got KEY   the values of the key in the payload's report, one a line
got()
{
	local line
	while IFS= read -r line; do
		case $line in
		"$1="*) printf '%s\n' "${line#"$1="}" ;;
		esac
	done <<<"$OUT"
}

equal()
{
	[ "$2" = "$3" ] || fail "$1 is '$3', not '$2'"
}

differ()
{
	[ "$2" != "$3" ] || fail "$1 is '$3', and must not be"
}

# match WHAT TEXT REGEX   an extended regular expression, in any case
match()
{
	has_line "$2" "$3" || fail "$1 is '$2', which does not match '$3'"
}

no_match()
{
	! has_line "$2" "$3" || fail "$1 is '$2', which matches '$3'"
}

# has_line TEXT REGEX   what grep -i would say, without a process
has_line()
{
	local line found=1
	shopt -s nocasematch
	while IFS= read -r line; do
		[[ $line =~ $2 ]] && found=0 && break
	done <<<"$1"
	shopt -u nocasematch
	return $found
}

# expect KEY VALUE   in the payload's report
expect()
{
	equal "$1" "$2" "$(got "$1")"
}

expect_match()
{
	match "$1" "$(got "$1")" "$2"
}

# expect_mount DESTINATION REGEX   matches "TYPE OPTIONS SUPER SOURCE ROOT PROPAGATION"
expect_mount()
{
	local line
	line=$(got mount | awk -v d="$1" '$1 == d' | tail -n 1)
	[ -n "$line" ] || fail "$1 is not a mount"
	match "mount $1" "${line#* }" "$2"
}

no_mount()
{
	[ -z "$(got mount | awk -v d="$1" '$1 == d')" ] || fail "$1 is a mount"
}

# capmask NAME...   the set as the kernel writes it
capmask()
{
	local name mask=0 number
	for name in "$@"; do
		case $name in
		CAP_CHOWN) number=0 ;;
		CAP_DAC_OVERRIDE) number=1 ;;
		CAP_FOWNER) number=3 ;;
		CAP_KILL) number=5 ;;
		CAP_SETGID) number=6 ;;
		CAP_SETUID) number=7 ;;
		CAP_NET_BIND_SERVICE) number=10 ;;
		CAP_NET_ADMIN) number=12 ;;
		CAP_NET_RAW) number=13 ;;
		CAP_SYS_CHROOT) number=18 ;;
		CAP_SYS_PTRACE) number=19 ;;
		CAP_SYS_ADMIN) number=21 ;;
		CAP_MKNOD) number=27 ;;
		CAP_AUDIT_WRITE) number=29 ;;
		*) fail "capmask: $name" ;;
		esac
		mask=$((mask | 1 << number))
	done
	printf '%016x' "$mask"
}

no_state()
{
	[ ! -e "$STATE/$1" ] || fail "state of $1 was left: $(ls -A "$STATE/$1")"
}

exists()
{
	[ -e "$1" ] || [ -L "$1" ] || fail "$1 does not exist"
}

missing()
{
	if [ -e "$1" ] || [ -L "$1" ]; then fail "$1 exists"; fi
}

# -------------------------------------------------------------------------------------- cgroups

# cgdir CONTROLLER [PATH]   where the container's cgroup of this controller is on this host
cgdir()
{
	local path=${2:-$CG}
	case $LAYOUT in
	v2) echo "/sys/fs/cgroup$path" ;;
	*) echo "/sys/fs/cgroup/$1$path" ;;
	esac
}

# cgvalue CONTROLLER FILE   the value there, as one line
cgvalue()
{
	tr '\n' ' ' <"$(cgdir "$1")/$2" | sed 's/ $//'
}

# need_controller NAME   version 2 has a program for devices, and a freezer in every cgroup
need_controller()
{
	case $LAYOUT:$1 in
	v1:* | hybrid:*) [ -d "/sys/fs/cgroup/$1" ] || skip "no $1 controller here" ;;
	v2:freezer | v2:devices) ;;
	v2:*) [[ " $CONTROLLERS " = *" $1 "* ]] || skip "no $1 controller here" ;;
	*) skip "no cgroups here" ;;
	esac
	[ "$CGROUPS" = yes ] || skip "cgroups are not ours to change"
}

# need_v1 [CONTROLLER]   for cases that look at files of version 1
need_v1()
{
	case $LAYOUT in
	v1 | hybrid) ;;
	*) skip "cgroup v1 only" ;;
	esac
	need_controller "${1:-memory}"
}

# need_v2 [CONTROLLER]   for cases that look at files of version 2
need_v2()
{
	[ "$LAYOUT" = v2 ] || skip "pure cgroup v2 only"
	need_controller "${1:-freezer}"
}

# expect_cgroup REGEX   what follows the hierarchy's name in the payload's /proc/self/cgroup
expect_cgroup()
{
	if [ "$LAYOUT" = v2 ]; then
		match "cgroups" "$(got cgroup)" "^0::$1"
	else
		match "cgroups" "$(got cgroup)" ":memory:$1"
	fi
}

# freeze DIRECTORY 1|0   by hand
freeze()
{
	if [ "$LAYOUT" = v2 ]; then
		echo "$2" >"$1/cgroup.freeze"
	elif [ "$2" = 1 ]; then
		echo FROZEN >"$1/freezer.state"
	else
		echo THAWED >"$1/freezer.state"
	fi
}

# Every directory of the host that is the cgroup PATH in some hierarchy.
cgroup_dirs()
{
	local dir
	for dir in /sys/fs/cgroup"$1" /sys/fs/cgroup/*"$1" "$WORK/v2$1"; do
		case $dir in
		/sys/fs/cgroup/unified/*) [ -z "$UNIFIED_HIDDEN" ] || continue ;;
		esac
		[ ! -d "$dir" ] || echo "$dir"
	done
}

# ---------------------------------------------------------------------- before and after a case

# Children of the reaper that are not the suite itself: whatever a case left running.
leftovers()
{
	local pid children=
	read -r children <"/proc/$REAPER/task/$REAPER/children" 2>/dev/null || true
	for pid in $children; do
		[ "$pid" = "$SUITE" ] || echo "$pid"
	done
}

mount_points()
{
	local line
	while read -r _ _ _ _ line _; do
		echo "$line"
	done </proc/self/mountinfo
}

prepare_case()
{
	SERIAL=$((SERIAL + 1))
	C=$WORK/$SERIAL
	STATE=$C/state
	ID=rl-$SUITE-$SERIAL
	CG=$CGROUP_BASE/c$SERIAL
	GLOBALS=(--root "$STATE" "${BASE_GLOBALS[@]}")
	WRAP=("${BASE_WRAP[@]}")
	mkdir -p "$STATE"
	MOUNTS_BEFORE=$(mount_points)
}

kill_helpers()
{
	local pid
	[ -f "$C/helpers" ] || return 0
	while read -r pid; do
		kill -KILL "$pid" 2>/dev/null
	done <"$C/helpers"
}

delete_containers()
{
	local dir id
	[ ! -f "$C/wrap" ] || mapfile -t WRAP <"$C/wrap"
	for dir in "$STATE"/* "$C"/state-*/*; do
		[ -d "$dir" ] || continue
		id=${dir##*/}
		timeout -k 5 20 "${WRAP[@]}" "$RUNTIME" --root "${dir%/*}" "${BASE_GLOBALS[@]}" delete --force "$id" \
			>>"$C/calls" 2>&1 || echo "delete --force $id failed"
		[ ! -e "$dir" ] || echo "state of $id was left"
	done
}

check_processes()
{
	local tries=0 pid
	while [ -n "$(leftovers)" ] && [ $tries -lt 100 ]; do
		tries=$((tries + 1))
		sleep 0.02
	done
	for pid in $(leftovers); do
		echo "process $pid ($(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)) was left"
		kill -KILL "$pid"
	done
}

check_cgroups()
{
	local dir
	for dir in $(cgroup_dirs "$CG"); do
		# A runtime may be unable to remove what a case put there itself.
		[ -f "$C/own-cgroups" ] || echo "cgroup $dir was left"
		thaw_and_kill "$dir"
		find "$dir" -depth -type d -exec rmdir {} \; 2>/dev/null
	done
}

# Only below our own directory: the caller made sure of it.
thaw_and_kill()
{
	local pid
	[ ! -e "$1/freezer.state" ] || echo THAWED >"$1/freezer.state"
	[ ! -e "$1/cgroup.freeze" ] || echo 0 >"$1/cgroup.freeze"
	[ ! -e "$1/cgroup.kill" ] || echo 1 >"$1/cgroup.kill"
	find "$1" -name cgroup.procs -exec cat {} + 2>/dev/null | while read -r pid; do
		[ "$pid" = 0 ] || kill -KILL "$pid" 2>/dev/null
	done
	sleep 0.05
}

check_mounts()
{
	local now
	now=$(mount_points)
	[ "$now" != "$MOUNTS_BEFORE" ] || return 0
	echo "mounts were left: $(comm -13 <(sort <<<"$MOUNTS_BEFORE") <(sort <<<"$now") | tr '\n' ' ')"
	mount_points | grep "^$C/" | sort -r | while read -r point; do
		umount -l "$point"
	done
}

# Puts everything back and says what the runtime should have put back itself.
finish_case()
{
	kill_helpers
	delete_containers
	check_processes
	check_cgroups
	check_mounts
}

PASSED=0
FAILED=0
SKIPPED=0

run_case()
{
	local name=$1 result why leaks
	prepare_case
	(
		set +e
		trap - EXIT INT TERM
		"$name"
	) </dev/null >>"$C/calls" 2>&1
	result=$?
	why=
	[ ! -f "$C/why" ] || why=$(<"$C/why")
	why=${why:0:600}
	why=${why//$'\n'/ }
	[ $result = 0 ] || [ -n "$why" ] || why="the case itself ended with $result: $(tail -n 1 "$C/calls")"
	leaks=$(finish_case 2>/dev/null)
	leaks=${leaks//$'\n'/;}
	[ -z "$leaks" ] || [ $result = 1 ] || {
		result=1
		why="afterwards: $leaks"
	}
	say_case "${name#test_}" "$result" "$why"
	[ ! -s "$C/say" ] || cat "$C/say"
	[ -n "$KEEP" ] || rm -rf --one-file-system "$C"
}

say_case()
{
	case $2 in
	0)
		PASSED=$((PASSED + 1))
		echo "ok $1"
		;;
	77)
		SKIPPED=$((SKIPPED + 1))
		echo "skip $1 - $3"
		;;
	*)
		FAILED=$((FAILED + 1))
		echo "not ok $1 - $3"
		;;
	esac
}

# Runs the cases of a theme in the order of its file.
run_theme()
{
	local name names
	# shellcheck disable=SC1090
	. "$HERE/$1.sh"
	declare -F "begin_$1" >/dev/null && "begin_$1"
	mapfile -t names < <(sed -n 's/^\(test_[a-z0-9_]*\)().*/\1/p' "$HERE/$1.sh")
	for name in "${names[@]}"; do
		[[ ${name#test_} =~ $FILTER ]] || continue
		run_case "$name"
	done
	declare -F "end_$1" >/dev/null && "end_$1"
}
