# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Many containers, one after another and all at once, and a caller that dies among them: nothing is
# lost, nothing is left, and the last start costs what the first did. Costs are counts (page faults,
# system calls), which a busy machine does not change. With --long as many as a person would want to
# see; otherwise what a gate has time for.

begin_long()
{
	IN_A_ROW=100 AT_ONCE=40 ROUNDS=5
	[ -z "$LONG" ] || IN_A_ROW=5000 AT_ONCE=500 ROUNDS=40
}

# What the containers share; each of them gets a cgroup of its own by its configuration.
many_bundles()
{
	local i
	bundle "$C/template"
	payload "$@"
	conf '.root.path = $p' --arg p "$C/template/rootfs"
	settle
	for ((i = 1; i <= MANY; i++)); do
		mkdir -p "$C/b$i"
		sed "s|$CG|$CG/$i|" "$C/template/config.json" >"$C/b$i/config.json"
	done
}

# system_calls WORD...   how many a call of the runtime makes; not those of the container's processes
system_calls()
{
	settle
	strace -qq -o "$C/trace" "$RUNTIME" "${GLOBALS[@]}" "$@" </dev/null >>"$C/calls" 2>&1 ||
		fail "'$*' under strace gave $?"
	grep -c '^[a-z_0-9]*(' "$C/trace"
}

# Each container's id is its own, so that a name that is not forgotten would show.
test_long_in_a_row()
{
	local before after
	bundle
	payload exit 0
	rt_ok run --bundle "$B" "$ID"
	before=$(find "$STATE" | sort)
	"$PROGRAMS/repeat" $IN_A_ROW "$RUNTIME" "${GLOBALS[@]}" run --bundle "$B" "$ID-@" >"$C/costs" 2>"$C/err" ||
		fail "$(cat "$C/err")"
	OUT=$(<"$C/costs")
	equal runs $IN_A_ROW "$(got runs)"
	equal "files of the runtime" "$before" "$(find "$STATE" | sort)"
	after=$(($(got last.faults) - $(got first.faults)))
	[ $after -le 2 ] || fail "page faults of a start grew from $(got first.faults) to $(got last.faults)"
	# The kernel counts pages in batches, for each processor: what is less than those is no growth.
	after=$(($(got last.peak) - $(got first.peak)))
	[ $after -le 512 ] || fail "memory of a start grew from $(got first.peak) to $(got last.peak) KiB"
	echo "# a start at first and at last: $(paste -sd ' ' "$C/costs")" >"$C/say"
}

test_long_steps_in_a_row()
{
	local i count=$((IN_A_ROW / 5))
	bundle
	payload sleep
	for ((i = 1; i <= count; i++)); do
		rt_ok create --bundle "$B" --pid-file "$C/pid" "$ID"
		rt_ok start "$ID"
		rt_ok kill "$ID" KILL
		rt_ok delete --force "$ID"
		rm -f "$C"/out.* "$C"/err.*
	done
	no_state "$ID"
}

test_long_execs_in_a_row()
{
	sleeper
	local pid fds
	pid=$(init_pid)
	fds=$(ls "/proc/$pid/fd" | wc -l)
	"$PROGRAMS/repeat" $IN_A_ROW "$RUNTIME" "${GLOBALS[@]}" exec "$ID" /payload exit 0 >"$C/costs" 2>"$C/err" ||
		fail "$(cat "$C/err")"
	OUT=$(<"$C/costs")
	[ $(($(got last.faults) - $(got first.faults))) -le 2 ] ||
		fail "page faults of an exec grew from $(got first.faults) to $(got last.faults)"
	equal "descriptors of the container" "$fds" "$(ls "/proc/$pid/fd" | wc -l)"
	equal "processes of the container" 1 "$(wc -l <"$(cgdir memory)/cgroup.procs")"
}

# fit COUNT   as many containers as there is memory for: each takes about one MiB of the kernel's
fit()
{
	local free
	free=$(awk '/^MemAvailable/ {print int($2 / 1024 / 3)}' /proc/meminfo)
	MANY=$1
	[ "$free" -ge "$1" ] || MANY=$free
}

