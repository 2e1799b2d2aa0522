# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Many containers of one containerd: in a row, at once, and with the daemon killed among them. Nothing is lost,
# nothing is left, nothing grows. $SCALE says how many.

# The daemon, and what calls it.
# shellcheck source=containerd.sh
. "$HERE/containerd.sh"

# state   what there is of containers, by kinds: all of it has to be again what it was
state()
{
	echo "files $(find $D/state /run/containerd "$STATE" 2>/dev/null | wc -l)"
	echo "mounts $(wc -l </proc/self/mountinfo)"
	echo "cgroups $(find /sys/fs/cgroup -type d | wc -l)"
	echo "processes $(pgrep -cf '^(/usr/bin/containerd-shim|/usr/local/bin|/usr/s?bin/[cr]un|sleep 100000)')"
}

is_as_before() { [ "$(state)" = "$1" ]; }

# The daemon's; it has a few more or less by itself.
descriptors() { ls "/proc/$(cat $D/pid)/fd" | wc -l; }

# back_to BEFORE DESCRIPTORS   the daemon puts things away after ctr has ended
back_to()
{
	TRIES=40 wait_for "$(diff <(echo "$1") <(state) | grep '^[<>]' | xargs) to be as before" is_as_before "$1"
	[ "$(descriptors)" -le $(($2 + 8)) ] || fail "the daemon had $2 descriptors, it has $(descriptors)"
}

resident() { awk '/^VmRSS/ {print $2}' "/proc/$(cat $D/pid)/status"; }

case_in_a_row()
{
	local before open i half
	run_ok --rm -- true
	sleep 1
	before=$(state) open=$(descriptors)
	for ((i = 1; i <= 50 * SCALE; i++)); do
		run_ok --rm -- true
		[ $i != $((25 * SCALE)) ] || half=$(resident)
	done
	back_to "$before" "$open"
	[ "$(resident)" -le $((half * 5 / 4 + 4096)) ] || fail "the daemon grew from $half to $(resident) KiB in the second half"
}

case_execs_in_a_row()
{
	local before open i
	sleeper
	e tasks exec --exec-id e "$N" true
	sleep 1
	before=$(state) open=$(descriptors)
	for ((i = 1; i <= 30 * SCALE; i++)); do
		e tasks exec --exec-id "e$i" "$N" sh -c 'exit 9'
		equal "exit status" 9 "$RC"
	done
	back_to "$before" "$open"
}

# A shim of Go has some ten MiB.
case_at_once()
{
	local before open i count=$((20 * SCALE)) free one=$N
	run_ok --rm -- true
	free=$(awk '/^MemAvailable/ {print int($2 / 1024 / 30)}' /proc/meminfo)
	[ "$free" -ge $count ] || count=$free
	before=$(state) open=$(descriptors)
	for ((i = 1; i <= count; i++)); do
		N=$one-$i
		run_ok -d -- sleep 100000
	done
	ok tasks ls
	equal "running containers" $count "$(grep -c RUNNING <<<"$OUT")"
	e tasks exec --exec-id e "$one-$((count / 2))" true
	equal "exit status of exec" 0 "$RC"
	end_case
	back_to "$before" "$open"
}

# starts PREFIX   containers, for ever; one that ctr says it has started is in $C/started
starts()
{
	local i
	for ((i = 1; ; i++)); do
		ctr -a $D/sock run -d --runtime io.containerd.runc.v2 --runc-binary "$RT" --runc-root "$STATE" localhost/bb:latest \
			"$1-$i" sleep 100000 </dev/fd/9 && echo "$1-$i" >>"$C/started"
	done
}

# shims   pid and container of each
shims() { pgrep -af '^/usr/bin/containerd-shim' | sed 's/^\([0-9]*\) .* -id \([^ ]*\) .*/\1 \2/'; }

no_shims() { [ -z "$(shims)" ]; }

# What the daemon was making when it was killed is forgotten by this containerd, whatever the runtime. No such
# container may have been reported as started; and the runtime can remove what it has of it.
end_what_was_half_made()
{
	local pid name bundles=$D/state/io.containerd.runtime.v2.task/default
	(TRIES=20 wait_for "the shims" no_shims)
	while read -r pid name; do
		! grep -qx "$name" "$C/started" || fail "the shim of $name was left"
		kill -KILL "$pid"
	done < <(shims)
	sleep .5
	for name in $("$RT" --root "$STATE/default" list -q) $(ls $bundles); do
		! grep -qx "$name" "$C/started" || fail "$name was left"
		"$RT" --root "$STATE/default" delete --force "$name"
		! mountpoint -q "$bundles/$name/rootfs" || umount "$bundles/$name/rootfs"
		rm -rf "${bundles:?}/$name"
	done
	call "$RT" --root "$STATE/default" list -q
	equal "containers of the runtime" "" "$OUT"
}

case_daemon_is_killed_in_the_middle()
{
	local before round name at_work
	run_ok --rm -- true # makes what is there for all of them
	before=$(state | grep -v files) # a killed daemon leaves sockets
	for ((round = 1; round <= 2 * SCALE; round++)); do
		starts "$N-$round" >/dev/null 2>&1 &
		at_work=$!
		wait_for "a container" grep -q "^$N-$round-" "$C/started"
		sleep ".$((RANDOM % 1000))"
		kill -KILL "$(cat $D/pid)"
		kill $at_work
		wait $at_work
		start_daemon || fail "containerd does not start again"
		while read -r name; do
			equal "state of $name after round $round" RUNNING "$(state_of "$name")"
		done <"$C/started"
	done
	end_case
	end_what_was_half_made
	equal "what there is" "$before" "$(state | grep -v files)"
}
