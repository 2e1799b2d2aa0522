# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# User namespaces, made by root and by users without privilege.

# ------------------------------------------------------------------------------------- by root

# userns_bundle HOST_ID SIZE   a bundle whose ids 0.. are HOST_ID.. on the host
userns_bundle()
{
	bundle
	conf '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: $h, size: $s}]
		| .linux.gidMappings = [{containerID: 0, hostID: $h, size: $s}]' \
		--argjson h "$1" --argjson s "$2"
	chown -R "$1:$1" "$B/rootfs"
}

test_ids_user_namespace()
{
	need_root
	userns_bundle 100000 65536
	payload report ids ns process + stat /payload
	run_ok
	expect uid 0
	expect gid 0
	differ "user namespace" "$(stat -Lc %i /proc/self/ns/user)" "$(got ns.user)"
	equal "uid map" "0 100000 65536" "$(got uidmap | xargs)"
	equal "gid map" "0 100000 65536" "$(got gidmap | xargs)"
	expect stat./payload "f 0:0 0755 0:0"
	expect setgroups allow
}

test_ids_user_namespace_on_the_host_side()
{
	need_root
	userns_bundle 100000 65536
	payload write /tmp/ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/tmp/ready"
	equal "owner of the process" 100000 "$(stat -c %u "/proc/$(init_pid)")"
	equal "owner of the file" 100000:100000 "$(stat -c %u:%g "$B/rootfs/tmp/ready")"
}

test_ids_user_namespace_user()
{
	need_root
	userns_bundle 100000 65536
	conf '.process.user = {uid: 1000, gid: 1001, additionalGids: [1002]}'
	payload report ids
	run_ok
	expect uid 1000
	expect gid 1001
	expect groups 1002
}

test_ids_user_namespace_several_ranges()
{
	need_root
	bundle
	conf '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 10},
			{containerID: 10, hostID: 200000, size: 1000}]
		| .linux.gidMappings = [{containerID: 0, hostID: 300000, size: 10},
			{containerID: 10, hostID: 400000, size: 1000}]'
	chown -R 100000:300000 "$B/rootfs"
	payload report ids process
	run_ok
	equal "uid map" "0 100000 10 10 200000 1000" "$(got uidmap | xargs)"
	equal "gid map" "0 300000 10 10 400000 1000" "$(got gidmap | xargs)"
}

test_ids_user_namespace_many_ranges()
{
	need_root
	bundle
	conf '.linux.namespaces += [{type: "user"}]
		| [range(300) | {containerID: ., hostID: (100000 + . * 2), size: 1}] as $m
		| .linux.uidMappings = $m | .linux.gidMappings = $m'
	chown -R 100000:100000 "$B/rootfs"
	payload report process
	run_ok
	equal "lines of the map" 300 "$(got uidmap | wc -l)"
	unlike crun runc : "less precise"
	conf '[range(341) | {containerID: ., hostID: (100000 + . * 2), size: 1}] as $m
		| .linux.uidMappings = $m | .linux.gidMappings = $m'
	run_fails "340|uidMappings"
}

test_ids_user_namespace_devices()
{
	need_root
	userns_bundle 100000 65536
	payload try-open /dev/null rw + try-open /dev/zero r + try-open /dev/urandom r + \
		try-open /dev/ptmx rw + stat /dev/null
	run_ok
	expect open./dev/null ok
	expect open./dev/zero ok
	expect open./dev/urandom ok
	expect open./dev/ptmx ok
	expect_match stat./dev/null "^c 1:3 0666"
}

test_ids_user_namespace_mounts()
{
	need_root
	userns_bundle 100000 65536
	conf '.mounts += [{destination: "/t", type: "tmpfs", source: "tmpfs", options: ["mode=755"]}]'
	payload report mounts + stat /t /dev/shm /proc /sys
	run_ok
	expect_mount /proc "^proc"
	expect_mount /sys "^sysfs ro"
	expect_mount /dev/pts "^devpts"
	expect stat./t "d 0:0 0755 0:0"
	expect_match stat./dev/shm "^d 0:0 1777 0:0"
}

