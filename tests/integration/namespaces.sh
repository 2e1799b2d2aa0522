# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# config.json `linux.namespaces` and `linux.sysctl`.

host_ns()
{
	stat -Lc %i "/proc/self/ns/$1"
}

# without TYPE   removes the namespace of this type from the configuration
without()
{
	conf '.linux.namespaces |= map(select(.type != $t))' --arg t "$1"
}

# joined TYPE PATH
joined()
{
	without "$1"
	conf '.linux.namespaces += [{type: $t, path: $p}]' --arg t "$1" --arg p "$2"
}

# A process of the host in namespaces of its own; its pid is in $HOLDER.
hold_namespaces()
{
	need_root
	mkfifo "$C/held"
	helper unshare "$@" sh -c 'echo $$ >"$1"; exec sleep 60' sh "$C/held"
	read -rt 10 HOLDER <>"$C/held" || fail "the helper did not start"
	wait_for "the helper" grep -q sleep "/proc/$HOLDER/comm"
}

test_namespaces_are_new()
{
	need_root
	bundle
	conf '.linux.namespaces += [{type: "cgroup"}]'
	payload report ns
	run_ok
	local type
	for type in pid net ipc uts mnt cgroup; do
		differ "the $type namespace" "$(host_ns $type)" "$(got ns.$type)"
	done
	equal "the user namespace" "$(host_ns user)" "$(got ns.user)"
}

test_namespaces_not_named_are_the_hosts()
{
	need_root
	bundle
	conf 'del(.hostname)'
	without network
	without ipc
	without uts
	payload report ns process
	run_ok
	local type
	for type in net ipc uts cgroup; do
		equal "the $type namespace" "$(host_ns $type)" "$(got ns.$type)"
	done
	expect hostname "$(uname -n)"
}

test_namespaces_pid_of_the_host()
{
	need_root
	bundle
	without pid
	payload report ns process
	run_ok
	equal "the pid namespace" "$(host_ns pid)" "$(got ns.pid)"
	differ pid 1 "$(got pid)"
}

test_namespaces_join_by_path()
{
	hold_namespaces --net --ipc --uts
	bundle
	conf 'del(.hostname)'
	joined network "/proc/$HOLDER/ns/net"
	joined ipc "/proc/$HOLDER/ns/ipc"
	joined uts "/proc/$HOLDER/ns/uts"
	payload report ns
	run_ok
	local type
	for type in net ipc uts; do
		equal "the $type namespace" "$(stat -Lc %i "/proc/$HOLDER/ns/$type")" "$(got ns.$type)"
	done
}

test_namespaces_join_pid()
{
	need_root
	helper unshare --pid --fork --kill-child sh -c 'exec sleep 60'
	local helper child
	helper=$(tail -n 1 "$C/helpers")
	wait_for "the helper" sh -c "[ -n \"\$(cat /proc/$helper/task/$helper/children)\" ]"
	read -r child <"/proc/$helper/task/$helper/children"
	echo "$child" >>"$C/helpers"
	bundle
	joined pid "/proc/$child/ns/pid"
	payload report ns process
	run_ok
	equal "the pid namespace" "$(stat -Lc %i "/proc/$child/ns/pid")" "$(got ns.pid)"
	differ pid 1 "$(got pid)"
}

# The pod pattern: a second container in the namespaces of the first.
test_namespaces_of_another_container()
{
	need_root
	sleeper
	local first=$ID pid type
	pid=$(init_pid)
	bundle "$C/second"
	conf '.linux.cgroupsPath += "-2" | del(.hostname)'
	ID=$ID-2
	joined pid "/proc/$pid/ns/pid"
	joined network "/proc/$pid/ns/net"
	joined ipc "/proc/$pid/ns/ipc"
	joined uts "/proc/$pid/ns/uts"
	payload report ns process
	run_ok
	for type in pid net ipc uts; do
		equal "the $type namespace" "$(stat -Lc %i "/proc/$pid/ns/$type")" "$(got ns.$type)"
	done
	expect hostname testhost
	is_status running "$first" || fail "the first is $(status "$first")"
}

test_namespaces_path_missing()
{
	bundle
	joined network "$C/no-namespace"
	run_fails "no-namespace"
}

test_namespaces_path_of_another_type()
{
	hold_namespaces --net --uts
	bundle
	joined network "/proc/$HOLDER/ns/uts"
	run_fails "network|uts|invalid argument|wrong|broken pipe"
}

test_namespaces_path_is_a_file()
{
	bundle
	joined network "$B/config.json"
	run_fails "network|config.json|invalid argument"
}

test_namespaces_twice()
{
	unlike crun : "1.8.1 does not look"
	bundle
	conf '.linux.namespaces += [{type: "uts"}]'
	run_fails "uts|duplicate"
}

