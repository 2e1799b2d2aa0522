# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# `update`: each limit is read back from the kernel's file; what is refused changes nothing.

# value V1-CONTROLLER V1-FILE V2-FILE   what the kernel says, whichever version this is
value()
{
	if [ "$LAYOUT" = v2 ]; then cgvalue "" "$3"; else cgvalue "$1" "$2"; fi
}

update_ok()
{
	rt_ok update "$@" "$ID"
	equal "standard output" "" "$OUT"
}

update_fails()
{
	local regex=$1
	shift
	rt_fails "$regex" update "$@" "$ID"
}

# ------------------------------------------------------------------------------------- options

test_update_memory()
{
	unlike crun : "bytes only"
	need_controller memory
	limited '{memory: {limit: 67108864}}'
	update_ok --memory 33554432
	equal limit 33554432 "$(value memory memory.limit_in_bytes memory.max)"
	update_ok --memory 48m
	equal limit 50331648 "$(value memory memory.limit_in_bytes memory.max)"
	update_ok --memory=-1
	match limit "$(value memory memory.limit_in_bytes memory.max)" "^(max|9223372036854771712)$"
}

test_update_memory_sizes()
{
	only runlet runc : "bytes only"
	need_controller memory
	limited '{memory: {limit: 67108864}}'
	local size
	for size in 16777216 16384k 16384K 16384kb 16384KiB 16m 16M 16MiB 0.015625g 16777216b; do
		update_ok --memory 20000000
		update_ok --memory "$size"
		equal "limit for $size" 16777216 "$(value memory memory.limit_in_bytes memory.max)"
	done
}

test_update_memory_refuses_nonsense()
{
	only runlet : "other words"
	need_controller memory
	limited '{memory: {limit: 67108864}}'
	local size
	for size in "" x 1x 1mm -2 --1 1.2.3m k .5 " 5" 9999999999999999999 99999999999g 0x10 1e3; do
		update_fails 'memory.*(is not a size|is not a number|below|must be -1)' --memory "$size"
		equal "limit after '$size'" 67108864 "$(value memory memory.limit_in_bytes memory.max)"
	done
}

test_update_memory_swap()
{
	need_controller memory
	[ "$LAYOUT" = v2 ] || [ -e "$(cgdir memory "")/memory.memsw.limit_in_bytes" ] || skip "no swap accounting"
	limited '{memory: {limit: 33554432, swap: 67108864}}'
	update_ok --memory 67108864 --memory-swap 134217728
	equal limit 67108864 "$(value memory memory.limit_in_bytes memory.max)"
	[ "$LAYOUT" = v2 ] && equal swap 67108864 "$(cgvalue "" memory.swap.max)"
	[ "$LAYOUT" = v2 ] || equal swap 134217728 "$(cgvalue memory memory.memsw.limit_in_bytes)"
	# Down again: the kernel takes the two in the other order only.
	update_ok --memory 16777216 --memory-swap 33554432
	equal limit 16777216 "$(value memory memory.limit_in_bytes memory.max)"
	update_ok --memory-swap 50331648
	[ "$LAYOUT" = v2 ] && equal swap 33554432 "$(cgvalue "" memory.swap.max)"
	[ "$LAYOUT" = v2 ] || equal swap 50331648 "$(cgvalue memory memory.memsw.limit_in_bytes)"
}

test_update_memory_reservation()
{
	unlike crun : "bytes only"
	need_controller memory
	limited '{memory: {limit: 67108864}}'
	update_ok --memory-reservation 8m
	equal reservation 8388608 "$(value memory memory.soft_limit_in_bytes memory.low)"
}

test_update_kernel_memory_is_ignored()
{
	only runlet : "other words"
	need_controller memory
	limited '{memory: {limit: 67108864}}'
	rt_ok update --kernel-memory 4m "$ID"
	match warning "$ERR" "memory.kernel: ignored"
}

test_update_pids()
{
	unlike crun : "knows no -1"
	need_controller pids
	limited '{pids: {limit: 20}}'
	update_ok --pids-limit 7
	equal limit 7 "$(cgvalue pids pids.max)"
	update_ok --pids-limit -1
	equal limit max "$(cgvalue pids pids.max)"
}

