# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# checkpoint and restore, by a CRIU that works on this kernel.

need_criu()
{
	need_root
	need_program criu
	unlike crun runc : "other words"
	if [ -z "${CRIU_WORKS:-}" ]; then
		criu check >"$C/criu" 2>&1 || skip "criu does not work here: $(grep -m 1 Error "$C/criu")"
	fi
	IMAGES=$C/images
}

# A container whose memory, tmpfs and files tell that it is the same one.
dumpable()
{
	need_criu
	bundle
	payload write /dev/shm/memory kept + write /tmp/ready yes + sleep
	[ $# = 0 ] || conf "$@"
	start_ok
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
}

checkpoint_ok()
{
	PATIENCE=60 rt_ok checkpoint --image-path "$IMAGES" "$@" "$ID"
	equal "standard output" "" "$OUT"
}

restore_ok()
{
	PATIENCE=60 rt_ok restore --image-path "$IMAGES" --bundle "$B" --detach "$@" "$ID"
	is_status running || fail "it is $(status)"
}

is_the_same()
{
	exec_ok cat /dev/shm/memory
	expect /dev/shm/memory kept
}

test_checkpoint_and_restore()
{
	dumpable
	checkpoint_ok
	rt_fails "$(unknown_words)" state "$ID"
	exists "$IMAGES/inventory.img"
	equal "cgroups left" "" "$(cgroup_dirs "$CG")"
	restore_ok --pid-file "$C/pid"
	equal "pid file" "$(init_pid)" "$(cat "$C/pid")"
	is_the_same
	match "command of init" "$(tr '\0' ' ' <"/proc/$(init_pid)/cmdline")" "^/payload write"
	rt_ok kill "$ID" KILL
	wait_status stopped
	rt_ok delete "$ID"
}

test_checkpoint_leave_running()
{
	dumpable
	local pid
	pid=$(init_pid)
	checkpoint_ok --leave-running
	is_status running || fail "it is $(status)"
	equal pid "$pid" "$(init_pid)"
	is_the_same
	rt_ok delete --force "$ID"
	restore_ok
	is_the_same
}

test_checkpoint_pre_dump_and_parent()
{
	dumpable
	IMAGES=$C/first checkpoint_ok --pre-dump
	is_status running || fail "it is $(status)"
	IMAGES=$C/second checkpoint_ok --parent-path ../first
	[ -L "$C/second/parent" ] || fail "no link to the parent"
	IMAGES=$C/second restore_ok
	is_the_same
}

test_checkpoint_work_path()
{
	dumpable
	checkpoint_ok --work-path "$C/work"
	exists "$C/work/dump.log"
	missing "$IMAGES/dump.log"
	restore_ok --work-path "$C/work"
	exists "$C/work/restore.log"
}

test_checkpoint_keeps_mounts_and_masks()
{
	need_criu
	mkdir "$C/source"
	echo content >"$C/source/file"
	dumpable '.mounts += [{destination: "/data", type: "bind", source: $s, options: ["bind", "ro"]},
		{destination: "/etc/one", type: "bind", source: ($s + "/file"), options: ["bind"]}]
		| .linux.maskedPaths = ["/proc/kcore", "/proc/acpi"] | .linux.readonlyPaths = ["/proc/sys"]' \
		--arg s "$C/source"
	checkpoint_ok
	restore_ok
	exec_ok cat /data/file + cat /etc/one + try-open /data/new creat + cat /proc/kcore + \
		try-open /proc/sys/kernel/domainname w + report mounts
	expect /data/file content
	expect /etc/one content
	expect open./data/new EROFS
	expect open./proc/sys/kernel/domainname EROFS
	equal "what is hidden" "" "$(got /proc/kcore)"
	is_the_same
}

test_checkpoint_keeps_limits()
{
	need_v2 memory
	dumpable '.linux.resources += {memory: {limit: 67108864}, pids: {limit: 33}}'
	checkpoint_ok
	restore_ok
	equal memory.max 67108864 "$(cgvalue "" memory.max)"
	equal pids.max 33 "$(cgvalue "" pids.max)"
	match "cgroup of init" "$(cat "/proc/$(init_pid)/cgroup")" "^0::$CG"
}

test_checkpoint_cgroups_modes()
{
	local mode
	for mode in full ignore; do
		dumpable
		IMAGES=$C/$mode
		checkpoint_ok --manage-cgroups-mode "$mode"
		restore_ok --manage-cgroups-mode "$mode"
		is_the_same
		rt_ok delete --force "$ID"
		rm -f "$B/rootfs/tmp/ready"
	done
}

