# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Containers in scopes of systemd: as root by the system's, else by the user's instance.

# A bundle for --systemd-cgroup; UNIT is its scope, SD calls systemctl of the right instance.
scope_bundle()
{
	only runlet
	SD=(systemctl)
	[ "$(id -u)" = 0 ] || SD=(systemctl --user)
	"${SD[@]}" show -p Version >/dev/null 2>&1 || skip "no systemd here"
	[ "$LAYOUT" = v2 ] || skip "systemd is not on cgroup version 2"
	GLOBALS+=(--systemd-cgroup)
	UNIT=rt-$ID.scope
	SLICE=rt$SUITE.slice
	PLACE=/$SLICE
	bundle
	conf '.linux.cgroupsPath = $p' --arg p "$SLICE:rt:$ID"
	if [ "$(id -u)" != 0 ]; then
		conf '.linux.namespaces |= map(select(.type != "user")) + [{type: "user"}]
			| .linux.uidMappings = [{containerID: 0, hostID: $u, size: 1}]
			| .linux.gidMappings = [{containerID: 0, hostID: $g, size: 1}]
			| del(.mounts[] | select(.destination == "/dev/pts").options[] | select(startswith("gid=")))
			| .linux.resources.devices = [{allow: false, access: "rwm"}]' \
			--argjson u "$(id -u)" --argjson g "$(id -g)"
		PLACE=/user.slice/user-$(id -u).slice/user@$(id -u).service/$SLICE
	fi
}

# A running one with these resources.
scope_sleeper()
{
	scope_bundle
	payload write /tmp/ready yes + sleep
	[ $# = 0 ] || conf "$@"
	start_ok
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
}

property()
{
	"${SD[@]}" show "$UNIT" -p "$1" --value
}

# Content of a file of the scope, and of the container's own cgroup below it.
both()
{
	tr '\n' ' ' <"/sys/fs/cgroup$PLACE/$UNIT/$1" | sed 's/ $//'
	echo -n " / "
	tr '\n' ' ' <"/sys/fs/cgroup$PLACE/$UNIT/container/$1" | sed 's/ $//'
}

no_unit()
{
	equal "units left" "" "$("${SD[@]}" list-units --all --plain --no-legend "rt-*$ID*")"
	missing "/sys/fs/cgroup$PLACE/$UNIT"
}

test_systemd_scope_name_and_place()
{
	scope_sleeper
	equal state active "$(property ActiveState)"
	equal slice "$SLICE" "$(property Slice)"
	equal description "runlet container $ID" "$(property Description)"
	equal place "$PLACE/$UNIT" "$(property ControlGroup)"
	equal delegated yes "$(property Delegate)"
	equal "cgroup of init" "0::$PLACE/$UNIT/container" "$(cat "/proc/$(init_pid)/cgroup")"
	equal "processes of the scope itself" "" "$(cat "/sys/fs/cgroup$PLACE/$UNIT/cgroup.procs")"
	rt_ok state "$ID"
	match state "$OUT" "\"systemd-scope\": *\"$UNIT\""
	rt_ok delete --force "$ID"
	no_unit
}

test_systemd_limits_are_properties_and_files()
{
	scope_sleeper '.linux.resources += {memory: {limit: 67108864, swap: 100663296, reservation: 4194304},
		pids: {limit: 20}, cpu: {shares: 512, quota: 50000, period: 100000, cpus: "0"}}'
	equal MemoryMax 67108864 "$(property MemoryMax)"
	equal MemorySwapMax 33554432 "$(property MemorySwapMax)"
	equal MemoryLow 4194304 "$(property MemoryLow)"
	equal TasksMax 20 "$(property TasksMax)"
	equal CPUWeight 59 "$(property CPUWeight)"
	equal CPUQuotaPerSecUSec 500ms "$(property CPUQuotaPerSecUSec)"
	equal AllowedCPUs 0 "$(property AllowedCPUs)"
	equal memory.max "67108864 / 67108864" "$(both memory.max)"
	equal memory.swap.max "33554432 / 33554432" "$(both memory.swap.max)"
	equal memory.low "4194304 / 4194304" "$(both memory.low)"
	equal pids.max "20 / 20" "$(both pids.max)"
	equal cpu.weight "59 / 59" "$(both cpu.weight)"
	equal cpu.max "50000 100000 / 50000 100000" "$(both cpu.max)"
	equal cpuset.cpus "0 / 0" "$(both cpuset.cpus)"
	# systemd writes what it knows again: nothing may come out different.
	"${SD[@]}" daemon-reload
	equal memory.max "67108864 / 67108864" "$(both memory.max)"
	equal pids.max "20 / 20" "$(both pids.max)"
	equal cpu.max "50000 100000 / 50000 100000" "$(both cpu.max)"
}