test_update_pids_zero()
{
	only runlet : "0 is not a limit for others"
	need_controller pids
	limited '{pids: {limit: 20}}'
	update_ok --pids-limit 0
	equal limit 0 "$(cgvalue pids pids.max)"
}

test_update_cpu()
{
	unlike crun : "knows no -1"
	need_controller cpu
	limited '{cpu: {shares: 1024, quota: 50000, period: 100000}}'
	update_ok --cpu-quota 20000
	[ "$LAYOUT" = v2 ] && equal cpu.max "20000 100000" "$(cgvalue "" cpu.max)"
	[ "$LAYOUT" = v2 ] || equal quota 20000 "$(cgvalue cpu cpu.cfs_quota_us)"
	update_ok --cpu-period 40000
	[ "$LAYOUT" = v2 ] && equal cpu.max "20000 40000" "$(cgvalue "" cpu.max)"
	[ "$LAYOUT" = v2 ] || equal period 40000 "$(cgvalue cpu cpu.cfs_period_us)"
	update_ok --cpu-quota -1
	[ "$LAYOUT" = v2 ] && equal cpu.max "max 40000" "$(cgvalue "" cpu.max)"
	[ "$LAYOUT" = v2 ] || equal quota -1 "$(cgvalue cpu cpu.cfs_quota_us)"
	update_ok --cpu-share 512
	[ "$LAYOUT" = v2 ] && equal weight 59 "$(cgvalue "" cpu.weight)"
	[ "$LAYOUT" = v2 ] || equal shares 512 "$(cgvalue cpu cpu.shares)"
}

test_update_cpu_burst()
{
	only runlet : "1.1.5 and crun have no such option"
	need_controller cpu
	limited '{cpu: {quota: 50000, period: 100000}}'
	update_ok --cpu-burst 30000
	equal burst 30000 "$(value cpu cpu.cfs_burst_us cpu.max.burst)"
	update_fails 'cpu.burst' --cpu-burst 60000
	equal burst 30000 "$(value cpu cpu.cfs_burst_us cpu.max.burst)"
}

test_update_cpu_idle()
{
	only runlet : "1.1.5 and crun have no such option"
	need_controller cpu
	limited '{cpu: {shares: 512}}'
	update_ok --cpu-idle 1
	equal idle 1 "$(value cpu cpu.idle cpu.idle)"
	update_ok --cpu-idle 0
	equal idle 0 "$(value cpu cpu.idle cpu.idle)"
	update_fails 'idle' --cpu-idle 2
	equal idle 0 "$(value cpu cpu.idle cpu.idle)"
}

test_update_cpuset()
{
	need_controller cpuset
	limited '{cpu: {cpus: "0-1", mems: "0"}}'
	update_ok --cpuset-cpus 1 --cpuset-mems 0
	equal cpus 1 "$(cgvalue cpuset cpuset.cpus)"
	update_fails 'cpus' --cpuset-cpus nonsense
	equal cpus 1 "$(cgvalue cpuset cpuset.cpus)"
}

test_update_realtime()
{
	need_v1 cpu
	[ -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ] || skip "no groups of real-time processes here"
	limited '{cpu: {shares: 512}}'
	rt update --cpu-rt-period 500000 "$ID"
	[ "$RC" = 0 ] || fail "$ERR"
	equal period 500000 "$(cgvalue cpu cpu.rt_period_us)"
}

test_update_realtime_is_v1_only()
{
	only runlet : "ignore it"
	need_v2 cpu
	limited '{cpu: {shares: 512}}'
	update_fails 'realtimeRuntime' --cpu-rt-runtime 1000
}

test_update_blkio_weight()
{
	only runlet : "other words"
	[ "$LAYOUT" = v2 ] && need_v2 io
	[ "$LAYOUT" = v2 ] || need_v1 blkio
	sleeper
	update_fails 'weight.*10..1000' --blkio-weight 5
	rt update --blkio-weight 200 "$ID"
	# A kernel without a scheduler that knows weights has no file for them.
	[ "$RC" = 0 ] || match "reason" "$ERR" "has no file blkio.weight|has no file io.bfq.weight"
	[ "$RC" != 0 ] || [ "$LAYOUT" != v2 ] ||
		match weight "$(cat "$(cgdir "")"/io.{bfq.,}weight 2>/dev/null)" "default (200|1920)"
}

