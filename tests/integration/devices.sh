# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Device files, and the rules that say which may be used.

test_devices_defaults()
{
	need_root
	bundle
	payload report devices
	run_ok
	expect dev.null "c 1:3 0666 0:0"
	expect dev.zero "c 1:5 0666 0:0"
	expect dev.full "c 1:7 0666 0:0"
	expect dev.random "c 1:8 0666 0:0"
	expect dev.urandom "c 1:9 0666 0:0"
	expect dev.tty "c 5:0 0666 0:0"
	expect_match dev.ptmx "^l "
	no_match "device list" "$(grep ^dev. <<<"$OUT")" "vda|kvm|loop|mem=|kmsg"
}

test_devices_defaults_work()
{
	bundle
	payload try-open /dev/null rw + try-open /dev/zero r + try-open /dev/full r + \
		try-open /dev/urandom r + try-open /dev/random r + try-open /dev/ptmx rw
	run_ok
	local name
	for name in null zero full urandom random ptmx; do
		expect open./dev/$name ok
	done
}

test_devices_listed()
{
	need_root
	bundle
	conf '.linux.devices = [
		{path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 432, uid: 5, gid: 6},
		{path: "/dev/deep/er/block", type: "b", major: 7, minor: 0, fileMode: 384},
		{path: "/dev/plain", type: "c", major: 1, minor: 3},
		{path: "/elsewhere/null", type: "c", major: 1, minor: 3, fileMode: 438},
		{path: "/dev/unbuffered", type: "u", major: 1, minor: 5, fileMode: 438},
		{path: "/dev/pipe", type: "p", fileMode: 384}]'
	payload stat /dev/fuse /dev/deep/er/block /dev/plain /elsewhere/null /dev/unbuffered /dev/pipe
	run_ok
	expect stat./dev/fuse "c 10:229 0660 5:6"
	expect stat./dev/deep/er/block "b 7:0 0600 0:0"
	expect stat./elsewhere/null "c 1:3 0666 0:0"
	expect stat./dev/unbuffered "c 1:5 0666 0:0"
	expect stat./dev/pipe "p 0:0 0600 0:0"
	expect_match stat./dev/plain "^c 1:3 "
}

test_devices_mode_defaults_to_0666()
{
	need_root
	unlike runc : "makes it 0000"
	bundle
	conf '.linux.devices = [{path: "/dev/plain", type: "c", major: 1, minor: 3}]'
	payload stat /dev/plain
	run_ok
	expect stat./dev/plain "c 1:3 0666 0:0"
}

test_devices_mode_is_not_cut_by_the_umask()
{
	need_root
	bundle
	conf '.linux.devices = [{path: "/dev/open", type: "c", major: 1, minor: 3, fileMode: 438}]'
	payload stat /dev/open /dev/null
	umask 077
	run_ok
	expect stat./dev/open "c 1:3 0666 0:0"
	expect stat./dev/null "c 1:3 0666 0:0"
}

test_devices_default_listed_again()
{
	need_root
	unlike runc : "forgets the rule for it then"
	bundle
	conf '.linux.devices = [{path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 438,
		uid: 0, gid: 0}]'
	payload stat /dev/null
	run_ok
	expect stat./dev/null "c 1:3 0666 0:0"
}

test_devices_existing_file_does_not_match()
{
	only runlet : "does not look"
	bundle
	mkdir -p "$B/rootfs/devices"
	mknod "$B/rootfs/devices/d" c 1 5
	conf '.linux.devices = [{path: "/devices/d", type: "c", major: 1, minor: 3, fileMode: 438}]'
	run_fails "/devices/d"
	rm "$B/rootfs/devices/d"
	echo text >"$B/rootfs/devices/d"
	run_fails "/devices/d"
	equal "the file" text "$(cat "$B/rootfs/devices/d")"
}

test_devices_existing_file_matches()
{
	need_root
	bundle
	mkdir -p "$B/rootfs/devices"
	mknod -m 666 "$B/rootfs/devices/d" c 1 3
	conf '.linux.devices = [{path: "/devices/d", type: "c", major: 1, minor: 3, fileMode: 438}]'
	payload stat /devices/d
	run_ok
	expect stat./devices/d "c 1:3 0666 0:0"
}