# A limit of the scope that stays behind would count for the container below it.
test_systemd_update()
{
	scope_sleeper '.linux.resources += {memory: {limit: 67108864, swap: 100663296}, pids: {limit: 20},
		cpu: {quota: 50000, period: 100000}}'
	rt_ok update --pids-limit 30 --memory 134217728 --memory-swap 201326592 --cpu-quota 70000 "$ID"
	equal pids.max "30 / 30" "$(both pids.max)"
	equal TasksMax 30 "$(property TasksMax)"
	equal memory.max "134217728 / 134217728" "$(both memory.max)"
	equal memory.swap.max "67108864 / 67108864" "$(both memory.swap.max)"
	equal cpu.max "70000 100000 / 70000 100000" "$(both cpu.max)"
	rt_ok update --memory-swap 234881024 "$ID"
	equal memory.swap.max "100663296 / 100663296" "$(both memory.swap.max)"
	rt_ok update --cpu-period 200000 "$ID"
	equal cpu.max "70000 200000 / 70000 200000" "$(both cpu.max)"
	rt_ok update --pids-limit -1 "$ID"
	equal pids.max "max / max" "$(both pids.max)"
	rt_fails "cpus" update --pids-limit 5 --cpuset-cpus 900 "$ID"
	equal pids.max "max / max" "$(both pids.max)"
	rt_ok delete --force "$ID"
	no_unit
}

# What the kernel has and systemd has a property for, beyond the plain ones above; and what only the file knows.
test_systemd_every_other_limit()
{
	local device disk=
	for device in /sys/block/{nvme,vd,sd}*; do
		[ ! -e "$device/dev" ] || disk=$(cat "$device/dev")
	done
	scope_sleeper '.linux.resources += {cpu: {mems: "0", idle: 1}, unified: {"memory.high": "33554432",
		"memory.min": "1048576", "cgroup.max.depth": "7"}}'
	equal AllowedMemoryNodes 0 "$(property AllowedMemoryNodes)"
	equal MemoryHigh 33554432 "$(property MemoryHigh)"
	equal MemoryMin 1048576 "$(property MemoryMin)"
	equal cpuset.mems "0 / 0" "$(both cpuset.mems)"
	equal cpu.idle "1 / 1" "$(both cpu.idle)"
	equal memory.high "33554432 / 33554432" "$(both memory.high)"
	equal memory.min "1048576 / 1048576" "$(both memory.min)"
	match cgroup.max.depth "$(both cgroup.max.depth)" " / 7$"
	[ -n "$disk" ] || return 0
	rt_ok delete --force "$ID"
	conf '.linux.resources.unified = {"io.max": $v}' --arg v "$disk rbps=4096 wiops=70"
	start_ok
	equal IOReadBandwidthMax "/dev/block/$disk 4096" "$(property IOReadBandwidthMax)"
	equal IOWriteIOPSMax "/dev/block/$disk 70" "$(property IOWriteIOPSMax)"
	match io.max "$(both io.max)" " / $disk rbps=4096 wbps=max riops=max wiops=70$"
}