test_long_at_once()
{
	need_program strace
	local i alone among listed
	fit $AT_ONCE
	many_bundles sleep
	rt_ok run --detach --bundle "$C/b1" "$ID-1"
	alone=$(system_calls run --detach --bundle "$C/b2" "$ID-2")
	for ((i = 3; i < MANY; i++)); do
		rt_ok run --detach --bundle "$C/b$i" "$ID-$i"
		rm -f "$C"/out.* "$C"/err.*
	done
	# Among many a start is what it was alone.
	among=$(system_calls run --detach --bundle "$C/b$MANY" "$ID-$MANY")
	equal "the number of system calls of a start among $MANY containers" "$alone" "$among"
	rt_ok list
	listed=$(grep -c ' running ' <<<"$OUT")
	equal "running containers" $MANY "$listed"
	equal "different first processes" $MANY "$(awk '/ running / {print $2}' <<<"$OUT" | sort -u | wc -l)"
	for i in 1 $((MANY / 2)) $MANY; do
		rt_ok exec "$ID-$i" /payload cat /proc/self/cgroup
		[ "$CGROUPS" != yes ] || [ "$LAYOUT" = v2 ] || match cgroup "$OUT" "$CG/$i$"
	done
	for ((i = 1; i <= MANY; i++)); do
		rt_ok kill "$ID-$i" KILL
		rt_ok delete --force "$ID-$i"
		rm -f "$C"/out.* "$C"/err.*
	done
	rt_ok list -q
	equal "containers" "" "$OUT"
	rmdir_group
	echo "# $MANY at once; a start makes $among system calls, as it did with one other" >"$C/say"
}

# The group that the containers' groups were in is not a container's.
rmdir_group()
{
	local dir
	for dir in $(cgroup_dirs "$CG"); do
		equal "cgroups in $dir" "" "$(find "$dir" -mindepth 1 -type d)"
		rmdir "$dir"
	done
}

# engine NUMBER   what an engine does until it is killed: every container gets started, one in three
# deleted again. Of what is finished there is a line in the journal, as an engine has it in its database.
engine()
{
	local i=0 id
	while [ $i -lt $MANY ]; do
		i=$((i + 1)) id=$ID-$1-$i
		"$RUNTIME" "${GLOBALS[@]}" create --bundle "$C/b$i" --pid-file "$C/pid-$1" "$id" || exit
		"$RUNTIME" "${GLOBALS[@]}" start "$id" || exit
		echo "started $id $(cat "$C/pid-$1")" >>"$C/journal-$1"
		[ $((i % 3)) = 0 ] || continue
		echo "deletes $id" >>"$C/journal-$1"
		"$RUNTIME" "${GLOBALS[@]}" delete --force "$id" || exit
	done
}

# The engine and all that it started die in the middle, with SIGKILL; another one takes over. What
# was started runs on, what was half made can be deleted, and nothing else is there.
test_long_engine_is_killed()
{
	local round id pid running=0 halves=0
	fit 60
	many_bundles sleep
	for ((round = 1; round <= ROUNDS; round++)); do
		set -m
		engine "$round" </dev/null >>"$C/calls" 2>&1 &
		pid=$!
		set +m
		sleep "0.$((300 + RANDOM % 600))"
		kill -KILL -- -$pid
		wait $pid
		[ -s "$C/journal-$round" ] || continue
		# The next one reads the journal, and the runtime's list.
		while read -r _ id pid; do
			grep -q "^deletes $id$" "$C/journal-$round" && continue
			[ "$(status "$id") $(init_pid "$id")" = "running $pid" ] ||
				fail "$id was started as $pid; it is $(status "$id") $(init_pid "$id")"
			running=$((running + 1))
			rt_ok exec "$id" /payload exit 0
		done < <(grep ^started "$C/journal-$round")
		rt_ok list -q
		for id in $OUT; do
			grep -q "^started $id " "$C/journal-$round" || halves=$((halves + 1))
			rt_ok delete --force "$id"
		done
		rt_ok list -q
		equal "containers after round $round" "" "$OUT"
		rm -f "$C"/out.* "$C"/err.*
	done
	[ $running -gt 0 ] || fail "no engine got so far as to start a container"
	rmdir_group
	echo "# $ROUNDS engines killed: $running containers went on, $halves were half made" >"$C/say"
}
