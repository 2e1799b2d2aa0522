# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Control groups, version 2. The runtime gets a cgroup namespace and a mount namespace in which
# /sys/fs/cgroup is a cgroup2 mount. On a host with version 1 there are no controllers then, but
# delegation, threads, device programs, the freezer and cgroup.kill can be tried all the same.

# The namespace's root is a cgroup that no other theme has handed controllers to: one cannot move
# into it otherwise.
begin_cgroup2()
{
	[ "$(id -u)" = 0 ] || return 0
	mkdir -p "$WORK/v2"
	mount -t cgroup2 cgroup2 "$WORK/v2" 2>/dev/null || return 0
	CGROUP_BASE=$CGROUP_BASE-ns
	mkdir "$WORK/v2$CGROUP_BASE"
	"$HERE/in-cgroup2" --new "$WORK/v2$CGROUP_BASE" "$WORK/cgroup-namespace"
}

end_cgroup2()
{
	mountpoint -q "$WORK/v2" || return 0
	umount "$WORK/cgroup-namespace"
	thaw_and_kill "$WORK/v2$CGROUP_BASE"
	find "$WORK/v2$CGROUP_BASE" -depth -type d -exec rmdir {} \;
	CGROUP_BASE=${CGROUP_BASE%-ns}
	umount "$WORK/v2"
}

v2()
{
	mountpoint -q "$WORK/v2" || skip "no cgroup2 here"
	[ "$KIND" != crun ] || setpriv --dump | grep -q 'set:.*sys_resource' ||
		skip "crun cannot load device programs without CAP_SYS_RESOURCE"
	WRAP=("$HERE/in-cgroup2" "$WORK/cgroup-namespace" "${BASE_WRAP[@]}")
	printf '%s\n' "${WRAP[@]}" >"$C/wrap"
	V2=$WORK/v2$CG
}

v2_bundle()
{
	v2
	bundle
	conf '.linux.cgroupsPath = $p' --arg p "/${CG##*/}"
}

v2_sleeper()
{
	v2_bundle
	payload write /tmp/ready yes + sleep
	[ $# = 0 ] || conf "$1"
	start_ok
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
}

members()
{
	find "$1" -name cgroup.procs -exec cat {} + | wc -l
}

test_cgroup2_path()
{
	v2_sleeper
	match "cgroup of init" "$(cat "/proc/$(init_pid)/cgroup")" "^0::$CG(/[a-z]+)?$"
	rt_ok delete --force "$ID"
	missing "$V2"
}

test_cgroup2_run_removes_it()
{
	v2_bundle
	payload exit 0
	run_ok
	missing "$V2"
}

test_cgroup2_exec_is_in_it()
{
	v2_sleeper
	rt_ok exec --detach --pid-file "$C/pid" "$ID" /payload sleep
	match "cgroup of exec" "$(cat "/proc/$(cat "$C/pid")/cgroup")" "^0::$CG(/[a-z]+)?$"
}

test_cgroup2_namespace_and_mount()
{
	v2_bundle
	conf '.linux.namespaces += [{type: "cgroup"}] | .mounts += [{destination: "/sys/fs/cgroup",
		type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "ro"]}]'
	payload report process mounts + try-mkdir /sys/fs/cgroup/made
	run_ok
	match "cgroups" "$(got cgroup)" "0::/$"
	expect_mount /sys/fs/cgroup "^cgroup2 ro,nosuid,nodev,noexec"
	expect mkdir./sys/fs/cgroup/made EROFS
}

# Without a namespace the tree is whole, as /proc/self/cgroup names places in it.
test_cgroup2_mount_without_namespace()
{
	v2_bundle
	conf '.mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup",
		options: ["ro"]}]'
	payload report mounts + cat "/sys/fs/cgroup/${CG##*/}/cgroup.procs"
	run_ok
	expect_mount /sys/fs/cgroup "^cgroup2 ro"
	match "processes seen" "$(got "/sys/fs/cgroup/${CG##*/}/cgroup.procs")" "^1$"
}