# The scope has its own program for devices, systemd's; ours is the container's.
test_systemd_devices()
{
	need_root
	[ -e /dev/loop-control ] || skip "no loop-control here"
	scope_sleeper '.linux.devices = [{path: "/dev/x", type: "c", major: 10, minor: 237, fileMode: 438}]
		| .linux.resources.devices += [{allow: true, type: "c", major: 10, minor: 237, access: "r"}]'
	exec_ok try-open /dev/x r + try-open /dev/x w + try-open /dev/null rw
	equal outcomes "ok EPERM" "$(got open./dev/x | xargs)"
	expect open./dev/null ok
	echo '{"devices": [{"allow": false, "access": "rwm"}]}' >"$C/resources.json"
	rt_ok update -r "$C/resources.json" "$ID"
	"${SD[@]}" daemon-reload
	exec_ok try-open /dev/x r + try-open /dev/null rw
	expect open./dev/x EPERM
	expect open./dev/null ok
}

test_systemd_unified_wins()
{
	scope_sleeper '.linux.resources += {pids: {limit: 20}, unified: {"pids.max": "30", "memory.high": "33554432"}}'
	equal TasksMax 30 "$(property TasksMax)"
	equal MemoryHigh 33554432 "$(property MemoryHigh)"
	equal pids.max "30 / 30" "$(both pids.max)"
}

test_systemd_pids_zero()
{
	scope_bundle
	conf '.linux.resources += {pids: {limit: 0}}'
	payload exit 0
	run_ok
	no_unit
}

test_systemd_properties_of_annotations()
{
	scope_sleeper '.annotations = {"org.systemd.property.TimeoutStopSec": "7",
		"org.systemd.property.Documentation": "['"'man:a(1)', 'man:b(2)'"']"}'
	equal TimeoutStopUSec 7s "$(property TimeoutStopUSec)"
	equal Documentation '"man:a(1)" "man:b(2)"' "$(property Documentation)"
}

test_systemd_says_what_it_does_not_take()
{
	scope_bundle
	payload exit 0
	conf '.annotations = {"org.systemd.property.Nonesuch": "5"}'
	run_fails "systemd: .*Nonesuch"
	conf '.annotations = {"org.systemd.property.KillMode": "'"'nonesuch'"'"}'
	run_fails "systemd: .*nonesuch"
	conf '.annotations = {"org.systemd.property.KillMode": "nonesuch"}'
	run_fails "org.systemd.property.KillMode"
	no_unit
	rt_fails "does not exist" state "$ID"
}

# Not our words: systemd's, for a job that cannot even begin.
test_systemd_says_why_there_is_no_job()
{
	scope_bundle
	payload exit 0
	"${SD[@]}" mask --runtime "$SLICE" 2>/dev/null || skip "cannot mask"
	rt run --bundle "$B" "$ID"
	"${SD[@]}" unmask --runtime "$SLICE" 2>/dev/null
	differ "exit status" 0 "$RC"
	match "error text" "$ERR" "systemd: Unit $SLICE is masked"
	no_state "$ID"
	no_unit
}

test_systemd_path_is_slice_prefix_name()
{
	scope_bundle
	payload exit 0
	conf '.linux.cgroupsPath = "/a/b"'
	run_fails 'cgroupsPath: "/a/b": that is not "slice:prefix:name"'
	conf '.linux.cgroupsPath = "a/b.slice:c:d"'
	run_fails "cgroupsPath"
}

test_systemd_nested_slice()
{
	scope_bundle
	payload report process
	conf '.linux.cgroupsPath = $p' --arg p "rt$SUITE-in-side.slice:rt:$ID"
	run_ok
	match cgroup "$(got cgroup)" "/rt$SUITE.slice/rt$SUITE-in.slice/rt$SUITE-in-side.slice/$UNIT/container"
}

test_systemd_subgroup()
{
	scope_bundle
	payload report process
	conf '.annotations = {"run.oci.systemd.subgroup": "mine"}'
	run_ok
	match cgroup "$(got cgroup)" "$PLACE/$UNIT/mine$"
	conf '.annotations = {"run.oci.systemd.subgroup": ""} | .linux.resources += {pids: {limit: 5}}'
	run_ok
	match cgroup "$(got cgroup)" "$PLACE/$UNIT$"
	no_unit
}

test_systemd_name_in_use()
{
	scope_sleeper
	rt_fails "systemd: Unit $UNIT " run --bundle "$B" "$ID-2"
	is_status running || fail "the first container is $(status)"
	equal state active "$(property ActiveState)"
	rt_fails "does not exist" state "$ID-2"
}