test_namespaces_unknown()
{
	bundle
	conf '.linux.namespaces += [{type: "nonsense"}]'
	run_fails "nonsense|namespace"
}

test_namespaces_mounts_of_the_host()
{
	need_root
	unlike runc : "wants a mount namespace"
	bundle
	without mount
	conf '.mounts = [] | del(.linux.maskedPaths, .linux.readonlyPaths)'
	local before
	before=$(cat /proc/self/mountinfo)
	payload ls / + echo fine
	run_ok
	match "the root" "$(got entry)" "^payload$"
	match output "$OUT" fine
	equal "mounts of the host" "$before" "$(cat /proc/self/mountinfo)"
}

test_namespaces_without_mount()
{
	unlike crun runc : "would change the host"
	bundle
	without mount
	run_fails "mount"
}

test_namespaces_hostname_needs_uts()
{
	unlike crun : "1.8.1 does not check"
	bundle
	without uts
	run_fails "uts|hostname"
	equal "the host's name" "$(uname -n)" "$(cat /proc/sys/kernel/hostname)"
}

test_namespaces_net_is_empty()
{
	bundle
	payload ls /sys/class/net
	run_ok
	no_match "network devices" "$(got entry)" "eth|ens|docker|veth"
	match "network devices" "$(got entry)" "^lo$"
}

test_namespaces_loopback_is_up()
{
	bundle
	payload cat /sys/class/net/lo/flags
	run_ok
	expect /sys/class/net/lo/flags 0x9
}

# It may be made beside, and entered when init builds: whoever is told of init finds it there.
test_namespaces_net_when_told_of_init()
{
	bundle
	payload sleep
	settle
	local i
	for i in 1 2 3 4 5; do
		# shellcheck disable=SC2016 # for the other shell
		helper sh -c 'until read -r pid <"$1" || [ -n "$pid" ]; do :; done 2>/dev/null
			readlink "/proc/$pid/ns/net" >"$2"' sh "$C/pid$i" "$C/network$i"
		rt_ok run --detach --pid-file "$C/pid$i" --bundle "$B" "$ID"
		wait_for "the helper" test -s "$C/network$i"
		differ "the network namespace, at run $i" "net:[$(host_ns net)]" "$(cat "$C/network$i")"
		rt_ok delete --force "$ID"
	done
}

test_namespaces_net_without_sysfs()
{
	bundle
	conf '.mounts = []'
	payload report ns + exit 0
	run_ok
	differ "the network namespace" "$(host_ns net)" "$(got ns.net)"
}

test_namespaces_net_is_for_hooks()
{
	bundle
	mkdir "$C/seen"
	conf '.hooks = {createRuntime: [{path: "/bin/sh", env: ["PATH=/usr/bin:/bin"], args: ["sh", "-c",
		"readlink /proc/$(jq .pid)/ns/net >$0", $c + "/seen/net"]}]}' --arg c "$C"
	payload exit 0
	run_ok
	match "what the hook saw" "$(cat "$C/seen/net")" '^net:\[[0-9]+\]$'
	differ "the network namespace" "net:[$(host_ns net)]" "$(cat "$C/seen/net")"
}

test_namespaces_no_more_networks()
{
	only runlet : "has other words"
	unshare -Ur true 2>/dev/null || skip "no user namespaces here"
	bundle
	conf '.mounts = [] | del(.linux.cgroupsPath, .linux.resources, .linux.uidMappings, .linux.gidMappings)
		| .linux.namespaces |= map(select(.type | IN("user", "cgroup") | not))'
	payload exit 0
	GLOBALS=(--root "$C/state" --cgroup-manager disabled)
	# shellcheck disable=SC2016 # for the other shell
	WRAP+=(unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_net_namespaces; exec "$@"' sh)
	run_fails "make the network namespace: No space left on device"
	match "the hint" "$ERR" "/proc/sys/user/max_net_namespaces may be reached"
}

test_namespaces_host_loopback_is_not_touched()
{
	hold_namespaces --net
	bundle
	joined network "/proc/$HOLDER/ns/net"
	payload cat /sys/class/net/lo/flags
	run_ok
	expect /sys/class/net/lo/flags 0x8
}

test_namespaces_time()
{
	unlike crun runc : "older than the property"
	[ -e /proc/self/ns/time ] || skip "this kernel has no time namespaces"
	bundle
	conf '.linux.namespaces += [{type: "time"}]
		| .linux.timeOffsets = {monotonic: {secs: 5000, nanosecs: 7}, boottime: {secs: 1000000}}'
	payload report ns + cat /proc/uptime + cat /proc/self/timens_offsets
	run_ok
	match offsets "$(tr -s ' \n' ' ' <<<"$OUT")" "monotonic 5000 7 boottime 1000000 0"
	differ "the time namespace" "$(host_ns time)" "$(got ns.time)"
	local inside outside
	inside=$(got /proc/uptime)
	outside=$(cut -d. -f1 /proc/uptime)
	inside=${inside%%.*}
	[ $((inside - outside)) -ge 999900 ] || fail "uptime is $inside inside and $outside outside"
}

test_namespaces_sysctl()
{
	bundle
	conf '.linux.sysctl = {"kernel.msgmax": "12345", "net.ipv4.ip_forward": "1",
		"net/ipv4/ip_default_ttl": "77", "fs.mqueue.msg_max": "20",
		"kernel.shm_rmid_forced": "1"}'
	payload cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward \
		/proc/sys/net/ipv4/ip_default_ttl /proc/sys/fs/mqueue/msg_max \
		/proc/sys/kernel/shm_rmid_forced
	run_ok
	expect /proc/sys/kernel/msgmax 12345
	expect /proc/sys/net/ipv4/ip_forward 1
	expect /proc/sys/net/ipv4/ip_default_ttl 77
	expect /proc/sys/fs/mqueue/msg_max 20
	expect /proc/sys/kernel/shm_rmid_forced 1
}