# Whoever may write in it sees the own part only (CVE-2023-25809).
test_cgroup2_mount_in_a_user_namespace()
{
	unlike crun runc : "show the whole tree"
	v2_bundle
	conf '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup"}]'
	chown -R 100000:100000 "$B/rootfs"
	payload report mounts + cat /sys/fs/cgroup/cgroup.procs + try-mkdir /sys/fs/cgroup/made
	run_ok
	expect_mount /sys/fs/cgroup "^cgroup2 "
	match "processes seen" "$(got /sys/fs/cgroup/cgroup.procs)" "^1$"
	expect mkdir./sys/fs/cgroup/made EACCES
}

test_cgroup2_mount_writable_and_nested()
{
	v2_bundle
	conf '.linux.namespaces += [{type: "cgroup"}] | .mounts += [{destination: "/sys/fs/cgroup",
		type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "rw"]}]'
	payload move-to-subcgroup /sys/fs/cgroup/inner + orphan + write /tmp/ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/tmp/ready"
	exists "$V2/inner"
	exec_ok echo still
	equal "output of exec" still "$OUT"
	rt_ok delete --force "$ID"
	missing "$V2"
}

test_cgroup2_pause_and_resume()
{
	v2_sleeper
	rt_ok pause "$ID"
	equal "cgroup.freeze" 1 "$(cat "$V2/cgroup.freeze")"
	is_status paused || fail "it is $(status)"
	rt_ok resume "$ID"
	equal "cgroup.freeze" 0 "$(cat "$V2/cgroup.freeze")"
	is_status running || fail "it is $(status)"
}

test_cgroup2_delete_paused()
{
	v2_sleeper
	rt_ok pause "$ID"
	rt_ok delete --force "$ID"
	missing "$V2"
}

test_cgroup2_kill_all()
{
	v2_bundle
	host_pids
	payload orphan + orphan + sleep
	start_ok
	wait_for "all processes" sh -c "[ \$(cat '$V2'/cgroup.procs | wc -l) = 3 ]"
	rt_ok kill --all "$ID" KILL
	wait_for "the end" sh -c "[ \$(cat '$V2'/cgroup.procs | wc -l) = 0 ]"
}

test_cgroup2_nested_children_are_removed()
{
	v2_sleeper
	mkdir -p "$V2/a/b/c" "$V2/d"
	rt_ok delete --force "$ID"
	missing "$V2"
}

test_cgroup2_threaded_child()
{
	v2_sleeper
	mkdir "$V2/threads"
	echo threaded >"$V2/threads/cgroup.type" || skip "this kernel refuses threads"
	rt_ok delete --force "$ID"
	missing "$V2"
}

# ------------------------------------------------------------------------------- device programs

test_cgroup2_device_rule_denies()
{
	v2_bundle
	[ -e /dev/loop-control ] || skip "no loop-control here"
	conf '.linux.devices = [{path: "/dev/x", type: "c", major: 10, minor: 237, fileMode: 438}]'
	payload try-open /dev/x r + try-open /dev/null rw + try-open /dev/ptmx rw
	run_ok
	expect open./dev/x EPERM
	expect open./dev/null ok
	expect open./dev/ptmx ok
}

test_cgroup2_device_rule_allows()
{
	v2_bundle
	[ -e /dev/loop-control ] || skip "no loop-control here"
	conf '.linux.devices = [{path: "/dev/x", type: "c", major: 10, minor: 237, fileMode: 438}]
		| .linux.resources.devices += [{allow: true, type: "c", major: 10, minor: 237, access: "r"}]'
	payload try-open /dev/x r + try-open /dev/x w
	run_ok
	equal outcomes "ok EPERM" "$(got open./dev/x | xargs)"
}