test_systemd_again_and_again()
{
	scope_bundle
	payload sleep
	local i
	for i in 1 2 3 4 5 6; do
		start_ok
		rt_ok delete --force "$ID"
	done
	no_unit
}

# Each waits for its own job, and none starts before its job is done: else it would not be in its cgroup.
test_systemd_many_at_once()
{
	local i pids=()
	scope_bundle
	payload report process
	settle
	for i in 1 2 3 4 5 6; do
		cp -r "$B" "$C/bundle-$i"
		sed -i "s/:rt:$ID\"/:rt:$ID-$i\"/" "$C/bundle-$i/config.json"
		rt_ok run --bundle "$C/bundle-$i" "$ID-$i" && echo "$OUT" >"$C/report-$i" &
		pids+=($!)
	done
	for i in 1 2 3 4 5 6; do
		wait "${pids[i - 1]}" || fail "one of them failed"
		OUT=$(<"$C/report-$i")
		expect cgroup "0::$PLACE/rt-$ID-$i.scope/container"
	done
	no_unit
}

# The payload does not heed SIGTERM: systemd has to kill it.
test_systemd_stopped_from_outside()
{
	scope_sleeper '.annotations = {"org.systemd.property.TimeoutStopSec": "1"}'
	"${SD[@]}" stop "$UNIT"
	wait_for "the container to stop" is_status stopped
	rt_ok delete "$ID"
	no_unit
}

# A unit whose process was killed for want of memory has failed; none may be left.
test_systemd_out_of_memory()
{
	scope_bundle
	conf '.linux.resources += {memory: {limit: 8388608, swap: 8388608}}'
	payload alloc 64
	rt run --bundle "$B" "$ID"
	[ "$RC" != 0 ] || fail "64 MiB fit into 8 MiB"
	no_unit
	equal "failed units" "" "$("${SD[@]}" list-units --failed --plain --no-legend "rt-*")"
}

test_systemd_pause()
{
	scope_sleeper
	rt_ok pause "$ID"
	is_status paused || fail "is $(status)"
	match frozen "$(both cgroup.events)" "/ .*frozen 1"
	rt_ok resume "$ID"
	is_status running || fail "is $(status)"
}

test_systemd_delegated()
{
	scope_bundle
	conf '.linux.namespaces += [{type: "cgroup"}] | .mounts += [{destination: "/sys/fs/cgroup",
		type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "rw"]}]'
	payload move-to-subcgroup /sys/fs/cgroup/inner + orphan + write /tmp/ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/tmp/ready"
	exists "/sys/fs/cgroup$PLACE/$UNIT/container/inner"
	rt_ok delete --force "$ID"
	no_unit
}

test_systemd_is_asked_in_two_round_trips()
{
	need_root
	need_program strace
	scope_bundle
	payload exit 0
	WRAP=(strace -o "$C/trace" -e trace=sendto)
	run_ok
	# For starting and for stopping: the authentication; then Hello, the signals and the request.
	equal "messages to the bus" 4 "$(grep -c '^sendto(.*\(AUTH EXTERNAL\|"l\\1\\0\\1\)' "$C/trace")"
}

# A start takes as many system calls as it takes, whatever the machine's speed: what systemd costs is to stay small.
test_systemd_costs_few_system_calls()
{
	need_root
	need_program strace
	scope_bundle
	payload exit 0
	WRAP=(strace -f -o "$C/trace")
	run_ok
	local with without
	with=$(calls_of_runtime)
	GLOBALS=(--root "$STATE")
	conf '.linux.cgroupsPath = $cg' --arg cg "$CG"
	run_ok
	without=$(calls_of_runtime)
	echo "# system calls of run: $with, without systemd $without" >>"$C/calls"
	# Connecting, two messages, and an init that waits for its scope.
	[ "$with" -le $((without + 90)) ] || fail "$with system calls, and $without without systemd"
	[ "$without" -le 300 ] || fail "$without system calls without systemd"
}

# Of the runtime and the container's first process, which is the runtime's until it has become the payload.
calls_of_runtime()
{
	grep -vcE '^[0-9]+ +(\+\+\+|---)|resumed>' "$C/trace"
}