test_ids_user_namespace_capabilities()
{
	need_root
	userns_bundle 100000 65536
	conf '.process.capabilities |= map_values(. + ["CAP_CHOWN"])'
	payload report caps + try-chown /payload 5 + try-mknod /tmp/disk b 254 0 + try-hostname other
	run_ok
	expect cap.effective "$(capmask CAP_AUDIT_WRITE CAP_KILL CAP_NET_BIND_SERVICE CAP_CHOWN)"
	expect chown./payload ok
	expect mknod./tmp/disk EPERM
	expect sethostname EPERM
}

test_ids_user_namespace_exec()
{
	need_root
	userns_bundle 100000 65536
	payload write /tmp/ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/tmp/ready"
	rt_ok exec --user 7:8 "$ID" /payload report ids ns process
	expect uid 7
	expect gid 8
	equal "user namespace" "$(stat -Lc %i "/proc/$(init_pid)/ns/user")" "$(got ns.user)"
	equal "uid map" "0 100000 65536" "$(got uidmap | xargs)"
}

test_ids_user_namespace_joined()
{
	unlike runc : "wants mappings as well"
	need_root
	userns_bundle 100000 65536
	payload write /tmp/ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/tmp/ready"
	local pid
	pid=$(init_pid)
	bundle "$C/second"
	chown -R 100000:100000 "$B/rootfs"
	conf '.linux.cgroupsPath += "-2" | .linux.namespaces |= map(if .type == "network" then
		.path = "/proc/\($pid)/ns/net" else . end) + [{type: "user", path: "/proc/\($pid)/ns/user"}]' \
		--arg pid "$pid"
	ID=$ID-2
	payload report ids ns process
	run_ok
	expect uid 0
	equal "user namespace" "$(stat -Lc %i "/proc/$pid/ns/user")" "$(got ns.user)"
}

test_ids_user_outside_of_the_map()
{
	need_root
	userns_bundle 100000 10
	conf '.process.user = {uid: 10, gid: 0}'
	run_fails "uid|mapp|user|invalid argument"
	conf '.process.user = {uid: 0, gid: 10}'
	run_fails "gid|mapp|group|invalid argument"
}

test_ids_maps_refused()
{
	need_root
	local map
	unlike crun runc : "leaves it to the kernel"
	for map in '[]' '[{containerID: 0, hostID: 100000, size: 0}]' \
		'[{containerID: 0, hostID: 4294967290, size: 100}]' \
		'[{containerID: 4294967290, hostID: 0, size: 100}]' \
		'[{containerID: 0, hostID: 1000, size: 10}, {containerID: 5, hostID: 2000, size: 10}]' \
		'[{containerID: 0, hostID: 1000, size: 10}, {containerID: 20, hostID: 1005, size: 10}]' \
		'[{containerID: 0, hostID: 100000}]' '[{containerID: -1, hostID: 100000, size: 1}]'; do
		userns_bundle 100000 65536
		conf ".linux.uidMappings = $map"
		run_fails "uidMappings|mapping"
	done
}

test_ids_maps_without_user_namespace()
{
	need_root
	unlike crun runc : "make one, or ignore them"
	bundle
	conf '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 10}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 10}]'
	run_fails "user namespace|userns|uidMappings"
}

# ------------------------------------------------------------------------------ without privilege

ROOTLESS_UID=64321

# Everything from here on is done by a user of the host, in a directory of its own. As root the
# user is lent to us; its ranges come from private copies of /etc/subuid and /etc/subgid.
rootless()
{
	[ "$(cat /proc/sys/user/max_user_namespaces 2>/dev/null || echo 1)" != 0 ] ||
		skip "user namespaces are switched off"
	if [ "$(id -u)" = 0 ]; then
		need_program setpriv
		mkdir -p "$C/home" "$C/runtime"
		chown "$ROOTLESS_UID:$ROOTLESS_UID" "$C/home" "$C/runtime" "$STATE" "$C"
		WRAP=("${BASE_WRAP[@]}" setpriv --reuid "$ROOTLESS_UID" --regid "$ROOTLESS_UID"
			--clear-groups env -i "HOME=$C/home" "XDG_RUNTIME_DIR=$C/runtime" "PATH=$PATH")
		"${WRAP[@]}" unshare -U true 2>/dev/null || skip "users may not make user namespaces"
		printf '%s\n' "${WRAP[@]}" >"$C/wrap"
	else
		ROOTLESS_UID=$(id -u)
		unshare -U true 2>/dev/null || skip "we may not make user namespaces"
	fi
	[ "$KIND" = runc ] || GLOBALS=(--root "$STATE" --cgroup-manager disabled)
}