# A dot may be part of a name: net/ipv4/conf/eth0.5 is net.ipv4.conf.eth0/5.
test_namespaces_sysctl_with_a_dot_in_a_name()
{
	only runlet : "finds other files"
	hold_namespaces --net
	nsenter -t "$HOLDER" -n ip link add du.m type dummy 2>/dev/null ||
		skip "cannot make a network device with a dot in its name"
	bundle
	joined network "/proc/$HOLDER/ns/net"
	payload cat /proc/sys/net/ipv4/conf/du.m/forwarding
	conf '.linux.sysctl = {"net.ipv4.conf.du/m.forwarding": "1"}'
	run_ok
	expect /proc/sys/net/ipv4/conf/du.m/forwarding 1
	conf '.linux.sysctl = {"net/ipv4/conf/du.m/forwarding": "0"}'
	run_ok
	expect /proc/sys/net/ipv4/conf/du.m/forwarding 0
}

test_namespaces_sysctl_of_a_user_namespace()
{
	need_root
	unlike crun : "refuses it"
	bundle
	conf '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.sysctl = {"user.max_pid_namespaces": "77"}'
	chown -R 100000:100000 "$B/rootfs"
	payload cat /proc/sys/user/max_pid_namespaces
	local before
	before=$(cat /proc/sys/user/max_pid_namespaces)
	run_ok
	expect /proc/sys/user/max_pid_namespaces 77
	equal "the host's" "$before" "$(cat /proc/sys/user/max_pid_namespaces)"
}

test_namespaces_sysctl_of_the_host_is_refused()
{
	local name
	for name in kernel.core_pattern vm.swappiness fs.file-max kernel.sysrq kernel.hostname \
		kernel.shm_rmid_forcedx; do
		bundle
		conf '.linux.sysctl = {($n): "1"}' --arg n $name
		run_fails "$name|sysctl"
	done
}

test_namespaces_sysctl_tricks_are_refused()
{
	local name before
	before=$(cat /proc/sys/kernel/core_pattern)
	for name in 'net/../kernel/core_pattern' 'net....kernel.core_pattern' 'net.' net '' \
		'net//../../sysrq-trigger'; do
		bundle
		conf '.linux.sysctl = {($n): "1"}' --arg n "$name"
		run_fails "."
	done
	equal core_pattern "$before" "$(cat /proc/sys/kernel/core_pattern)"
}

test_namespaces_sysctl_needs_its_namespace()
{
	bundle
	without ipc
	conf '.linux.sysctl = {"kernel.msgmax": "12345"}'
	run_fails "ipc|sysctl|msgmax"
	bundle
	without network
	conf '.linux.sysctl = {"net.ipv4.ip_forward": "1"}'
	run_fails "net|sysctl"
}

test_namespaces_sysctl_domainname()
{
	need_root
	unlike crun : "1.8.1 lacks it"
	bundle
	conf '.linux.sysctl = {"kernel.domainname": "example.net"}'
	payload report process
	run_ok
	expect domainname example.net
}

test_namespaces_sysctl_bad_value()
{
	bundle
	conf '.linux.sysctl = {"kernel.msgmax": "words"}'
	run_fails "msgmax"
}

test_namespaces_exec_joins_all()
{
	sleeper '.linux.namespaces += [{type: "cgroup"}]'
	exec_ok report ns
	local type pid
	pid=$(init_pid)
	for type in pid net ipc uts mnt cgroup user; do
		equal "the $type namespace" "$(stat -Lc %i "/proc/$pid/ns/$type")" "$(got ns.$type)"
	done
}
