# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Control groups by the file system: what every layout has in common, and the files of version 1
# (alone, or on a hybrid host). limits.sh has those of version 2.

test_cgroup_path_is_used_in_every_hierarchy()
{
	need_v1
	sleeper
	local pid line
	pid=$(init_pid)
	while IFS=: read -r _ controllers line; do
		case $controllers in
		memory | cpu | cpuset | pids | devices | freezer | blkio | cpuacct | name=systemd)
			equal "cgroup of $controllers" "$CG" "$line"
			;;
		esac
	done <"/proc/$pid/cgroup"
}

test_cgroup_is_removed()
{
	need_controller memory
	sleeper
	exists "$(cgdir memory)"
	rt_ok delete --force "$ID"
	equal "cgroups left" "" "$(cgroup_dirs "$CG")"
}

test_cgroup_is_removed_after_run()
{
	need_controller memory
	bundle
	payload exit 0
	run_ok
	equal "cgroups left" "" "$(cgroup_dirs "$CG")"
}

test_cgroup_parent_stays()
{
	need_controller memory
	mkdir -p "$(cgdir memory)/given"
	touch "$C/own-cgroups"
	bundle
	conf '.linux.cgroupsPath += "/given/ours"'
	payload exit 0
	run_ok
	exists "$(cgdir memory)/given"
	missing "$(cgdir memory)/given/ours"
}

test_cgroup_namespace_shows_the_own_one_as_root()
{
	need_controller memory
	bundle
	conf '.linux.namespaces += [{type: "cgroup"}]'
	payload report process
	run_ok
	expect_cgroup "/$"
	no_match "cgroups" "$(got cgroup)" "$CG"
}

test_cgroup_memory()
{
	need_v1 memory
	limited '{memory: {limit: 67108864, reservation: 33554432}}'
	equal limit 67108864 "$(cgvalue memory memory.limit_in_bytes)"
	equal reservation 33554432 "$(cgvalue memory memory.soft_limit_in_bytes)"
}

test_cgroup_memory_unlimited()
{
	need_v1 memory
	limited '{memory: {limit: -1}}'
	match limit "$(cgvalue memory memory.limit_in_bytes)" '^9223372036854771712$'
}

test_cgroup_memory_swap()
{
	need_v1 memory
	[ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ] || skip "no swap accounting"
	limited '{memory: {limit: 67108864, swap: 134217728}}'
	equal limit 67108864 "$(cgvalue memory memory.limit_in_bytes)"
	equal "limit with swap" 134217728 "$(cgvalue memory memory.memsw.limit_in_bytes)"
}

test_cgroup_memory_swap_below_the_limit()
{
	unlike crun : "leaves the cgroup behind"
	need_v1 memory
	[ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ] || skip "no swap accounting"
	bundle
	conf '.linux.resources.memory = {limit: 67108864, swap: 1048576}'
	run_fails "swap|memsw|memory|invalid argument"
}

test_cgroup_memory_swappiness_and_oom()
{
	need_v1 memory
	limited '{memory: {limit: 67108864, swappiness: 17, disableOOMKiller: true}}'
	equal swappiness 17 "$(cgvalue memory memory.swappiness)"
	match "oom control" "$(cgvalue memory memory.oom_control)" "oom_kill_disable 1"
}

test_cgroup_memory_limit_kills()
{
	need_controller memory
	bundle
	conf '.linux.resources.memory = {limit: 8388608}'
	payload alloc 64 + echo survived
	rt run --bundle "$B" "$ID"
	# What the limit cannot take from memory it may take from swap.
	[ "$(awk 'NR > 1' /proc/swaps | wc -l)" = 0 ] || skip "this host swaps"
	equal "exit status" 137 "$RC"
}

test_cgroup_cpu()
{
	need_v1 cpu
	limited '{cpu: {shares: 512, quota: 50000, period: 200000}}'
	equal shares 512 "$(cgvalue cpu cpu.shares)"
	equal quota 50000 "$(cgvalue cpu cpu.cfs_quota_us)"
	equal period 200000 "$(cgvalue cpu cpu.cfs_period_us)"
}