# CRIU's word for "not into a cgroup that is there", and ours is.
test_checkpoint_cgroups_strict()
{
	dumpable
	checkpoint_ok --manage-cgroups-mode strict
	PATIENCE=60 rt_fails "existing cgroups" restore --manage-cgroups-mode strict \
		--image-path "$IMAGES" --bundle "$B" --detach "$ID"
	no_state "$ID"
	equal "cgroups left" "" "$(cgroup_dirs "$CG")"
}

test_checkpoint_empty_network()
{
	dumpable
	checkpoint_ok --empty-ns network
	restore_ok --empty-ns network
	is_the_same
}

test_checkpoint_under_another_name()
{
	dumpable
	checkpoint_ok
	ID=$ID-other restore_ok
	ID=$ID-other is_the_same
	match "cgroup of init" "$(cat "/proc/$(init_pid "$ID-other")/cgroup")" "$CG"
}

test_checkpoint_restore_waits()
{
	need_criu
	bundle
	payload write /tmp/ready yes + wait-file /tmp/go + exit 7
	start_ok
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
	checkpoint_ok
	touch "$B/rootfs/tmp/go"
	PATIENCE=60 rt restore --image-path "$IMAGES" --bundle "$B" "$ID"
	equal "exit status" 7 "$RC"
	no_state "$ID"
}

test_checkpoint_hooks_of_restore()
{
	dumpable '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "jq -r .pid >>$0", $f]}]
		| .hooks.poststop = [{path: "/bin/sh", args: ["sh", "-c", "echo over >>$0", $f]}]' --arg f "$C/hooks"
	checkpoint_ok
	match "hooks so far" "$(xargs <"$C/hooks")" "^[0-9]+ over$"
	restore_ok
	match "hooks so far" "$(xargs <"$C/hooks")" "^[0-9]+ over [0-9]+$"
}

test_checkpoint_joined_network_namespace()
{
	need_criu
	helper unshare --net sleep 1000
	local other
	other=$(tail -n 1 "$C/helpers")
	wait_for "a network namespace" sh -c "[ \"\$(readlink /proc/$other/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
	dumpable ".linux.namespaces |= map(if .type == \"network\" then .path = \"/proc/$other/ns/net\" else . end)"
	checkpoint_ok
	restore_ok
	equal "network namespace" "$(readlink "/proc/$other/ns/net")" "$(readlink "/proc/$(init_pid)/ns/net")"
}

# The terminal's other end is somebody else's, and a new one is sent when restoring.
test_checkpoint_terminal()
{
	need_criu
	bundle
	conf '.process.terminal = true'
	payload write /tmp/ready yes + wait-file /tmp/go + echo finished + sleep
	"$PROGRAMS/host" console "$C/first.sock" >"$C/first" 2>&1 &
	echo $! >>"$C/helpers"
	wait_for "the listener" test -S "$C/first.sock"
	rt_ok create --bundle "$B" --console-socket "$C/first.sock" "$ID"
	rt_ok start "$ID"
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
	checkpoint_ok --shell-job
	"$PROGRAMS/host" console "$C/second.sock" >"$C/second" 2>&1 &
	echo $! >>"$C/helpers"
	wait_for "the listener" test -S "$C/second.sock"
	restore_ok --shell-job --console-socket "$C/second.sock"
	touch "$B/rootfs/tmp/go"
	wait_for "the output" grep -q finished "$C/second"
}

test_checkpoint_file_locks_and_tcp()
{
	dumpable
	checkpoint_ok --file-locks --tcp-established --ext-unix-sk --link-remap --network-lock nftables
	restore_ok --file-locks --tcp-established --ext-unix-sk
	is_the_same
	rt_ok delete --force "$ID"
	restore_ok --tcp-close
	is_the_same
}

# Memory goes to a page server, the rest into the images.
test_checkpoint_page_server()
{
	dumpable
	mkdir "$C/pages"
	helper criu page-server -v4 --log-file "$C/pages/log" --images-dir "$C/pages" --address 127.0.0.1 --port 27027
	wait_for "the page server" grep -qi ":$(printf '%04X' 27027) " /proc/net/tcp
	checkpoint_ok --page-server 127.0.0.1:27027
	wait_for "the pages" grep -q "Session over" "$C/pages/log"
	equal "pages beside the images" "" "$(find "$IMAGES" -name 'pages-*')"
	cp "$C"/pages/pagemap-*.img "$C"/pages/pages-*.img "$IMAGES"
	restore_ok
	is_the_same
}