# --------------------------------------------------------------------------------- resources file

test_update_resources_file()
{
	need_controller memory
	limited '{memory: {limit: 67108864}, pids: {limit: 20}}'
	echo '{"memory": {"limit": 33554432}, "pids": {"limit": 9}}' >"$C/resources.json"
	update_ok --resources "$C/resources.json"
	equal limit 33554432 "$(value memory memory.limit_in_bytes memory.max)"
	equal pids 9 "$(cgvalue pids pids.max)"
}

test_update_resources_stdin()
{
	need_controller pids
	limited '{pids: {limit: 20}}'
	echo '{"pids": {"limit": 8}}' >"$C/resources.json"
	INPUT=$C/resources.json update_ok -r -
	equal pids 8 "$(cgvalue pids pids.max)"
	INPUT=$C/resources.json update_ok --resources=-
}

test_update_resources_empty_object()
{
	need_controller pids
	limited '{pids: {limit: 20}}'
	echo '{}' >"$C/resources.json"
	update_ok --resources "$C/resources.json"
	equal pids 20 "$(cgvalue pids pids.max)"
}

test_update_resources_exclude_options()
{
	only runlet : "says nothing"
	need_controller pids
	limited '{pids: {limit: 20}}'
	echo '{"pids": {"limit": 8}}' >"$C/resources.json"
	rt_ok update --resources "$C/resources.json" --pids-limit 5 "$ID"
	match warning "$ERR" "ignored"
	equal pids 8 "$(cgvalue pids pids.max)"
}

test_update_resources_bad()
{
	only runlet : "other words"
	need_controller pids
	limited '{pids: {limit: 20}}'
	local text
	while IFS= read -r text; do
		echo "$text" >"$C/resources.json"
		update_fails 'resources.json' --resources "$C/resources.json"
		equal "pids after $text" 20 "$(cgvalue pids pids.max)"
	done <<-'END'
		[]
		{"pids": {"limit": "8"}}
		{"pids": {"limit": 8}
		{"pids": {"limit": 8}, "memory": {"limit": -5}}
		{"pids": {"limit": 8}, "unified": {"../../memory.max": "1"}}
	END
	update_fails 'No such file' --resources "$C/none.json"
}

test_update_unified()
{
	only runlet : "not in 1.1.5"
	need_v2 memory
	limited '{memory: {limit: 67108864}}'
	echo '{"unified": {"memory.high": "33554432"}}' >"$C/resources.json"
	update_ok -r "$C/resources.json"
	equal memory.high 33554432 "$(cgvalue "" memory.high)"
	echo '{"unified": {"memory.high": "16777216", "memory.max": "nonsense"}}' >"$C/resources.json"
	update_fails 'memory.max' -r "$C/resources.json"
	equal memory.high 33554432 "$(cgvalue "" memory.high)"
}

# ---------------------------------------------------------------------------------- all or nothing

# The kernel takes the first limits and refuses the last one.
test_update_is_all_or_nothing()
{
	only runlet : "leave what was written before"
	need_controller memory
	need_controller cpuset
	limited '{memory: {limit: 67108864}, pids: {limit: 20}, cpu: {shares: 512, cpus: "0-1"}}'
	echo '{"memory": {"limit": 33554432, "reservation": 4194304}, "cpu": {"shares": 700, "cpus": "900"},
		"pids": {"limit": 3}}' >"$C/resources.json"
	update_fails 'cpus' -r "$C/resources.json"
	equal memory 67108864 "$(value memory memory.limit_in_bytes memory.max)"
	match reservation "$(value memory memory.soft_limit_in_bytes memory.low)" "^(0|9223372036854771712)$"
	equal pids 20 "$(cgvalue pids pids.max)"
	equal cpus 0-1 "$(cgvalue cpuset cpuset.cpus)"
	[ "$LAYOUT" = v2 ] && equal weight 59 "$(cgvalue "" cpu.weight)"
	[ "$LAYOUT" = v2 ] || equal shares 512 "$(cgvalue cpu cpu.shares)"
	is_status running || fail "it is $(status)"
}

