# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Limits where version 2 is all there is: each is read back from the kernel's file. Controllers that
# this user was not given make a case skip; as root every one is there.

# limit FILE VALUE   what the kernel says in the container's cgroup
limit()
{
	equal "$1" "$2" "$(cgvalue "" "$1")"
}

# limit_line FILE LINE   one of the lines in a file of many
limit_line()
{
	grep -qxF -- "$2" "$(cgdir "")/$1" || fail "$1 is '$(cgvalue "" "$1")', without '$2'"
}

# A disk of this machine, as MAJOR:MINOR.
find_disk()
{
	local device
	for device in /sys/block/{nvme,vd,sd}*; do
		[ -e "$device/dev" ] && DISK=$(cat "$device/dev") && return
	done
	skip "no disk here"
}

refused()
{
	bundle
	conf ".linux.resources |= (. // {}) + $1"
	payload exit 0
	run_fails "$2"
	missing "$(cgdir "")"
}

# What is not limited is still to be seen: engines read memory.current and the like.
test_limits_every_controller_is_on()
{
	need_v2
	sleeper
	equal controllers "$(xargs -n 1 <<<"$CONTROLLERS" | sort | xargs)" \
		"$(xargs -n 1 <"$(cgdir "")/cgroup.controllers" | sort | xargs)"
	match memory.current "$(cgvalue "" memory.current)" '^[1-9][0-9]+$'
	limit pids.current 1
}

# --------------------------------------------------------------------------------------- memory

test_limits_memory()
{
	need_v2 memory
	limited '{memory: {limit: 67108864, reservation: 33554432}}'
	limit memory.max 67108864
	limit memory.low 33554432
	limit memory.swap.max max
}

test_limits_memory_unlimited()
{
	need_v2 memory
	limited '{memory: {limit: -1}}'
	limit memory.max max
	limit memory.swap.max max
}

# Swap of the specification is memory and swap together, that of version 2 is swap alone.
test_limits_memory_swap()
{
	need_v2 memory
	limited '{memory: {limit: 67108864, swap: 134217728}}'
	limit memory.max 67108864
	limit memory.swap.max 67108864
	rt_ok delete --force "$ID"
	limited '{memory: {limit: 67108864, swap: 67108864}}'
	limit memory.swap.max 0
	rt_ok delete --force "$ID"
	limited '{memory: {limit: 67108864, swap: -1}}'
	limit memory.swap.max max
}

test_limits_memory_swap_below_the_limit()
{
	need_v2 memory
	unlike crun : "leaves the cgroup behind"
	refused '{memory: {limit: 67108864, swap: 1048576}}' "swap|memory|invalid argument"
}

test_limits_memory_swap_without_a_limit()
{
	need_v2 memory
	unlike crun : "leaves the cgroup behind"
	refused '{memory: {swap: 134217728}}' "swap|memory"
}

test_limits_memory_other_files()
{
	need_v2 memory
	limited '{unified: {"memory.high": "16777216", "memory.min": "1048576", "memory.oom.group": "1"}}'
	limit memory.high 16777216
	limit memory.min 1048576
	limit memory.oom.group 1
}

# A program that is killed is an event, and the end of that program only.
test_limits_memory_kills()
{
	need_v2 memory
	limited '{memory: {limit: 16777216, swap: 16777216}}'
	rt exec "$ID" /payload alloc 64
	equal "exit status" 137 "$RC"
	match memory.events "$(cgvalue "" memory.events)" "oom_kill [1-9]"
	is_status running || fail "the container is $(status)"
	bundle "$C/second"
	conf '.linux.cgroupsPath += "-2" | .linux.resources.memory = {limit: 16777216, swap: 16777216}'
	payload alloc 64
	rt run --bundle "$B" "$ID-2"
	equal "exit status of run" 137 "$RC"
}

# What version 2 cannot say must not be taken for said.
test_limits_memory_of_version_1()
{
	need_v2 memory
	only runlet : "ignores some of them"
	refused '{memory: {swappiness: 10}}' "memory.swappiness"
	refused '{memory: {kernelTCP: 1048576}}' "memory.kernelTCP"
	refused '{memory: {disableOOMKiller: true}}' "memory.disableOOMKiller"
}

# ------------------------------------------------------------------------------------------ cpu

test_limits_cpu()
{
	need_v2 cpu
	limited '{cpu: {shares: 1024, quota: 50000, period: 200000}}'
	unlike crun runc : "make it 39"
	limit cpu.weight 100
	limit cpu.max "50000 200000"
}

test_limits_cpu_shares_from_end_to_end()
{
	need_v2 cpu
	limited '{cpu: {shares: 2}}'
	limit cpu.weight 1
	rt_ok delete --force "$ID"
	limited '{cpu: {shares: 262144}}'
	limit cpu.weight 10000
}