# One id: what every user may map without help.
single_bundle()
{
	rootless
	bundle
	conf '.linux |= del(.cgroupsPath, .resources)
		| .linux.namespaces |= map(select(.type != "user")) + [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: $h, size: 1}]
		| .linux.gidMappings = [{containerID: 0, hostID: $h, size: 1}]
		| .mounts |= map(if .destination == "/dev/pts" then .options -= ["gid=5"] else . end)' \
		--argjson h "$ROOTLESS_UID"
	[ "$(id -u)" != 0 ] || chown -R "$ROOTLESS_UID:$ROOTLESS_UID" "$B"
	[ "$(id -u)" != 0 ] || chown "$ROOTLESS_UID" "$C"
}

# A range, with the help of newuidmap and newgidmap: 65536 ids from $RANGE on.
range_bundle()
{
	need_program newuidmap
	single_bundle
	RANGE=700000
	if [ "$(id -u)" = 0 ]; then
		lend_range
	else
		RANGE=$(sed -n "s/^$(id -un):\([0-9]*\):65536$/\1/p" /etc/subuid | head -n 1)
		[ -n "$RANGE" ] && grep -q "^$(id -un):$RANGE:65536$" /etc/subgid || skip "we were given no ids"
	fi
	conf '[{containerID: 0, hostID: $h, size: 1}, {containerID: 1, hostID: $r, size: 65536}]
		as $m | .linux.uidMappings = $m | .linux.gidMappings = $m' \
		--argjson h "$ROOTLESS_UID" --argjson r "$RANGE"
}

lend_range()
{
	cp /etc/passwd "$C/passwd"
	echo "rltest:x:$ROOTLESS_UID:$ROOTLESS_UID::$C/home:/bin/sh" >>"$C/passwd"
	echo "rltest:$RANGE:65536" >"$C/subid"
	local target
	for target in passwd subuid subgid; do
		[ -e /etc/$target ] || skip "no /etc/$target here"
		mount --bind "$C/$([ $target = passwd ] && echo passwd || echo subid)" /etc/$target
	done
	trap 'umount /etc/passwd /etc/subuid /etc/subgid' EXIT
}

test_ids_rootless_single()
{
	single_bundle
	payload report ids ns process + stat /payload
	run_ok
	expect uid 0
	expect gid 0
	equal "uid map" "0 $ROOTLESS_UID 1" "$(got uidmap | xargs)"
	expect setgroups deny
	expect stat./payload "f 0:0 0755 0:0"
	expect hostname testhost
}

test_ids_rootless_lifecycle()
{
	single_bundle
	payload write /tmp/ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/tmp/ready"
	is_status running || fail "it is $(status)"
	equal "owner of the process" "$ROOTLESS_UID" "$(stat -c %u "/proc/$(init_pid)")"
	exec_ok report ids
	expect uid 0
	rt_ok list --quiet
	equal "the list" "$ID" "$OUT"
	rt_ok kill "$ID" KILL
	wait_status stopped
	rt_ok delete "$ID"
	no_state "$ID"
}

# As Podman does it: root in a user namespace of its own, with the user's environment.
test_ids_rootless_default_root()
{
	only runlet : "other directories"
	single_bundle
	payload exit 0
	mkdir -p "$C/runtime"
	[ "$(id -u)" != 0 ] || chown "$ROOTLESS_UID" "$C/runtime"
	GLOBALS=(--cgroup-manager disabled)
	WRAP+=(env "XDG_RUNTIME_DIR=$C/runtime" USER=somebody)
	run_ok
	exists "$C/runtime/runlet"
	rm -rf "$C/runtime/runlet"
	WRAP+=(unshare --map-root-user)
	conf '.linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0'
	run_ok
	exists "$C/runtime/runlet"
}

test_ids_rootless_delete_force()
{
	single_bundle
	payload write /tmp/ready yes + fork-tree 3
	start_ok
	wait_for "the container" test -e "$B/rootfs/tmp/ready"
	rt_ok delete --force "$ID"
	no_state "$ID"
}