# Until the pages that are left behind are asked for, the old processes stay and serve them.
test_checkpoint_lazy_pages()
{
	dumpable
	criu check --feature uffd-noncoop >"$C/criu" 2>&1 || skip "no userfaultfd here"
	local dump
	mkfifo "$C/status"
	settle
	"$RUNTIME" "${GLOBALS[@]}" checkpoint --image-path "$IMAGES" --lazy-pages --page-server 127.0.0.1:27028 \
		--status-fd 7 "$ID" 7>"$C/status" 2>"$C/dump" </dev/null &
	dump=$!
	equal "the byte of --status-fd" " 00" "$(timeout 60 head -c 1 "$C/status" | od -An -tx1)"
	equal "pages in the images" "" "$(find "$IMAGES" -name 'pages-*' -size +64k)"
	helper criu lazy-pages --page-server --address 127.0.0.1 --port 27028 --images-dir "$IMAGES" \
		--work-dir "$IMAGES" --log-file lazy.log -v4
	wait_for "who fetches pages" test -S "$IMAGES/lazy-pages.socket"
	conf '.linux.cgroupsPath += "-lazy"'
	ID=$ID-lazy restore_ok --lazy-pages
	wait $dump || fail "checkpoint failed: $(cat "$C/dump")"
	rt_fails "$(unknown_words)" state "$ID"
	ID=$ID-lazy is_the_same
	grep -q "uffd: .*transferred" "$IMAGES/lazy.log" || fail "no page was fetched"
	match "what it asked for" "$(cat "$IMAGES/restore.log")" "uffd"
	rt_ok delete --force "$ID-lazy"
}

# What a later dump has again is dropped from the earlier one.
test_checkpoint_auto_dedup()
{
	dumpable
	IMAGES=$C/first checkpoint_ok --pre-dump
	IMAGES=$C/second checkpoint_ok --parent-path ../first --auto-dedup
	grep -q "Punch" "$C/second/dump.log" || fail "no page was dropped"
	IMAGES=$C/second restore_ok --auto-dedup
	is_the_same
}

# A connection that nobody has accepted yet cannot be dumped, but left out.
test_checkpoint_tcp_skip_in_flight()
{
	need_criu
	bundle
	payload queue-connection 4711 + write /dev/shm/memory kept + write /tmp/ready yes + sleep
	start_ok
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
	PATIENCE=60 rt_fails "criu: Error .*[Ii]n-flight" checkpoint --image-path "$C/refused" "$ID"
	is_status running || fail "it is $(status)"
	checkpoint_ok --tcp-skip-in-flight
	restore_ok
	is_the_same
}

# Words of a file win over ours; "" is none.
test_checkpoint_configuration_of_criu()
{
	dumpable '.annotations["org.criu.config"] = $f' --arg f "$C/criu.conf"
	echo "log-file=$C/by-file.log" >"$C/criu.conf"
	checkpoint_ok --leave-running
	exists "$C/by-file.log"
	missing "$IMAGES/dump.log"
	rt_ok delete --force "$ID"
	rm "$B/rootfs/tmp/ready"
	dumpable '.annotations["org.criu.config"] = ""'
	IMAGES=$C/other checkpoint_ok
	exists "$C/other/dump.log"
}

profile_of_criu()
{
	echo "profile $1 flags=(attach_disconnected,mediate_deleted) { file, capability, network, signal, umount, mount, ptrace, unix, dbus, pivot_root, }"
}

test_checkpoint_lsm_profile()
{
	need_criu
	need_program apparmor_parser
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] || skip "no AppArmor here"
	local name
	for name in one two; do
		profile_of_criu "rt$SUITE-$name" | apparmor_parser -r || skip "no profile can be loaded"
	done
	dumpable '.process.apparmorProfile = $p' --arg p "rt$SUITE-one"
	match "profile" "$(cat "/proc/$(init_pid)/attr/current")" "^rt$SUITE-one "
	checkpoint_ok
	restore_ok --lsm-profile "apparmor:rt$SUITE-two" --lsm-mount-context "system_u:object_r:tmp_t:s0"
	match "profile" "$(cat "/proc/$(init_pid)/attr/current")" "^rt$SUITE-two "
	match "what CRIU read" "$(cat "$IMAGES/restore.log")" "rt$SUITE-two"
	rt_ok delete --force "$ID"
	for name in one two; do
		profile_of_criu "rt$SUITE-$name" | apparmor_parser -R
	done
}

test_checkpoint_systemd()
{
	need_criu
	[ -d /run/systemd/system ] || skip "no systemd here"
	GLOBALS+=(--systemd-cgroup)
	dumpable '.linux.cgroupsPath = $p' --arg p "rt$SUITE.slice:rt:$ID"
	checkpoint_ok
	restore_ok
	match "cgroup of init" "$(cat "/proc/$(init_pid)/cgroup")" "rt-$ID.scope"
	is_the_same
	rt_ok delete --force "$ID"
}

# ---------------------------------------------------------------------------------------- errors

