# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# `events`: the shape is runc's, the numbers are the kernel's, and it ends with the container.

data()
{
	jq -er "$1" <<<"$OUT" || fail "no $1 in '$OUT'"
}

# Follows the container in the background, into $C/events.
follow()
{
	timeout 30 "${WRAP[@]}" "$RUNTIME" "${GLOBALS[@]}" events "$@" "$ID" >"$C/events" 2>"$C/events.err" &
	FOLLOWER=$!
}

of_type()
{
	jq -r --arg t "$1" 'select(.type == $t) | .id' "$C/events" | wc -l
}

has_events()
{
	[ "$(of_type "$1")" -ge "$2" ]
}

test_events_stats()
{
	unlike crun : "has no events"
	need_controller memory
	limited '{memory: {limit: 67108864}, pids: {limit: 20}}'
	rt_ok events --stats "$ID"
	equal lines 1 "$(wc -l <<<"$OUT")"
	equal type stats "$(data .type)"
	equal id "$ID" "$(data .id)"
	equal limit 67108864 "$(data .data.memory.usage.limit)"
	equal pids "1 20" "$(data '[.data.pids.current, .data.pids.limit] | join(" ")')"
	[ "$(data .data.memory.usage.usage)" -gt 0 ] || fail "no memory in use"
	[ "$(data '.data.cpu.usage | .total')" -gt 0 ] || fail "no CPU time used"
	equal objects true "$(data '.data | [.cpu.throttling, .cpuset, .memory.swap, .memory.kernel,
		.memory.kernelTCP, .blkio, .hugetlb, .intel_rdt] | map(type == "object") | all')"
	equal keys true "$(data '.data | has("network_interfaces")')"
}

# Every key and its type, as runc's Go structs decode them.
test_events_stats_decode()
{
	unlike crun : "has no events"
	need_controller memory
	limited '{memory: {limit: 67108864}}'
	rt_ok events --stats "$ID"
	jq -e '.data
		| (.cpu.usage | (.kernel, .user) | type == "number")
		and (.cpuset.cpus // [] | all(type == "number"))
		and (.cpuset | has("cpu_exclusive") and has("sched_relax_domain_level"))
		and (.memory.raw | to_entries | all(.value | type == "number"))
		and (.memory.usage | has("limit") and has("failcnt"))
		and (.blkio.ioServiceBytesRecursive // [] | all(.op | type == "string"))' <<<"$OUT" >/dev/null ||
		fail "$OUT"
}

test_events_unlimited()
{
	only runlet : "shows the page-rounded number"
	need_controller memory
	sleeper
	rt_ok events --stats "$ID"
	# jq would round the number.
	match limit "$OUT" '"limit": ?18446744073709551615'
}

test_events_network()
{
	only runlet : "shows the host's side of a veth, or nothing"
	sleeper
	rt_ok events --stats "$ID"
	equal interfaces lo "$(data '[.data.network_interfaces[].Name] | join(" ")')"
	equal "packets received" 0 "$(data '.data.network_interfaces[0].RxPackets')"
}

test_events_interval()
{
	unlike crun runc : "has none, or goes on for ever"
	need_controller memory
	sleeper
	follow --interval 100ms
	wait_for "three lines of statistics" has_events stats 3
	rt_ok kill "$ID" KILL
	wait_for "the end of events" sh -c "! kill -0 $FOLLOWER"
	wait "$FOLLOWER"
	equal "exit status" 0 $?
	equal "other lines" "" "$(jq -r 'select(.type != "stats" and .type != "oom") | .type' "$C/events")"
}

test_events_end_without_a_line()
{
	unlike crun runc : "has none, or goes on for ever"
	need_controller memory
	sleeper
	follow --interval 1h
	sleep 0.3
	rt_ok kill "$ID" KILL
	wait_for "the end of events" sh -c "! kill -0 $FOLLOWER"
	wait "$FOLLOWER"
	equal "exit status" 0 $?
	equal lines 0 "$(of_type stats)"
}

test_events_oom()
{
	unlike crun runc : "has none, or goes on for ever"
	need_controller memory
	sleeper '.linux.resources.memory = {limit: 16777216}'
	follow --interval 1h
	sleep 0.3
	rt exec "$ID" /payload alloc 64
	differ "exit status" 0 "$RC"
	wait_for "the oom event" has_events oom 1
	equal id "$ID" "$(jq -r 'select(.type == "oom") | .id' "$C/events" | head -n 1)"
	is_status running || fail "it is $(status)"
	rt_ok kill "$ID" KILL
	wait_for "the end of events" sh -c "! kill -0 $FOLLOWER"
}

# The stroke that ends the container is told before events ends.
test_events_oom_of_init()
{
	only runlet : "may miss it"
	need_controller memory
	bundle
	conf '.linux.resources.memory = {limit: 16777216}'
	payload alloc 64
	rt_ok create --bundle "$B" "$ID"
	follow --interval 1h
	sleep 0.3
	rt_ok start "$ID"
	wait_for "the end of events" sh -c "! kill -0 $FOLLOWER"
	[ "$(of_type oom)" -ge 1 ] || fail "no oom event"
}

test_events_of_created_and_paused()
{
	unlike crun : "has no events"
	need_controller freezer
	need_controller memory
	bundle
	payload write /tmp/ready yes + sleep
	rt_ok create --bundle "$B" "$ID"
	rt_ok events --stats "$ID"
	rt_ok start "$ID"
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
	rt_ok pause "$ID"
	rt_ok events --stats "$ID"
}

test_events_bad()
{
	unlike crun : "has no events"
	need_controller memory
	sleeper
	local interval
	for interval in 0 0s -1s 5 x s 1.2.3s 5s5 99999999999999h; do
		rt_fails "interval|duration" events --interval "$interval" "$ID"
	done
	rt_ok kill "$ID" KILL
	wait_status stopped
	rt_fails "not running" events --stats "$ID"
	rt_fails "$(unknown_words)" events --stats "$ID-none"
}

test_events_without_a_cgroup()
{
	unlike runc crun : "cannot"
	GLOBALS+=(--cgroup-manager disabled)
	bundle
	conf 'del(.linux.resources)'
	payload sleep
	start_ok
	rt_fails 'no cgroup' events --stats "$ID"
}
