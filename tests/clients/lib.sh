# shellcheck shell=bash disable=SC2034 # what a case reads
# SPDX-License-Identifier: Apache-2.0
#
# What the cases of every engine are written with: a call and its outcome, what has to hold, what a
# machine must have, and the runtimes. A suite has the function `e WORD...`, which calls its engine.

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

# ------------------------------------------------------------------------ what a case is good for

root_only()
{
	[ -z "$ROOTLESS" ] || skip "${1:-for root only}"
}

rootless_only()
{
	[ -n "$ROOTLESS" ] || skip "for users only"
}

need_systemd()
{
	[ -d /run/systemd/system ] || skip "no systemd here"
}

# native_only WHY   nothing that a container with a kernel of its own could show
native_only()
{
	[ "$KIND" != krun ] || skip "not of a virtual machine: $1"
}

# What a program on a terminal calls it: the first of the container's, or the guest's console.
terminal_name()
{
	[ "$KIND" = krun ] && echo '/dev/hvc0' || echo '/dev/(pts/0|console)'
}

# limit NAME   the file of version 2, or what version 1 has in its place; as seen in a container
limit()
{
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		echo "/sys/fs/cgroup/$1"
		return
	fi
	case $1 in
	memory.max) echo /sys/fs/cgroup/memory/memory.limit_in_bytes ;;
	memory.low) echo /sys/fs/cgroup/memory/memory.soft_limit_in_bytes ;;
	cpu.max) echo /sys/fs/cgroup/cpu/cpu.cfs_quota_us ;;
	cpuset.cpus) echo /sys/fs/cgroup/cpuset/cpuset.cpus ;;
	pids.max) echo /sys/fs/cgroup/pids/pids.max ;;
	*) fail "no limit $1" ;;
	esac
}

# ------------------------------------------------------------------------------ calls and outcomes

# call WORD...   the engine, or any command; sets OUT, ERR and RC
call()
{
	timeout --foreground -k 5 $((${PATIENCE:-120} * SLOW)) "$@" >"$C/out" 2>"$C/err" <"${INPUT:-/dev/null}"
	RC=$?
	OUT=$(tr -d '\0' <"$C/out")
	ERR=$(<"$C/err")
	printf '+ %s  -> %d\n%s\n%s\n' "$*" "$RC" "$OUT" "$ERR" >>"$C/calls"
	[ "$RC" != 124 ] || fail "hangs: $*"
}

# e WORD...      the engine               ok WORD...          and it must succeed
# rc N WORD...   and end with N           says TEXT WORD...   and print this
ok()
{
	e "$@"
	[ "$RC" = 0 ] || fail "'$*' gave $RC: ${ERR:-$OUT}"
}

rc()
{
	e "${@:2}"
	[ "$RC" = "$1" ] || fail "'${*:2}' gave $RC, not $1: ${ERR:-$OUT}"
}

says()
{
	ok "${@:2}"
	[ "$OUT" = "$1" ] || fail "'${*:2}' said '$OUT', not '$1'"
}

equal()
{
	[ "$2" = "$3" ] || fail "$1 is '$3', not '$2'"
}

match()
{
	grep -qiE -- "$3" <<<"$2" || fail "$1 is '$2', which does not match '$3'"
}

wait_for()
{
	local what=$1 tries=0
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt $((${TRIES:-120} * SLOW)) ] || fail "waited in vain for $what"
		sleep .25
	done
}

# on_terminal COMMAND   run on a pty; OUT has no carriage returns
on_terminal()
{
	call script -qec "$1" /dev/null
	OUT=${OUT//$'\r'/}
}

# at_once COUNT WORD...   the command, so often at the same time: each one's @ is its number, and has
# to be its exit status
at_once()
{
	local count=$1 i pids=()
	shift
	for ((i = 1; i <= count; i++)); do
		"${@//@/$i}" <"${INPUT:-/dev/null}" &
		pids+=($!)
	done
	for ((i = 1; i <= count; i++)); do
		wait "${pids[i - 1]}"
		equal "status of number $i" "$i" $?
	done
}

# -------------------------------------------------------------------------------------- runtimes

# Installed as `ninja install` does it, not run from the shared directory. A user has no say in
# /usr/local, where the program looks for its library: there a script names it.
install_ours()
{
	local build=$HERE/../../build/src to=/usr/local kernel=$HERE/../../build/kernel/libkrunfw.so.5
	[ -z "$ROOTLESS" ] || to=$HOME/.local
	[ ! -e "$to/bin/runlet" ] || return 0
	mkdir -p "$to"/{bin,libexec/runlet,lib/x86_64-linux-gnu}
	cp "$build/runlet" "$to/bin/runlet"
	cp "$build/runlet-full" "$to/libexec/runlet/"
	[ ! -e "$build/vmm/libkrun.so.1" ] || cp "$build/vmm/libkrun.so.1" "$to/lib/x86_64-linux-gnu/"
	# A kernel of our own boots in half the time, where there is one.
	[ ! -e "$kernel" ] || install -D "$kernel" "$to/lib/x86_64-linux-gnu/runlet/libkrunfw.so.5"
	if [ -z "$ROOTLESS" ]; then
		ln -s runlet "$to/bin/krun"
		return
	fi
	ln -s "$to/libexec/runlet/runlet-full" "$to/libexec/runlet/krun"
	printf '#!/bin/sh\nRUNLET_LIBKRUN=%s LD_LIBRARY_PATH=%s exec %s "$@"\n' \
		"$to/lib/x86_64-linux-gnu/libkrun.so.1" "$to/lib/x86_64-linux-gnu/runlet" \
		"$to/libexec/runlet/krun" >"$to/bin/krun"
	chmod +x "$to/bin/krun"
}

# find_runtime KIND   sets KIND and RT. A virtual machine in an emulated one boots for many seconds.
find_runtime()
{
	KIND=$1 SLOW=1
	case $KIND in
	runlet | krun)
		install_ours
		RT=/usr/local/bin/$KIND
		[ -z "$ROOTLESS" ] || RT=$HOME/.local/bin/$KIND
		;;
	*) RT=$(command -v "$KIND") ;;
	esac
	[ "$KIND" != krun ] || SLOW=4
}

# ---------------------------------------------------------------------------------------- images

busybox_root()
{
	local name
	mkdir -p "$1"/{bin,etc,tmp,root,data,proc,sys,dev,home/user}
	cp /bin/busybox "$1/bin/"
	for name in $(/bin/busybox --list); do
		[ "$name" = busybox ] || ln -s busybox "$1/bin/$name"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' >"$1/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\nextra:x:1001:user\n' >"$1/etc/group"
	echo from-the-image >"$1/data/file"
	chmod 1777 "$1/tmp"
}

accept_any_image()
{
	[ -e /etc/containers/policy.json ] ||
		echo '{"default": [{"type": "insecureAcceptAnything"}]}' >/etc/containers/policy.json
}