test_cgroup_cpu_quota_unlimited()
{
	unlike crun : "1.8.1 reads it as a huge number"
	need_v1 cpu
	limited '{cpu: {quota: -1}}'
	equal quota -1 "$(cgvalue cpu cpu.cfs_quota_us)"
}

test_cgroup_cpu_burst_and_idle()
{
	need_v1 cpu
	unlike crun runc : "older than the properties"
	[ -e /sys/fs/cgroup/cpu/cpu.cfs_burst_us ] || skip "older kernel"
	limited '{cpu: {quota: 50000, period: 100000, burst: 20000}}'
	equal burst 20000 "$(cgvalue cpu cpu.cfs_burst_us)"
	rt_ok delete --force "$ID"
	[ -e /sys/fs/cgroup/cpu/cpu.idle ] || return 0
	limited '{cpu: {idle: 1}}'
	equal idle 1 "$(cgvalue cpu cpu.idle)"
}

test_cgroup_cpuset()
{
	need_v1 cpuset
	limited '{cpu: {cpus: "0", mems: "0"}}'
	equal cpus 0 "$(cgvalue cpuset cpuset.cpus)"
	equal mems 0 "$(cgvalue cpuset cpuset.mems)"
	exec_ok report status
	expect cpus 0
}

test_cgroup_cpuset_defaults_to_the_parents()
{
	need_v1 cpuset
	sleeper
	equal cpus "$(cat /sys/fs/cgroup/cpuset/cpuset.cpus)" "$(cgvalue cpuset cpuset.cpus)"
}

test_cgroup_cpuset_nonsense()
{
	unlike crun : "leaves the cgroup behind"
	need_controller cpuset
	bundle
	conf '.linux.resources.cpu = {cpus: "0-9999999"}'
	run_fails "cpus|numerical|range|invalid"
	missing "$(cgdir cpuset)"
}

test_cgroup_pids()
{
	need_controller pids
	limited '{pids: {limit: 17}}'
	equal limit 17 "$(cgvalue pids pids.max)"
}

test_cgroup_pids_unlimited()
{
	unlike crun : "1.8.1 writes -1 to the file"
	need_controller pids
	limited '{pids: {limit: -1}}'
	equal limit max "$(cgvalue pids pids.max)"
}

test_cgroup_pids_zero_is_a_limit()
{
	need_controller pids
	unlike crun runc : "takes 0 for no limit"
	bundle
	conf '.linux.resources.pids = {limit: 0}'
	payload fork-until 5
	run_ok
	expect forks 0
	expect forks.error EAGAIN
}

test_cgroup_pids_limit_holds()
{
	need_controller pids
	bundle
	conf '.linux.resources.pids = {limit: 5}'
	payload fork-until 20
	run_ok
	expect forks 4
	expect forks.error EAGAIN
}