# What a mount of the host forbids stays forbidden; to ask for it is an error.
test_ids_rootless_locked_flags()
{
	need_root
	unlike runc crun : "other rules in older versions"
	single_bundle
	mkdir "$C/forbids"
	mount -t tmpfs -o nosuid,nodev,noexec,noatime tmpfs "$C/forbids" || skip "no tmpfs can be mounted"
	chmod 755 "$C/forbids"
	conf '.mounts += [{destination: "/plain", source: $s, options: ["bind"]},
		{destination: "/ro", source: $s, options: ["bind", "ro", "nosuid"]}]' --arg s "$C/forbids"
	payload report mounts
	rt run --bundle "$B" "$ID"
	local shown=$OUT rc=$RC text=$ERR
	conf '.mounts[-1].options += ["suid"]'
	rt run --bundle "$B" "$ID"
	umount "$C/forbids"
	equal "exit status ($text)" 0 "$rc"
	differ "exit status with suid" 0 "$RC"
	match "error text" "$ERR" "/ro.*(locked|not permitted)"
	OUT=$shown
	expect_mount /plain " rw,nosuid,nodev,noexec,noatime"
	expect_mount /ro " ro,nosuid,nodev,noexec,noatime"
}

test_ids_rootless_devices_and_mounts()
{
	single_bundle
	payload report mounts + try-open /dev/null rw + try-open /dev/zero r + try-open /dev/ptmx rw + \
		try-open /dev/full r
	run_ok
	expect open./dev/null ok
	expect open./dev/zero ok
	expect open./dev/ptmx ok
	expect_mount /proc "^proc"
	expect_mount /dev/pts "^devpts"
}

# devpts with gid=5 cannot be mounted where group 5 is not mapped; the option is dropped.
test_ids_rootless_devpts_group()
{
	unlike runc crun : "fail"
	single_bundle
	conf '.mounts |= map(if .destination == "/dev/pts" then .options += ["gid=5"] else . end)'
	payload try-open /dev/ptmx rw
	run_ok
	expect open./dev/ptmx ok
}

test_ids_rootless_in_the_host_network()
{
	single_bundle
	conf '.linux.namespaces |= map(select(.type != "network"))
		| .mounts |= map(if .destination == "/sys" then {destination: "/sys", type: "none",
			source: "/sys", options: ["rbind", "nosuid", "noexec", "nodev", "ro"]} else . end)'
	payload report ns mounts
	run_ok
	equal "network namespace" "$(stat -Lc %i /proc/self/ns/net)" "$(got ns.net)"
	expect_mount /sys "^sysfs ro"
}

# sysfs cannot be mounted in a network namespace that is not ours: it becomes a bind.
test_ids_rootless_sysfs_falls_back()
{
	unlike runc : "fails"
	single_bundle
	conf '.linux.namespaces |= map(select(.type != "network"))'
	payload report mounts
	run_ok
	expect_mount /sys "^sysfs "
}

test_ids_rootless_setgroups_is_impossible()
{
	unlike crun : "goes on without"
	single_bundle
	conf '.process.user.additionalGids = [5]'
	run_fails "group|gid"
}

test_ids_rootless_user_that_is_not_mapped()
{
	single_bundle
	conf '.process.user = {uid: 1000, gid: 0}'
	run_fails "uid|user|map|invalid argument"
}

test_ids_rootless_foreign_ids()
{
	single_bundle
	conf '.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]'
	run_fails "map|uid|permi"
}

test_ids_rootless_without_user_namespace()
{
	unlike crun : "makes one"
	single_bundle
	conf '.linux.namespaces |= map(select(.type != "user"))
		| del(.linux.uidMappings, .linux.gidMappings)'
	run_fails "user|root|permi"
}

test_ids_rootless_range()
{
	range_bundle
	payload report ids process + stat /payload
	run_ok
	expect uid 0
	equal "uid map" "0 $ROOTLESS_UID 1 1 $RANGE 65536" "$(got uidmap | xargs)"
	equal "gid map" "0 $ROOTLESS_UID 1 1 $RANGE 65536" "$(got gidmap | xargs)"
	expect setgroups allow
}