test_update_check_before_update()
{
	only runlet : "1.1.5 checks nothing on version 1"
	need_controller memory
	bundle
	conf '.linux.resources.memory = {limit: 134217728}'
	payload alloc 32 + write /tmp/ready yes + sleep
	start_ok
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
	echo '{"memory": {"limit": 8388608, "checkBeforeUpdate": true}}' >"$C/resources.json"
	update_fails 'in use' -r "$C/resources.json"
	equal memory 134217728 "$(value memory memory.limit_in_bytes memory.max)"
	is_status running || fail "it is $(status)"
}

test_update_throttles_are_put_back()
{
	only runlet : "leave what was written before"
	need_v1 blkio
	local device
	for device in /sys/block/{nvme,vd,sd}*; do
		[ -e "$device/dev" ] && break
	done
	[ -e "$device/dev" ] || skip "no disk here"
	device=$(cat "$device/dev")
	limited '{blockIO: {throttleReadBpsDevice: []}}'
	jq -n --arg d "$device" '($d / ":" | map(tonumber)) as $n | {blockIO: {throttleReadBpsDevice:
		[{major: $n[0], minor: $n[1], rate: 1048576}]}}' >"$C/resources.json"
	update_ok -r "$C/resources.json"
	equal throttle "$device 1048576" "$(cgvalue blkio blkio.throttle.read_bps_device)"
	jq '.blockIO.throttleReadBpsDevice[0].rate = 2097152 | .blockIO.throttleWriteBpsDevice =
		[{major: 4095, minor: 77, rate: 5}]' "$C/resources.json" >"$C/bad.json"
	update_fails throttleWrite -r "$C/bad.json"
	equal throttle "$device 1048576" "$(cgvalue blkio blkio.throttle.read_bps_device)"
}

# -------------------------------------------------------------------------------------- devices

test_update_devices()
{
	only runlet crun : "takes no device rules"
	need_root
	need_controller devices
	[ -e /dev/loop-control ] || skip "no loop-control here"
	sleeper '.linux.devices = [{path: "/dev/x", type: "c", major: 10, minor: 237, fileMode: 438}]'
	exec_ok try-open /dev/x r
	expect open./dev/x EPERM
	echo '{"devices": [{"allow": false, "access": "rwm"},
		{"allow": true, "type": "c", "major": 10, "minor": 237, "access": "rwm"}]}' >"$C/resources.json"
	update_ok -r "$C/resources.json"
	exec_ok try-open /dev/x r + try-open /dev/null rw
	expect open./dev/x ok
	expect open./dev/null ok
	echo '{"devices": [{"allow": false, "access": "rwm"}]}' >"$C/resources.json"
	update_ok -r "$C/resources.json"
	exec_ok try-open /dev/x r
	expect open./dev/x EPERM
	equal programs "$([ "$LAYOUT" = v2 ] && echo 1)" "$([ "$LAYOUT" = v2 ] && need_program bpftool >/dev/null &&
		bpftool cgroup list "$(cgdir "")" | grep -c runlet_devices)"
}

# A parent that refuses a device refuses it to the child's list as well: then nothing has changed.
test_update_devices_refused_by_the_parent()
{
	only runlet : "leave what was written before"
	need_v1 devices
	mkdir -p "$(cgdir devices)"
	touch "$C/own-cgroups"
	echo "c 10:237 rw" >"$(cgdir devices)/devices.deny"
	sleeper '.linux.cgroupsPath += "/inner" | .linux.resources.devices = [{allow: false, access: "rwm"},
		{allow: true, type: "c", major: 10, minor: 229, access: "rw"}]'
	local before
	before=$(sort "$(cgdir devices)/inner/devices.list")
	echo '{"pids": {"limit": 3}, "devices": [{"allow": false, "access": "rwm"},
		{"allow": true, "type": "c", "major": 7, "access": "rw"},
		{"allow": true, "type": "c", "major": 10, "minor": 237, "access": "rw"}]}' >"$C/resources.json"
	update_fails devices -r "$C/resources.json"
	equal "list of devices" "$before" "$(sort "$(cgdir devices)/inner/devices.list")"
	equal pids max "$(cat "$(cgdir pids)/inner/pids.max")"
	rt_ok delete --force "$ID"
}