# A socket whose other end is outside is no part of the images unless that was asked for.
test_checkpoint_failure_tells_why()
{
	need_program python3
	need_criu
	bundle
	payload write /dev/shm/memory kept + write /tmp/ready yes + sleep
	settle
	helper python3 -c 'import socket, subprocess, sys, time
a, b = socket.socketpair()
subprocess.run(sys.argv[2:], stdin=b, check=True)
open(sys.argv[1], "w")
time.sleep(1000)' "$C/connected" "$RUNTIME" "${GLOBALS[@]}" create --bundle "$B" "$ID"
	wait_for "a container with a socket" test -e "$C/connected"
	rt_ok start "$ID"
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
	PATIENCE=60 rt_fails "criu: Error \(.*unix" checkpoint --image-path "$IMAGES" "$ID"
	match hint "$ERR" "dump.log"
	is_status running || fail "it is $(status)"
	is_the_same
}

test_checkpoint_restore_failure_leaves_nothing()
{
	dumpable
	checkpoint_ok
	rm "$IMAGES"/pages-*.img
	PATIENCE=60 rt_fails "criu: " restore --image-path "$IMAGES" --bundle "$B" --detach "$ID"
	no_state "$ID"
	equal "cgroups left" "" "$(cgroup_dirs "$CG")"
}

test_checkpoint_restore_without_images()
{
	need_criu
	bundle
	payload sleep
	rt_fails "No such file" restore --image-path "$C/none" --bundle "$B" --detach "$ID"
	no_state "$ID"
	mkdir "$C/empty"
	PATIENCE=60 rt_fails "criu: " restore --image-path "$C/empty" --bundle "$B" --detach "$ID"
	no_state "$ID"
}

test_checkpoint_restore_of_a_name_in_use()
{
	dumpable
	checkpoint_ok --leave-running
	rt_fails "already exists" restore --image-path "$IMAGES" --bundle "$B" --detach "$ID"
	is_status running || fail "it is $(status)"
}

test_checkpoint_states()
{
	only runlet : "other words"
	need_root
	bundle
	payload write /tmp/ready yes + sleep
	rt_ok create --bundle "$B" "$ID"
	rt_fails "not running" checkpoint --image-path "$C/images" "$ID"
	rt_ok start "$ID"
	rt_ok kill "$ID" KILL
	wait_status stopped
	rt_fails "not running" checkpoint --image-path "$C/images" "$ID"
	rt_fails "$(unknown_words)" checkpoint --image-path "$C/images" "$ID-none"
	missing "$C/images"
}

test_checkpoint_usage()
{
	only runlet : "other words"
	bundle
	payload sleep
	start_ok
	rt_fails "manage-cgroups-mode.*nonsense" checkpoint --manage-cgroups-mode nonsense "$ID"
	rt_fails "network-lock.*nonsense" checkpoint --network-lock nonsense "$ID"
	rt_fails "empty-ns.*mount" checkpoint --empty-ns mount "$ID"
	rt_fails "page-server" checkpoint --page-server 127.0.0.1 "$ID"
	rt_fails "page-server" checkpoint --page-server 127.0.0.1:70000 "$ID"
	rt_fails "parent-path.*absolute" checkpoint --parent-path /parent "$ID"
	rt_fails "status-fd" checkpoint --status-fd x "$ID"
	is_status running || fail "it is $(status)"
}

# Global --criu: another program, which is told and answers what ours would.
test_checkpoint_by_another_criu()
{
	only runlet : "other words"
	need_root
	bundle
	payload write /tmp/ready yes + sleep
	start_ok
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
	printf '#!/bin/sh\necho "$0 $*" >%s/called\nexit 3\n' "$C" >"$C/my-criu"
	chmod 755 "$C/my-criu"
	GLOBALS+=(--criu "$C/my-criu")
	rt_fails "criu ended with 3 and without an answer" checkpoint --image-path "$C/images" "$ID"
	equal "what was called" "$C/my-criu swrk 3" "$(cat "$C/called")"
	is_status running || fail "it is $(status)"
	GLOBALS=(--root "$STATE" "${BASE_GLOBALS[@]}" --criu "$C/none")
	rt_fails ".-criu: $C/none cannot be executed" checkpoint --image-path "$C/images" "$ID"
}

# PATH has no criu.
test_checkpoint_without_criu()
{
	only runlet : "other words"
	need_root
	bundle
	payload write /tmp/ready yes + sleep
	start_ok
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
	WRAP+=(env PATH=/nowhere)
	rt_fails "criu: executable file not found" checkpoint --image-path "$C/images" "$ID"
	WRAP=("${BASE_WRAP[@]}")
	is_status running || fail "it is $(status)"
}