test_limits_cpu_quota_or_period()
{
	need_v2 cpu
	limited '{cpu: {quota: 30000}}'
	limit cpu.max "30000 100000"
	rt_ok delete --force "$ID"
	limited '{cpu: {period: 50000}}'
	limit cpu.max "max 50000"
	rt_ok delete --force "$ID"
	unlike crun : "1.8.1 reads -1 as a huge number"
	limited '{cpu: {quota: -1}}'
	limit cpu.max "max 100000"
}

test_limits_cpu_burst()
{
	need_v2 cpu
	unlike crun runc : "older than the property"
	[ -e "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/cpu.max.burst" ] ||
		skip "older kernel"
	limited '{cpu: {quota: 50000, period: 100000, burst: 20000}}'
	limit cpu.max "50000 100000"
	limit cpu.max.burst 20000
}

test_limits_cpu_idle()
{
	need_v2 cpu
	unlike crun runc : "older than the property"
	[ -e "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/cpu.idle" ] || skip "older kernel"
	limited '{cpu: {idle: 1}}'
	limit cpu.idle 1
}

test_limits_cpu_realtime()
{
	need_v2 cpu
	only runlet : "ignores it"
	refused '{cpu: {realtimeRuntime: 5000}}' "realtimeRuntime"
}

test_limits_cpuset()
{
	need_v2 cpuset
	limited '{cpu: {cpus: "0", mems: "0"}}'
	limit cpuset.cpus 0
	limit cpuset.mems 0
	limit cpuset.cpus.effective 0
	exec_ok report status
	expect cpus 0
}

test_limits_cpuset_nonsense()
{
	need_v2 cpuset
	unlike crun : "leaves the cgroup behind"
	refused '{cpu: {cpus: "0-9999999"}}' "cpus|numerical|range|invalid"
	refused '{cpu: {mems: "one"}}' "mems|invalid"
}

# ----------------------------------------------------------------------------------------- pids

test_limits_pids()
{
	need_v2 pids
	limited '{pids: {limit: 17}}'
	limit pids.max 17
	rt_ok delete --force "$ID"
	unlike crun runc : "take 0 for no limit, or write -1 to the file"
	limited '{pids: {limit: -1}}'
	limit pids.max max
	rt_ok delete --force "$ID"
	limited '{pids: {limit: 0}}'
	limit pids.max 0
	limit pids.current 1
}

# ------------------------------------------------------------------------------------------- io

test_limits_io_max()
{
	need_v2 io
	find_disk
	local at="major: ${DISK%:*}, minor: ${DISK#*:}"
	limited "{blockIO: {throttleReadBpsDevice: [{$at, rate: 1048576}],
		throttleWriteBpsDevice: [{$at, rate: 2097152}],
		throttleReadIOPSDevice: [{$at, rate: 100}],
		throttleWriteIOPSDevice: [{$at, rate: 200}]}}"
	limit io.max "$DISK rbps=1048576 wbps=2097152 riops=100 wiops=200"
	rt_ok delete --force "$ID"
	limited "{unified: {\"io.max\": \"$DISK rbps=4096 riops=7\\n$DISK wbps=8192\"}}"
	limit io.max "$DISK rbps=4096 wbps=8192 riops=7 wiops=max"
}

test_limits_io_unknown_device()
{
	need_v2 io
	unlike crun : "leaves the cgroup behind"
	refused '{blockIO: {throttleReadBpsDevice: [{major: 511, minor: 5, rate: 4096}]}}' \
		"throttleReadBpsDevice|io.max"
}

# BFQ and the cost model have a file each, on different scales; either, both or none may be there.
test_limits_io_weight()
{
	need_v2 io
	local dir
	dir=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
	if [ -e "$dir/io.bfq.weight" ]; then
		limited '{blockIO: {weight: 500}}'
		match io.bfq.weight "$(cgvalue "" io.bfq.weight)" '^(default )?500$'
	elif [ -e "$dir/io.weight" ]; then
		limited '{blockIO: {weight: 500}}'
		limit_line io.weight "default 4950"
	else
		unlike crun runc : "leave the cgroup behind, or ignore it"
		refused '{blockIO: {weight: 500}}' "weight"
	fi
}

# ----------------------------------------------------------------------------------- the others

test_limits_hugetlb()
{
	need_v2 hugetlb
	[ -d /sys/kernel/mm/hugepages/hugepages-2048kB ] || skip "no pages of 2 MB here"
	limited '{hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}'
	unlike crun runc : "older than limits on reservations"
	limit hugetlb.2MB.rsvd.max 4194304
	rt_ok delete --force "$ID"
	refused '{hugepageLimits: [{pageSize: "3MB", limit: 4194304}]}' "hugepage|hugetlb|3MB"
}

test_limits_hugetlb_unified()
{
	need_v2 hugetlb
	[ -d /sys/kernel/mm/hugepages/hugepages-2048kB ] || skip "no pages of 2 MB here"
	limited '{unified: {"hugetlb.2MB.max": "6291456"}}'
	limit hugetlb.2MB.max 6291456
}