test_cgroup_blkio_throttle()
{
	need_v1 blkio
	[ -e /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device ] || skip "no throttling here"
	local disk
	disk=$(awk '$4 == "vda" {print $1 ":" $2}' /proc/partitions)
	[ -n "$disk" ] || disk=$(awk 'NR > 2 {print $1 ":" $2; exit}' /proc/partitions)
	[ -n "$disk" ] || skip "no disk here"
	limited "{blockIO: {
		throttleReadBpsDevice: [{major: ${disk%:*}, minor: ${disk#*:}, rate: 1048576}],
		throttleWriteBpsDevice: [{major: ${disk%:*}, minor: ${disk#*:}, rate: 2097152}],
		throttleReadIOPSDevice: [{major: ${disk%:*}, minor: ${disk#*:}, rate: 100}],
		throttleWriteIOPSDevice: [{major: ${disk%:*}, minor: ${disk#*:}, rate: 200}]}}"
	equal "read bps" "$disk 1048576" "$(cgvalue blkio blkio.throttle.read_bps_device)"
	equal "write bps" "$disk 2097152" "$(cgvalue blkio blkio.throttle.write_bps_device)"
	equal "read iops" "$disk 100" "$(cgvalue blkio blkio.throttle.read_iops_device)"
	equal "write iops" "$disk 200" "$(cgvalue blkio blkio.throttle.write_iops_device)"
}

# A limit that cannot be set must not be taken for set.
test_cgroup_missing_controller_is_told()
{
	need_v1
	only runlet : "ignores some of them"
	[ ! -d /sys/fs/cgroup/net_cls ] || skip "this host has net_cls"
	bundle
	conf '.linux.resources.network = {classID: 1048577}'
	payload exit 0
	rt run --bundle "$B" "$ID"
	[ "$RC" != 0 ] || match "standard error" "$ERR" "net_cls|classID"
	bundle
	conf '.linux.resources.rdma = {mlx5_1: {hcaHandles: 3}}'
	payload exit 0
	rt run --bundle "$B" "$ID"
	[ "$RC" != 0 ] || match "standard error" "$ERR" "rdma"
}

test_cgroup_unified_on_v1()
{
	need_v1
	bundle
	conf '.linux.resources.unified = {"memory.max": "1000000"}'
	unlike runc crun : "ignores it"
	run_fails "unified|memory.max|v2"
}

test_cgroup_nested_children_are_removed()
{
	need_controller memory
	sleeper
	mkdir -p "$(cgdir memory)/a/b/c" "$(cgdir freezer)/x/y"
	rt_ok delete --force "$ID"
	missing "$(cgdir memory)"
	missing "$(cgdir freezer)"
}

# Whoever reads pids and kills them one by one does not get this one.
test_cgroup_relay_is_killed()
{
	need_controller pids
	bundle
	conf '.linux.resources.pids = {limit: 40} | .linux.namespaces |= map(select(.type != "pid"))'
	payload relay 4 + write /tmp/ready yes + sleep
	start_ok
	wait_for "the relay" test -e "$B/rootfs/tmp/ready"
	rt_ok kill --all "$ID" KILL
	wait_status stopped
	# They have been killed; when they are gone is the kernel's business.
	wait_for "the end of the relay" cmp /dev/null "$(cgdir pids)/cgroup.procs"
	rt_ok delete "$ID"
	missing "$(cgdir pids)"
}

# A process of the container moved itself, where the cgroup is writable for it.
test_cgroup_processes_that_moved_are_killed()
{
	need_v1 freezer
	bundle
	conf '.mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup"}]
		| .linux.namespaces |= map(select(.type != "pid")) + [{type: "cgroup"}]'
	payload orphan + move-to-subcgroup /sys/fs/cgroup/freezer/inner /sys/fs/cgroup/memory/inner + \
		orphan + write /tmp/ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/tmp/ready"
	exists "$(cgdir freezer)/inner"
	rt_ok delete --force "$ID"
	missing "$(cgdir freezer)"
	missing "$(cgdir memory)"
}

test_cgroup_pause_reaches_children()
{
	need_v1 freezer
	sleeper
	mkdir "$(cgdir freezer)/inner"
	init_pid >"$(cgdir freezer)/inner/cgroup.procs"
	rt_ok pause "$ID"
	equal "state of the child" FROZEN "$(cat "$(cgdir freezer)/inner/freezer.state")"
	rt_ok resume "$ID"
	equal "state of the child" THAWED "$(cat "$(cgdir freezer)/inner/freezer.state")"
}

test_cgroup_existing_and_empty_is_used()
{
	need_controller memory
	mkdir -p "$(cgdir memory)"
	touch "$C/own-cgroups"
	bundle
	payload report process
	run_ok
	expect_cgroup "$CG$"
}

# Two configurations with one cgroup: the second one is refused, and its undoing may not end the
# first one's processes.
test_cgroup_of_another_container()
{
	need_controller memory
	unlike runc crun : "share the cgroup, and end both with either"
	sleeper
	rt_fails "in use" run --bundle "$B" "$ID-2"
	is_status running || fail "the first container is $(status)"
	exists "$(cgdir memory)"
	rt_fails "does not exist" state "$ID-2"
}

test_cgroup_frozen_before()
{
	need_controller freezer
	mkdir -p "$(cgdir freezer)"
	touch "$C/own-cgroups"
	freeze "$(cgdir freezer)" 1
	bundle
	payload exit 0
	PATIENCE=5
	unlike runc crun : "freezes with it"
	run_fails "frozen|freez"
}

# Below the caller's own cgroup; on version 2 beside it.
test_cgroup_path_relative()
{
	need_controller memory
	unlike runc : "puts it below the caller"
	bundle
	conf '.linux.cgroupsPath = $p' --arg p "$ID"
	payload report process
	run_ok
	expect_cgroup ".*/$ID$"
}

test_cgroup_path_cannot_climb()
{
	need_controller memory
	bundle
	conf '.linux.cgroupsPath = $p' --arg p "$CG/../../../../$CG/up"
	payload report process
	rt run --bundle "$B" "$ID"
	# Refused, or kept below the hierarchy's root; never outside of it.
	[ "$RC" != 0 ] || expect_cgroup ".*$CG/up$"
	missing "/sys/fs/cgroup$CG"
	missing "/sys/fs$CG"
	touch "$C/own-cgroups"
}

test_cgroup_manager_disabled()
{
	unlike runc : "cannot"
	bundle
	GLOBALS+=(--cgroup-manager disabled)
	payload report process
	run_ok
	no_match "cgroups" "$(got cgroup)" "$CG"
	equal "cgroups made" "" "$(cgroup_dirs "$CG")"
}

test_cgroup_manager_disabled_lifecycle()
{
	unlike runc : "cannot"
	GLOBALS+=(--cgroup-manager disabled)
	bundle
	conf 'del(.linux.resources)'
	payload fork-tree 3
	start_ok
	wait_for "the output" grep -q ready "$COUT"
	exec_ok echo x
	rt_ok kill "$ID" KILL
	wait_status stopped
	rt_ok delete "$ID"
}

test_cgroup_manager_cgroupfs()
{
	need_root
	unlike runc : "has no such option"
	need_controller memory
	bundle
	GLOBALS+=(--cgroup-manager cgroupfs)
	payload report process
	run_ok
	expect_cgroup "$CG$"
}

test_cgroup_manager_unknown()
{
	unlike runc : "has no such option"
	bundle
	GLOBALS+=(--cgroup-manager nonsense)
	payload exit 0
	run_fails "nonsense|cgroup"
}

test_cgroup_manager_systemd_without_systemd()
{
	need_root
	only runlet : "other words"
	[ ! -d /run/systemd/system ] || skip "this host runs systemd"
	bundle
	conf '.linux.cgroupsPath = "a.slice:b:c"'
	GLOBALS+=(--systemd-cgroup)
	payload exit 0
	run_fails "systemd"
}

# Without a limit on its own lines an update must not touch the others; create writes what is named.
test_cgroup_without_resources()
{
	need_controller memory
	bundle
	conf 'del(.linux.resources)'
	payload report process
	run_ok
	expect_cgroup "$CG$"
}

test_cgroup_two_containers_in_one_parent()
{
	need_controller memory
	local i
	for i in 1 2; do
		bundle "$C/b$i"
		conf '.linux.cgroupsPath += $i | .linux.resources.memory = {limit: 33554432}' --arg i "/$i"
		payload sleep
		rt_ok create --bundle "$B" "$ID-$i"
	done
	rt_ok delete --force "$ID-1"
	missing "$(cgdir memory "$CG/1")"
	exists "$(cgdir memory "$CG/2")"
	is_status created "$ID-2" || fail "the second is $(status "$ID-2")"
	rt_ok delete --force "$ID-2"
	touch "$C/own-cgroups"
}
