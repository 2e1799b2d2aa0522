# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Before and after the whole suite: what kind of host and runtime this is, and what was left.

find_kind()
{
	case $("$RUNTIME" --version 2>/dev/null | head -n 1) in
	"crun version"*) KIND=crun ;;
	"runc version"*) KIND=runc ;;
	*) KIND=runlet ;;
	esac
}

# none, v1, hybrid (v1 with a cgroup2 mount beside it) or v2
find_layout()
{
	UNIFIED_HIDDEN=
	LAYOUT=none
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		LAYOUT=v2
	elif [ -d /sys/fs/cgroup/unified ]; then
		LAYOUT=hybrid
	elif [ -d /sys/fs/cgroup/memory ]; then
		LAYOUT=v1
	fi
}

# Where cgroups may be made: at the top for root, below the own cgroup for a user that systemd or
# an administrator has handed it to. A cgroup with processes in it cannot hand controllers on, so
# the suite moves to a child of it.
find_cgroups()
{
	CGROUPS=no
	CGROUP_BASE=/runlet-suite-$SUITE
	CONTROLLERS=
	[ "$LAYOUT" != none ] || return 0
	if [ "$(id -u)" = 0 ]; then
		CGROUPS=yes
		[ "$LAYOUT" != v2 ] || CONTROLLERS=$(cat /sys/fs/cgroup/cgroup.controllers)
		return
	fi
	[ "$LAYOUT" = v2 ] || return 0
	local own pid pids
	own=$(sed -n 's/^0:://p' /proc/self/cgroup)
	[ -w "/sys/fs/cgroup$own/cgroup.subtree_control" ] || return 0
	mkdir -p "/sys/fs/cgroup$own/suite" || return 0
	mapfile -t pids <"/sys/fs/cgroup$own/cgroup.procs"
	for pid in "${pids[@]}"; do
		echo "$pid" >"/sys/fs/cgroup$own/suite/cgroup.procs"
	done 2>/dev/null
	[ -z "$(cat "/sys/fs/cgroup$own/cgroup.procs")" ] || return 0
	CONTROLLERS=$(cat "/sys/fs/cgroup$own/cgroup.controllers")
	CGROUP_BASE=$own$CGROUP_BASE
	CGROUPS=yes
}

# crun does not start on a hybrid host whose cgroup2 mount has controllers; for it, and only in our
# mount namespace, an empty tmpfs hides that mount. What crun writes there is not looked at.
hide_unified_from_crun()
{
	[ "$KIND$LAYOUT" = crunhybrid ] || return 0
	mount -t tmpfs tmpfs /sys/fs/cgroup/unified
	UNIFIED_HIDDEN=1
	LAYOUT=v1
}

# What exists before and after outside of our own directories, by name.
host_snapshot()
{
	mount_points | sort
	# Others may work on this host at the same time: only names that contain our number are ours.
	find /run /tmp /dev/shm /var/tmp -maxdepth 3 -name "*$SUITE*" ! -path "$WORK*" 2>/dev/null |
		grep -E "(rl|test)-$SUITE" | sort
	cgroup_dirs "$CGROUP_BASE"
	find /sys/fs/cgroup -maxdepth 2 -name "rl-$SUITE*" 2>/dev/null
}

setup_suite()
{
	SUITE=$$
	REAPER=$PPID
	SERIAL=0
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/runlet-test-XXXXXX") || exit 2
	chmod 755 "$WORK"
	BASE_WRAP=()
	BASE_GLOBALS=()
	if [ -n "$ENOSYS" ]; then
		[ "$ENOSYS" != new ] || ENOSYS=$NEW_CALLS
		BASE_WRAP=("$PROGRAMS/enosys" "$ENOSYS")
	fi
	find_kind
	find_layout
	[ "$(id -u)" != 0 ] || hide_unified_from_crun
	find_cgroups
	[ "$CGROUPS" = yes ] || [ "$(id -u)" = 0 ] || [ "$KIND" = runc ] ||
		BASE_GLOBALS=(--cgroup-manager disabled)
	umask 022
	SNAPSHOT=$(host_snapshot)
}

remove_cgroup_base()
{
	local dir
	for dir in $(cgroup_dirs "$CGROUP_BASE") $(cgroup_dirs "${CGROUP_BASE%-ns}"); do
		thaw_and_kill "$dir"
		find "$dir" -depth -type d -exec rmdir {} \;
	done
}

teardown_suite()
{
	local now
	[ "$LAYOUT" = none ] || remove_cgroup_base 2>/dev/null
	now=$(host_snapshot)
	if [ "$now" = "$SNAPSHOT" ]; then
		say_case leaks 0 ""
	else
		say_case leaks 1 "the host changed: $(diff <(echo "$SNAPSHOT") <(echo "$now") | tr '\n' ' ')"
	fi
	if [ -n "$KEEP" ]; then
		echo "# the cases are in $WORK"
	else
		rm -rf --one-file-system "$WORK"
	fi
}