test_cgroup2_device_rules_apply_in_order()
{
	v2_bundle
	[ -e /dev/loop-control ] || skip "no loop-control here"
	conf '.linux.devices = [{path: "/dev/x", type: "c", major: 10, minor: 237, fileMode: 438}]
		| .linux.resources.devices = [
			{allow: false, access: "rwm"},
			{allow: true, type: "c", major: 10, access: "rwm"},
			{allow: false, type: "c", major: 10, minor: 237, access: "w"}]'
	payload try-open /dev/x r + try-open /dev/x w
	rt run --bundle "$B" "$ID"
	[ "$RC" = 0 ] || unlike runc : "cannot take a part from a wildcard"
	equal "exit status" 0 "$RC"
	equal outcomes "ok EPERM" "$(got open./dev/x | xargs)"
}

test_cgroup2_device_allow_all()
{
	v2_bundle
	[ -e /dev/loop-control ] || skip "no loop-control here"
	conf '.linux.devices = [{path: "/dev/x", type: "c", major: 10, minor: 237, fileMode: 438}]
		| .linux.resources.devices = [{allow: true, access: "rwm"}]'
	payload try-open /dev/x rw
	run_ok
	expect open./dev/x ok
}

# ------------------------------------------------------------------------------------ resources

test_cgroup2_missing_controller_is_an_error()
{
	v2_bundle
	grep -qw memory "$WORK/v2/cgroup.controllers" && skip "this host has the controller"
	conf '.linux.resources.memory = {limit: 33554432}'
	run_fails "memory"
	missing "$V2"
}

test_cgroup2_unified()
{
	v2_bundle
	unlike runc crun : "enables or refuses it in another way"
	conf '.linux.resources.unified = {"cgroup.max.depth": "7", "cgroup.max.descendants": "9"}'
	payload write /tmp/ready yes + sleep
	start_ok
	equal depth 7 "$(cat "$V2/cgroup.max.depth")"
	equal descendants 9 "$(cat "$V2/cgroup.max.descendants")"
}

test_cgroup2_unified_is_no_path()
{
	local key
	unlike crun : "1.8.1 does not look"
	for key in "../cgroup.procs" "a/b" "/etc/passwd" "" "." ".."; do
		v2_bundle
		conf '.linux.resources.unified = {($k): "0"}' --arg k "$key"
		run_fails "unified|invalid|cgroup"
	done
}

test_cgroup2_unified_unknown_file()
{
	v2_bundle
	conf '.linux.resources.unified = {"nonsense.max": "5"}'
	run_fails "nonsense"
	unlike crun : "leaves the cgroup behind"
	missing "$V2"
}

test_cgroup2_v1_only_resources()
{
	only runlet : "ignores them"
	v2_bundle
	conf '.linux.resources.network = {classID: 5}'
	payload exit 0
	rt run --bundle "$B" "$ID"
	[ "$RC" != 0 ] || match "standard error" "$ERR" "classID|network"
	v2_bundle
	conf '.linux.resources.cpu = {realtimeRuntime: 5000}'
	rt run --bundle "$B" "$ID"
	[ "$RC" != 0 ] || match "standard error" "$ERR" "realtime"
}

test_cgroup2_exec_subgroup()
{
	v2_sleeper
	unlike crun runc : "1.8.1 and 1.1.5 name it differently"
	mkdir "$V2/inner"
	rt_ok exec --cgroup inner --detach --pid-file "$C/pid" "$ID" /payload sleep
	match "cgroup of exec" "$(cat "/proc/$(cat "$C/pid")/cgroup")" "^0::$CG/inner$"
	rt_fails "." exec --cgroup ../caller "$ID" /payload exit 0
	rt_fails "." exec --cgroup inner/../.. "$ID" /payload exit 0
	rt_fails "." exec --cgroup /caller "$ID" /payload exit 0
}

test_cgroup2_manager_disabled()
{
	v2_bundle
	unlike runc : "cannot"
	GLOBALS+=(--cgroup-manager disabled)
	payload report process
	run_ok
	missing "$V2"
}