test_ids_rootless_range_user()
{
	unlike runc : "refuses groups for every user without privilege"
	range_bundle
	conf '.process.user = {uid: 1000, gid: 1001, additionalGids: [1002]}'
	payload report ids
	run_ok
	expect uid 1000
	expect gid 1001
	expect groups 1002
}

test_ids_rootless_range_not_granted()
{
	range_bundle
	conf '.linux.uidMappings[1].hostID = 900000'
	run_fails "uid|map"
}

# /etc/subuid allows it, but there is no newuidmap: the message must say what is missing.
test_ids_rootless_without_newuidmap()
{
	range_bundle
	only runlet : "says less"
	WRAP+=("$(command -v env)" PATH=/nowhere)
	run_fails "newuidmap"
}

test_ids_rootless_exec_user()
{
	range_bundle
	payload write /tmp/ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/tmp/ready"
	rt_ok exec --user 3:4 "$ID" /payload report ids
	expect uid 3
	expect gid 4
}

# Not even where a user was given a cgroup: this one is not in it.
test_ids_rootless_cgroups_cannot_be_used()
{
	unlike runc crun : "ignores them, or has no such option"
	single_bundle
	GLOBALS=(--root "$STATE")
	conf '.linux.cgroupsPath = $cg | .linux.resources = {memory: {limit: 33554432}}' --arg cg "/$ID"
	payload exit 0
	run_fails "cgroup|memory|delegat|permission"
}

# Version 1 alone: a user gets no cgroups, and then there is no place for device rules either.
test_ids_rootless_without_cgroups()
{
	need_root
	need_v1
	single_bundle
	GLOBALS=(--root "$STATE")
	if [ "$LAYOUT" = hybrid ] && [ -z "$UNIFIED_HIDDEN" ]; then
		mount -t tmpfs tmpfs /sys/fs/cgroup/unified
		trap 'umount /sys/fs/cgroup/unified' EXIT
	fi
	conf '.linux.resources = {devices: [{allow: false, access: "rwm"}]}'
	payload write /tmp/ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/tmp/ready"
	is_status running || fail "it is $(status)"
	exec_ok echo fine
	equal output fine "$OUT"
	rt_ok kill "$ID" KILL
	wait_status stopped
	rt_ok delete "$ID"
}

# A controller that was not handed on: the limit is not dropped in silence.
test_ids_rootless_controller_not_delegated()
{
	unlike runc crun : "say it differently"
	[ "$(id -u)" != 0 ] || skip "needs a user"
	need_v2
	[[ " $CONTROLLERS " != *" hugetlb "* ]] || skip "every controller is ours"
	bundle
	conf '.linux.resources = {hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}'
	payload exit 0
	run_fails "hugetlb"
	missing "$(cgdir "")"
}

test_ids_rootless_other_users_state()
{
	only runlet : "leaves it to the caller"
	single_bundle
	payload exit 0
	# A --root that somebody else could have prepared.
	GLOBALS=(--root "$C/foreign" --cgroup-manager disabled)
	mkdir -m 777 "$C/foreign"
	[ "$(id -u)" = 0 ] || unshare --map-root-user --map-auto chown 5 "$C/foreign" || skip "we were given no ids"
	ln -s /etc "$C/foreign/$ID"
	rt run --bundle "$B" "$ID"
	differ "exit status" 0 "$RC"
	equal "the link" /etc "$(readlink "$C/foreign/$ID")"
}

# Podman calls a runtime as root of the user's namespace, whose state is the user's.
test_ids_rootless_state_of_root_in_a_user_namespace()
{
	only runlet : "has another rule"
	unshare -Ur true 2>/dev/null || skip "no user namespaces here"
	local hint
	hint=$(unshare -Ur env XDG_RUNTIME_DIR="$C/user" "$RUNTIME" state nobody 2>&1)
	match "where it is looked for" "$hint" "no such directory in $C/user/runlet;"
	[ "$(id -u)" = 0 ] || return 0
	hint=$(XDG_RUNTIME_DIR="$C/user" "$RUNTIME" state nobody 2>&1)
	match "where root's is looked for" "$hint" "no such directory in /run/runlet;"
}
