# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# linux.netDevices. The runtime gets a network namespace of its own, with a pair of virtual devices.

# ours COMMAND...   in the runtime's network namespace
ours()
{
	nsenter --net="/proc/$NETNS/ns/net" "$@"
}

# theirs COMMAND...   in the container's
theirs()
{
	nsenter --net="/proc/$(init_pid)/ns/net" "$@"
}

net_host()
{
	only runlet : "1.8.1 and 1.1.5 do not have it"
	need_root
	need_program ip
	helper unshare --net sleep 1000
	NETNS=$(tail -n 1 "$C/helpers")
	wait_for "a network namespace" sh -c "[ \"\$(readlink /proc/$NETNS/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
	ours ip link add left type veth peer name right 2>/dev/null || skip "no veth in this kernel"
	WRAP=(nsenter --net="/proc/$NETNS/ns/net" "${BASE_WRAP[@]}")
}

addresses()
{
	jq -r --arg n "$1" '.[] | select(.ifname == $n) | .addr_info[] | select(.scope == "global")
		| "\(.local)/\(.prefixlen)"' | sort | xargs
}

is_up()
{
	jq -r --arg n "$1" '.[] | select(.ifname == $n) | .flags | index("UP") != null'
}

test_netdevices_move()
{
	net_host
	ours ip addr add 192.0.2.7/24 dev left
	ours ip addr add 2001:db8::7/64 dev left nodad
	ours ip link set left mtu 1400 up
	sleeper '.linux.netDevices = {left: {}}'
	equal addresses "192.0.2.7/24 2001:db8::7/64" "$(theirs ip -j addr | addresses left)"
	equal up true "$(theirs ip -j addr | is_up left)"
	equal mtu 1400 "$(theirs ip -j link show left | jq -r '.[].mtu')"
	ours ip link show left >/dev/null 2>&1 && fail "it is still here"
	ours ip link show right >/dev/null || fail "the other one is gone"
	rt_ok delete --force "$ID"
}

test_netdevices_rename()
{
	net_host
	ours ip addr add 192.0.2.7/24 dev left
	sleeper '.linux.netDevices = {left: {name: "eth7"}}'
	equal addresses "192.0.2.7/24" "$(theirs ip -j addr | addresses eth7)"
	equal up true "$(theirs ip -j addr | is_up eth7)"
}

test_netdevices_template()
{
	net_host
	sleeper '.linux.netDevices = {left: {name: "eth%d"}, right: {name: "eth%d"}}'
	equal devices "eth0 eth1 lo" "$(theirs ip -j link | jq -r '.[].ifname' | sort | xargs)"
}

# Addresses that somebody else gave for a time, or that reach no further than the link, stay behind.
test_netdevices_only_permanent_addresses_of_global_scope()
{
	net_host
	ours ip addr add 192.0.2.7/24 dev left
	ours ip addr add 192.0.2.8/24 dev left valid_lft 1000 preferred_lft 1000
	ours ip addr add 192.0.2.9/24 dev left scope link
	ours ip link set left up
	sleeper '.linux.netDevices = {left: {}}'
	equal addresses "192.0.2.7/24" "$(theirs ip -j -4 addr | jq -r '.[] | select(.ifname == "left") | .addr_info[]
		| "\(.local)/\(.prefixlen)"' | xargs)"
}