# From one list with exceptions to the same: version 1 forgets them on the way, and nobody may see it.
test_update_devices_without_a_moment_of_all()
{
	only runlet : "leave such a moment"
	need_v1 devices
	need_controller freezer
	need_program strace
	local i hammer
	sleeper '.linux.devices = [{path: "/dev/x", type: "c", major: 240, minor: 77, fileMode: 438}]
		| .linux.resources.devices = [{allow: true, access: "rwm"},
			{allow: false, type: "c", major: 240, minor: 77, access: "rwm"}]'
	echo '{"devices": [{"allow": true, "access": "rwm"},
		{"allow": false, "type": "c", "major": 240, "minor": 77, "access": "rwm"}]}' >"$C/resources.json"
	(exec_ok write /tmp/hammers yes + hammer /dev/x 20 /tmp/enough && echo "$OUT" >"$C/tries") &
	hammer=$!
	wait_for "the program" test -e "$B/rootfs/tmp/hammers"
	# Slow enough that a moment is not missed.
	WRAP+=(strace -f -qq -o /dev/null -e trace=write -e inject=write:delay_exit=20000)
	for i in 1 2 3; do
		update_ok -r "$C/resources.json"
	done
	WRAP=("${BASE_WRAP[@]}")
	touch "$B/rootfs/tmp/enough"
	wait $hammer || fail "exec failed"
	equal "what else the device answered" "" "$(grep -v EPERM "$C/tries")"
	match "tries" "$(cat "$C/tries")" '^hammer.EPERM=[0-9]{4,}$'
	is_status running || fail "it is $(status)"
	rt_ok pause "$ID"
	update_ok -r "$C/resources.json"
	is_status paused || fail "it is $(status)"
	rt_ok resume "$ID"
}

# ---------------------------------------------------------------------------------- states, errors

test_update_created_and_paused()
{
	need_controller pids
	need_controller freezer
	bundle
	payload write /tmp/ready yes + sleep
	rt_ok create --bundle "$B" "$ID"
	update_ok --pids-limit 30
	equal pids 30 "$(cgvalue pids pids.max)"
	rt_ok start "$ID"
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
	rt_ok pause "$ID"
	update_ok --pids-limit 31
	equal pids 31 "$(cgvalue pids pids.max)"
	is_status paused || fail "it is $(status)"
}

test_update_stopped()
{
	only runlet : "other words"
	need_controller pids
	sleeper
	rt_ok kill "$ID" KILL
	wait_status stopped
	update_fails 'not running' --pids-limit 5
	rt_fails "$(unknown_words)" update --pids-limit 5 "$ID-none"
}

test_update_usage()
{
	only runlet : "other words"
	bundle
	payload sleep
	start_ok
	update_fails 'no limit is given'
	update_fails 'is not a number' --pids-limit many
	update_fails 'is not a number' --cpu-quota 1.5
	update_fails 'shares' --cpu-share -3
	update_fails 'unknown option' --nonsense 3
	rt_fails 'takes' update --pids-limit 3
}

test_update_without_a_cgroup()
{
	unlike runc crun : "cannot, or say nothing"
	GLOBALS+=(--cgroup-manager disabled)
	bundle
	conf 'del(.linux.resources)'
	payload sleep
	start_ok
	update_fails 'no cgroup' --pids-limit 5
}

test_update_rdt_needs_a_class()
{
	only runlet : "other words"
	need_controller pids
	limited '{pids: {limit: 20}}'
	update_fails 'without linux.intelRdt' --l3-cache-schema L3:0=f
	update_fails 'mem-bw-schema' --mem-bw-schema L3:0=f
	update_fails 'without linux.intelRdt' --pids-limit 7 --mem-bw-schema MB:0=50
	equal pids 20 "$(cgvalue pids pids.max)"
}