test_devices_unknown_type()
{
	unlike crun : "1.8.1 does not look"
	bundle
	conf '.linux.devices = [{path: "/dev/x", type: "z", major: 1, minor: 3}]'
	run_fails "/dev/x|type|device"
}

test_devices_need_numbers()
{
	only runlet : "takes 0:0"
	bundle
	conf '.linux.devices = [{path: "/dev/x", type: "c"}]'
	run_fails "/dev/x|major|devices"
}

# ---------------------------------------------------------------------------------------- rules

# What the container may do with a character device is tried with loop-control (10:237), which
# no default rule names.
test_devices_rule_denies()
{
	need_controller devices
	bundle
	conf '.linux.devices = [{path: "/dev/x", type: "c", major: 10, minor: 237, fileMode: 438}]
		| .process.capabilities |= map_values(. + ["CAP_MKNOD"])'
	payload try-open /dev/x r + try-mknod /tmp/y c 10 237 + try-open /tmp/y r
	run_ok
	expect open./dev/x EPERM
	expect open./tmp/y EPERM
}

test_devices_rule_allows()
{
	need_controller devices
	[ -e /dev/loop-control ] || skip "no loop-control here"
	bundle
	conf '.linux.devices = [{path: "/dev/x", type: "c", major: 10, minor: 237, fileMode: 438}]
		| .linux.resources.devices += [{allow: true, type: "c", major: 10, minor: 237, access: "r"}]'
	payload try-open /dev/x r + try-open /dev/x w + try-open /dev/x rw
	run_ok
	equal outcomes "ok EPERM EPERM" "$(got open./dev/x | xargs)"
}

test_devices_rules_apply_in_order()
{
	need_controller devices
	[ -e /dev/loop-control ] || skip "no loop-control here"
	bundle
	conf '.linux.devices = [{path: "/dev/x", type: "c", major: 10, minor: 237, fileMode: 438}]
		| .linux.resources.devices = [
			{allow: false, access: "rwm"},
			{allow: true, type: "c", major: 10, access: "rwm"},
			{allow: false, type: "c", major: 10, minor: 237, access: "w"}]'
	payload try-open /dev/x r + try-open /dev/x w
	unlike crun : "does not notice that the kernel's list cannot say it on v1"
	rt run --bundle "$B" "$ID"
	if [ "$RC" != 0 ]; then
		# The list of version 1 cannot take a part from a wildcard: then it must be refused.
		match "error text" "$ERR" "device"
		return
	fi
	equal outcomes "ok EPERM" "$(got open./dev/x | xargs)"
}

test_devices_allow_all()
{
	need_controller devices
	[ -e /dev/loop-control ] || skip "no loop-control here"
	bundle
	conf '.linux.devices = [{path: "/dev/x", type: "c", major: 10, minor: 237, fileMode: 438}]
		| .linux.resources.devices = [{allow: true, access: "rwm"}]'
	payload try-open /dev/x rw
	run_ok
	expect open./dev/x ok
}

test_devices_defaults_stay_allowed()
{
	need_controller devices
	bundle
	conf '.linux.resources.devices = [{allow: false, access: "rwm"}]'
	payload try-open /dev/null rw + try-open /dev/zero r + try-open /dev/ptmx rw
	run_ok
	expect open./dev/null ok
	expect open./dev/zero ok
	expect open./dev/ptmx ok
}

test_devices_mknod_is_allowed_but_not_use()
{
	need_controller devices
	bundle
	conf '.process.capabilities |= map_values(. + ["CAP_MKNOD"])'
	payload try-mknod /tmp/disk b 254 0 + try-open /tmp/disk r
	run_ok
	expect mknod./tmp/disk ok
	expect open./tmp/disk EPERM
}

test_devices_rule_nonsense()
{
	unlike runc crun : "accepts it, or leaves a cgroup behind"
	bundle
	conf '.linux.resources.devices += [{allow: true, type: "q", major: 1, minor: 2, access: "r"}]'
	run_fails "type|device|invalid"
	bundle
	conf '.linux.resources.devices += [{allow: true, type: "c", major: 1, minor: 2, access: "rx"}]'
	run_fails "access|device|invalid"
}