test_netdevices_into_a_joined_namespace()
{
	net_host
	helper unshare --net sleep 1000
	local other
	other=$(tail -n 1 "$C/helpers")
	wait_for "a network namespace" sh -c "[ \"\$(readlink /proc/$other/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
	sleeper ".linux.namespaces |= map(if .type == \"network\" then .path = \"/proc/$other/ns/net\" else . end)
		| .linux.netDevices = {left: {name: \"inside\"}}"
	nsenter --net="/proc/$other/ns/net" ip link show inside >/dev/null || fail "it is not there"
}

test_netdevices_in_a_user_namespace()
{
	net_host
	ours ip addr add 192.0.2.7/24 dev left
	bundle
	conf '.linux.namespaces += [{type: "user"}] | .linux.netDevices = {left: {}}
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
	chown -R 100000:100000 "$B/rootfs"
	payload write /tmp/ready yes + sleep
	start_ok
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
	equal addresses "192.0.2.7/24" "$(theirs ip -j addr | addresses left)"
}

# Not even at the end are they taken back: what becomes of them is the namespace's owner's business.
test_netdevices_stay_at_delete()
{
	net_host
	helper unshare --net sleep 1000
	local other
	other=$(tail -n 1 "$C/helpers")
	wait_for "a network namespace" sh -c "[ \"\$(readlink /proc/$other/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
	ours ip addr add 192.0.2.7/24 dev left
	sleeper ".linux.namespaces |= map(if .type == \"network\" then .path = \"/proc/$other/ns/net\" else . end)
		| .linux.netDevices = {left: {name: \"inside\"}}"
	rt_ok kill "$ID" KILL
	wait_status stopped
	rt_ok delete "$ID"
	equal addresses "192.0.2.7/24" "$(nsenter --net="/proc/$other/ns/net" ip -j addr | addresses inside)"
	equal up true "$(nsenter --net="/proc/$other/ns/net" ip -j addr | is_up inside)"
	ours ip link show left >/dev/null 2>&1 && fail "it was moved back"
	# In a namespace that ends with the container the kernel ends a virtual device, and its other end.
	nsenter --net="/proc/$other/ns/net" ip link delete inside
	ours ip link add left type veth peer name right
	rm "$B/rootfs/tmp/ready"
	sleeper '.linux.netDevices = {left: {}}'
	rt_ok delete --force "$ID"
	wait_for "the end of its other end" sh -c "! nsenter --net=/proc/$NETNS/ns/net ip link show right"
	equal "devices left" lo "$(ours ip -j link | jq -r '.[].ifname' | xargs)"
}

# A hook that runs before the container does sees the devices in their place.
test_netdevices_before_hooks()
{
	net_host
	bundle
	conf '.linux.netDevices = {left: {}} | .hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c",
		"nsenter --net=/proc/$(jq .pid)/ns/net ip link show left >$0", $f]}]' --arg f "$C/hook"
	payload exit 0
	run_ok
	match "what the hook saw" "$(cat "$C/hook")" "left"
}

# ---------------------------------------------------------------------------------------- errors

unchanged()
{
	equal addresses "192.0.2.7/24 2001:db8::7/64" "$(ours ip -j addr | addresses left)"
	equal up true "$(ours ip -j addr | is_up left)"
}

with_addresses()
{
	net_host
	ours ip addr add 192.0.2.7/24 dev left
	ours ip addr add 2001:db8::7/64 dev left nodad
	ours ip link set left up
}

test_netdevices_missing()
{
	with_addresses
	bundle
	conf '.linux.netDevices = {left: {}, nothing: {}}'
	payload exit 0
	run_fails 'netDevices\["nothing"\].*No such device'
	unchanged
}

test_netdevices_name_that_is_taken()
{
	with_addresses
	bundle
	conf '.linux.netDevices = {left: {name: "lo"}}'
	payload exit 0
	run_fails 'has a device lo already'
	unchanged
}

# Whatever fails later: a container that could not be made has changed nothing.
test_netdevices_go_back_when_create_fails()
{
	with_addresses
	bundle
	conf '.linux.netDevices = {left: {name: "eth0"}} | .hooks.createRuntime = [{path: "/bin/false"}]'
	payload exit 0
	run_fails hook
	unchanged
	bundle
	conf '.linux.netDevices = {left: {name: "eth0"}} | .process.args = ["/nothing"]'
	run_fails "nothing"
	unchanged
	bundle
	conf '.linux.netDevices = {left: {}} | .mounts += [{destination: "/x", type: "tmpfs", source: "tmpfs", options: ["nonsense=1"]}]'
	run_fails "nonsense"
	unchanged
}

test_netdevices_bad_names()
{
	only runlet
	local name
	for name in "" . .. a/b "a b" 0123456789abcdef a:b; do
		bundle
		conf '.linux.netDevices = {($n): {}}' --arg n "$name"
		payload exit 0
		run_fails 'netDevices'
	done
}

test_netdevices_without_a_namespace()
{
	with_addresses
	bundle
	conf '.linux.netDevices = {left: {}} | .linux.namespaces |= map(select(.type != "network"))
		| .mounts |= map(select(.destination != "/sys"))'
	payload exit 0
	run_ok
	match warning "$ERR" "netDevices"
	unchanged
}