# There is no such hardware: the kernel's refusal has to arrive.
test_limits_rdma_and_misc()
{
	need_v2 rdma
	unlike crun : "leaves the cgroup behind"
	[ ! -e /sys/class/infiniband/nodevice ] || skip "there is such a device"
	unlike runc : "does not know it"
	refused '{rdma: {nodevice: {hcaHandles: 3, hcaObjects: 10}}}' "rdma.nodevice"
	refused '{unified: {"rdma.max": "nodevice hca_handle=3"}}' "rdma.max"
	[[ " $CONTROLLERS " != *" misc "* ]] || refused '{unified: {"misc.max": "nothing 5"}}' "misc.max"
}

test_limits_of_version_1()
{
	need_v2
	only runlet : "ignores them"
	refused '{network: {classID: 1048577}}' "network.classID|net_cls"
	refused '{network: {priorities: [{name: "lo", priority: 5}]}}' "priorities|net_prio"
}

test_limits_unified_comes_last()
{
	need_v2 pids
	limited '{pids: {limit: 5}, unified: {"pids.max": "9", "cgroup.max.depth": "7"}}'
	limit pids.max 9
	limit cgroup.max.depth 7
	rt_ok delete --force "$ID"
	refused '{unified: {"nonsense.max": "5"}}' "nonsense"
	refused '{unified: {"pids.nonsense": "5"}}' "pids.nonsense"
	refused '{unified: {"pids.max": "many"}}' "pids.max"
}

# ------------------------------------------------------------------- cgroups of the container's own

# nested WORD...   a container that may change its cgroup, is in /inner of it, and then does this
nested()
{
	bundle
	host_pids
	conf '.linux.namespaces += [{type: "cgroup"}] | .mounts +=
		[{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["rw"]}]'
	payload move-to-subcgroup /sys/fs/cgroup/inner + "$@" + write /tmp/ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/tmp/ready"
}

test_limits_nested_cgroups()
{
	need_v2 memory
	nested write /sys/fs/cgroup/cgroup.subtree_control +memory +pids + try-mkdir /sys/fs/cgroup/two + \
		write /sys/fs/cgroup/two/memory.max 1048576 + orphan + orphan
	local dir
	dir=$(cgdir "")
	equal "limit made inside" 1048576 "$(cat "$dir/two/memory.max")"
	equal "processes" 3 "$(wc -l <"$dir/inner/cgroup.procs")"
	# Whose controllers are handed on has no room for processes; exec finds some.
	exec_ok report process
	match "cgroup of exec" "$(got cgroup)" '^0::/'
	rt_ok kill --all "$ID" KILL
	wait_for "the end" grep -qx "populated 0" "$dir/cgroup.events"
	wait_status stopped
	rt_ok delete "$ID"
	missing "$dir"
}

test_limits_delete_what_moved_itself()
{
	need_v2
	nested orphan + orphan
	exists "$(cgdir "")/inner"
	rt_ok delete --force "$ID"
	missing "$(cgdir "")"
}

test_limits_pause_reaches_children()
{
	need_v2
	nested orphan
	local dir
	dir=$(cgdir "")
	rt_ok pause "$ID"
	is_status paused || fail "it is $(status)"
	limit cgroup.freeze 1
	match "events of the child" "$(cat "$dir/inner/cgroup.events")" "frozen 1"
	rt_ok resume "$ID"
	limit cgroup.freeze 0
	match "events of the child" "$(cat "$dir/inner/cgroup.events")" "frozen 0"
	is_status running || fail "it is $(status)"
}

test_limits_threads()
{
	need_v2
	sleeper
	local dir
	dir=$(cgdir "")
	mkdir "$dir/threads"
	echo threaded >"$dir/threads/cgroup.type"
	init_pid >"$dir/threads/cgroup.threads"
	equal "type" "domain threaded" "$(cat "$dir/cgroup.type")"
	equal "threads" "$(init_pid)" "$(cat "$dir/threads/cgroup.threads")"
	exec_ok echo still
	equal "output of exec" still "$OUT"
	rt_ok pause "$ID"
	rt_ok resume "$ID"
	rt_ok kill --all "$ID" KILL
	wait_status stopped
	rt_ok delete "$ID"
	missing "$dir"
}

# The program for devices holds for whoever comes later and wherever it moves.
test_limits_devices_everywhere()
{
	need_root
	need_v2 devices
	[ -e /dev/loop-control ] || skip "no loop-control here"
	bundle
	conf '.linux.devices = [{path: "/dev/x", type: "c", major: 10, minor: 237, fileMode: 438}]
		| .linux.resources.devices += [{allow: true, type: "c", major: 10, minor: 237, access: "r"}]'
	payload write /tmp/ready yes + sleep
	start_ok
	mkdir "$(cgdir "")/inner"
	init_pid >"$(cgdir "")/inner/cgroup.procs"
	exec_ok try-open /dev/x r + try-open /dev/x w + try-open /dev/null rw
	equal outcomes "ok EPERM" "$(got open./dev/x | xargs)"
	expect open./dev/null ok
}
