# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A second program in a running container.

# process_json FILTER   an OCI process object in $C/process.json that runs `payload report`
process_json()
{
	jq "$1" >"$C/process.json" <<-END
		{"terminal": false, "cwd": "/", "user": {"uid": 0, "gid": 0},
		 "args": ["/payload", "report"], "env": ["PATH=/bin:/", "FROM=json"],
		 "noNewPrivileges": true}
	END
}

exec_json()
{
	process_json "$1"
	rt_ok exec --process "$C/process.json" "$ID"
}

test_exec_status()
{
	sleeper
	local code
	for code in 0 1 7 254; do
		rt exec "$ID" /payload exit $code
		equal "exit status" $code "$RC"
	done
	rt exec "$ID" /payload kill-self 9
	equal "exit status after SIGKILL" 137 "$RC"
	is_status running || fail "the container is $(status)"
}

test_exec_prints_what_the_program_prints()
{
	sleeper
	exec_ok echo hello
	equal output hello "$OUT"
}

test_exec_passes_stdin()
{
	sleeper
	INPUT=$C/input
	echo "through the pipe" >"$INPUT"
	exec_ok copy
	match output "$OUT" "through the pipe"
}

test_exec_stops_reading_options_at_the_command()
{
	sleeper
	exec_ok echo -d --env X=1 -- -x
	equal output "-d --env X=1 -- -x" "$OUT"
}

test_exec_takes_the_containers_process_as_a_model()
{
	need_root
	unlike crun : "1.8.1 runs as root"
	sleeper '.process.user = {uid: 1000, gid: 1001, additionalGids: [7], umask: 63}
		| .process.env += ["MODEL=1"] | .process.cwd = "/tmp"
		| .process.rlimits += [{type: "RLIMIT_CORE", soft: 5, hard: 5}]
		| .process.capabilities.inheritable = ["CAP_KILL"]'
	exec_ok report
	expect uid 1000
	expect gid 1001
	expect cwd /tmp
	match environment "$(got env)" '^MODEL=1$'
	expect nnp 1
	expect hostname testhost
	expect rlimit.core 5:5
	expect groups 7
}

test_exec_user()
{
	need_root
	sleeper
	rt_ok exec --user 1000:1001 "$ID" /payload report ids
	expect uid 1000
	expect euid 1000
	expect gid 1001
	rt_ok exec -u 1002 "$ID" /payload report ids
	expect uid 1002
	expect euid 1002
}

# A parser that returned before it stored the uid made this run as root once.
test_exec_user_without_group_is_not_root()
{
	need_root
	sleeper
	rt_ok exec --user 1 "$ID" /payload report ids
	expect uid 1
	expect euid 1
}

test_exec_user_nonsense()
{
	sleeper
	local user
	unlike crun runc : "read what they can of the number"
	for user in "" : -1 4294967295 4294967296 +1 " 1" "1 " 1: :1 0x1 1:x 1:2:3 root 1:-1 \
		1:4294967295 99999999999999999999; do
		rt exec --user "$user" "$ID" /payload report ids
		[ "$RC" != 0 ] || fail "--user '$user' was accepted: uid=$(got uid) gid=$(got gid)"
	done
}

test_exec_additional_groups()
{
	need_root
	unlike crun : "1.8.1 has no such option"
	sleeper
	rt_ok exec --user 1:1 --additional-gids 5 --additional-gids 6 "$ID" /payload report ids
	match groups " $(got groups) " " 5 6 "
}

test_exec_env_and_cwd()
{
	sleeper
	mkdir -p "$B/rootfs/some/dir"
	rt_ok exec --env A=1 --env "B=x y" --cwd /some/dir "$ID" /payload report env process
	match environment "$(got env)" '^A=1$'
	match environment "$(got env)" '^B=x y$'
	expect cwd /some/dir
}

test_exec_env_overrides()
{
	sleeper
	rt_ok exec --env TEST=2 "$ID" /payload report env
	equal TEST TEST=2 "$(got env | grep ^TEST= | tail -n 1)"
}

test_exec_env_does_not_leak_from_the_caller()
{
	sleeper
	export RUNLET_TEST_LEAK=1
	exec_ok report env
	no_match environment "$(got env)" LEAK
}

test_exec_capabilities_are_the_containers()
{
	sleeper
	exec_ok report caps
	local set
	for set in bounding permitted effective; do
		expect cap.$set "$(capmask CAP_AUDIT_WRITE CAP_KILL CAP_NET_BIND_SERVICE)"
	done
	for set in inheritable ambient; do
		expect cap.$set "$(capmask)"
	done
}

test_exec_capability_added()
{
	sleeper '.process.noNewPrivileges = false'
	rt_ok exec --cap CAP_NET_RAW "$ID" /payload report caps
	match effective "$(printf '%x' $((0x$(got cap.effective) & 0x2000)))" '^2000$'
	match bounding "$(printf '%x' $((0x$(got cap.bounding) & 0x2000)))" '^2000$'
	expect cap.inheritable "$(capmask)"
}

test_exec_ambient_and_inheritable_do_not_appear_by_themselves()
{
	need_root
	unlike crun : "1.8.1 runs as root"
	sleeper '.process.user = {uid: 1000, gid: 1000}'
	exec_ok report caps
	expect cap.ambient "$(capmask)"
	expect cap.inheritable "$(capmask)"
	expect cap.effective "$(capmask)"
}

test_exec_process_file()
{
	need_root
	sleeper
	exec_json '.user = {uid: 5, gid: 6, additionalGids: [7, 8]} | .cwd = "/tmp"
		| .rlimits = [{type: "RLIMIT_NOFILE", soft: 50, hard: 60}] | .oomScoreAdj = 500
		| .capabilities = {bounding: ["CAP_KILL"], permitted: [], effective: [],
			inheritable: [], ambient: []}'
	expect uid 5
	expect gid 6
	expect groups "7 8"
	expect cwd /tmp
	expect rlimit.nofile 50:60
	expect cap.bounding "$(capmask CAP_KILL)"
	expect nnp 1
	[ "$KIND" != runlet ] || expect oom 500
	match environment "$(got env)" '^FROM=json$'
	no_match environment "$(got env)" '^TEST='
}

test_exec_process_file_ambient()
{
	need_root
	sleeper '["CAP_NET_BIND_SERVICE"] as $c | .process.capabilities = {bounding: $c,
		effective: $c, permitted: $c, inheritable: $c, ambient: $c}'
	exec_json '["CAP_NET_BIND_SERVICE"] as $c | .user = {uid: 9, gid: 9} | .capabilities = {
		bounding: $c, effective: $c, permitted: $c, inheritable: $c, ambient: $c}'
	local set
	for set in bounding permitted effective inheritable ambient; do
		expect cap.$set "$(capmask CAP_NET_BIND_SERVICE)"
	done
}

test_exec_process_file_umask()
{
	unlike runc : "1.1.5 does not look at it"
	sleeper
	exec_json '.user.umask = 63'
	expect umask 0077
}

test_exec_process_file_missing_or_bad()
{
	sleeper
	rt_fails "nothing.json" exec --process "$C/nothing.json" "$ID"
	echo '{"args": [' >"$C/bad.json"
	rt_fails "." exec --process "$C/bad.json" "$ID"
	process_json '.args = []'
	rt_fails "." exec --process "$C/process.json" "$ID"
	unlike crun runc : "accepts -1"
	process_json '.user.uid = 4294967295'
	rt_fails "uid" exec --process "$C/process.json" "$ID"
}

test_exec_program_not_found()
{
	sleeper
	rt exec "$ID" no-such-program
	match "error text" "$ERR" 'executable file .*not found in \$PATH'
	[ "$KIND" = crun ] || equal "exit status" 255 "$RC"
	rt exec "$ID" /no/such/program
	match "error text" "$ERR" "no such file or directory"
	[ "$KIND" = crun ] || equal "exit status" 255 "$RC"
}

test_exec_program_not_executable()
{
	sleeper
	echo text >"$B/rootfs/text"
	rt exec "$ID" /text
	match "error text" "$ERR" "permission denied"
	[ "$KIND" = crun ] || equal "exit status" 255 "$RC"
}

test_exec_detached()
{
	sleeper
	rt_ok exec --detach --pid-file "$C/pid" "$ID" /payload write /ran yes + sleep
	wait_for "the program" test -e "$B/rootfs/ran"
	local pid
	pid=$(cat "$C/pid")
	equal "program of the pid" payload "$(cat "/proc/$pid/comm")"
	equal "its mount namespace" "$(stat -Lc %i "/proc/$(init_pid)/ns/mnt")" \
		"$(stat -Lc %i "/proc/$pid/ns/mnt")"
}

test_exec_detached_failure_is_reported()
{
	sleeper
	rt exec --detach --pid-file "$C/pid" "$ID" no-such-program
	differ "exit status" 0 "$RC"
	match "error text" "$ERR" "not found"
}

test_exec_pid_file_of_an_attached_program()
{
	sleeper
	rt_ok exec --pid-file "$C/pid" "$ID" /payload echo x
	match "pid file" "$(cat "$C/pid")" '^[0-9]+$'
}

test_exec_detached_program_dies_with_the_container()
{
	sleeper
	rt_ok exec --detach --pid-file "$C/pid" "$ID" /payload sleep
	rt_ok kill "$ID" KILL
	wait_status stopped
	wait_for "the program to end" test ! -e "/proc/$(cat "$C/pid")/cwd/."
}

test_exec_is_in_the_containers_cgroup()
{
	need_controller memory
	sleeper
	exec_ok report process
	local line
	while read -r line; do
		case $line in
		*:cpuset:* | *:memory:* | *:pids:* | *:devices:* | *:freezer:*)
			match "cgroup of exec" "$line" "$CG"
			;;
		esac
	done < <(got cgroup)
	expect_cgroup "$CG"
}

test_exec_follows_a_program_that_moved_itself()
{
	need_v1
	sleeper
	local pid
	pid=$(init_pid)
	mkdir "$(cgdir memory)/inner"
	echo "$pid" >"$(cgdir memory)/inner/cgroup.procs"
	exec_ok report process
	match "cgroup of exec" "$(got cgroup)" ":memory:$CG(/inner)?"
	rt_ok delete --force "$ID"
	missing "$(cgdir memory)"
}

test_exec_into_a_subgroup()
{
	need_v1
	unlike crun : "1.8.1 wants it to be version 2"
	unlike runc : "1.1.5 wants version 2, too"
	sleeper
	mkdir "$(cgdir memory)/inner"
	rt exec --cgroup inner "$ID" /payload report process
	[ "$RC" = 0 ] || rt_ok exec --cgroup memory:inner "$ID" /payload report process
	match "cgroup of exec" "$(got cgroup)" ":memory:$CG/inner"
	rt_fails "." exec --cgroup ../.. "$ID" /payload exit 0
	rt_fails "." exec --cgroup inner/../../.. "$ID" /payload exit 0
}

# runc's form: controllers by name, and again for others.
test_exec_into_subgroups_by_controller()
{
	only runlet : "1.1.5 and 1.8.1 have other forms"
	need_v1
	need_controller memory
	need_controller pids
	sleeper
	mkdir "$(cgdir memory)/inner" "$(cgdir pids)/other"
	rt_ok exec --cgroup memory:inner --cgroup pids:/other "$ID" /payload report process
	match "cgroups of exec" "$(got cgroup)" ":memory:$CG/inner"
	match "cgroups of exec" "$(got cgroup)" ":pids:$CG/other"
	mkdir "$(cgdir pids)/inner"
	rt_ok exec --cgroup memory,pids:inner "$ID" /payload report process
	match "cgroups of exec" "$(got cgroup)" ":memory:$CG/inner"
	match "cgroups of exec" "$(got cgroup)" ":pids:$CG/inner"
	rt_fails 'no cgroup of "nonsense"' exec --cgroup memory,nonsense:inner "$ID" /payload exit 0
	rt_fails "No such file" exec --cgroup memory:nowhere "$ID" /payload exit 0
	rt_fails "leads out" exec --cgroup memory:inner --cgroup pids:../.. "$ID" /payload exit 0
}

# Where exec begins, before its cgroup, and where it ends; init has all CPUs.
test_exec_cpu_affinity()
{
	unlike crun runc : "older than the property"
	[ "$(nproc)" -gt 1 ] || skip "one CPU"
	sleeper '.process.execCPUAffinity = {initial: "0", final: "1"}'
	exec_ok report status
	expect cpus 1
	no_match "CPUs of init" "$(awk '/^Cpus_allowed_list/ { print $2 }' "/proc/$(init_pid)/status")" '^[01]$'
	jq '.process | .args = ["/payload", "report", "status"] | .execCPUAffinity = {initial: "0"}' \
		"$B/config.json" >"$C/process.json"
	rt_ok exec --process "$C/process.json" "$ID"
	expect cpus 0
}

test_exec_when_not_running()
{
	bundle
	payload exit 0
	start_ok
	wait_status stopped
	rt_fails "not running|stopped" exec "$ID" /payload exit 0
}

test_exec_when_stopped_wording()
{
	only runlet : "other words"
	bundle
	payload exit 0
	start_ok
	wait_status stopped
	rt_fails "container not running" exec "$ID" /payload exit 0
}

test_exec_when_created()
{
	bundle
	payload sleep
	rt_ok create --bundle "$B" "$ID"
	rt_ok exec "$ID" /payload echo early
	equal output early "$OUT"
	is_status created || fail "the container is $(status)"
}

test_exec_ignores_a_pause_on_request()
{
	unlike crun : "has no such option"
	need_controller freezer
	sleeper
	rt_ok pause "$ID"
	PATIENCE=15
	(rt_ok exec --ignore-paused "$ID" /payload write /tmp/ran yes) &
	local exec=$!
	sleep 0.3
	missing "$B/rootfs/tmp/ran"
	is_status paused || fail "it is $(status)"
	rt_ok resume "$ID"
	wait $exec || fail "exec failed"
	exists "$B/rootfs/tmp/ran"
}

test_exec_when_paused()
{
	need_controller freezer
	sleeper
	rt_ok pause "$ID"
	PATIENCE=5
	rt exec "$ID" /payload exit 0
	differ "exit status" 0 "$RC"
	match "error text" "$ERR" "paused"
	rt_ok resume "$ID"
}

test_exec_no_new_privileges()
{
	sleeper '.process.noNewPrivileges = false'
	exec_ok report caps
	expect nnp 0
	rt_ok exec --no-new-privs "$ID" /payload report caps
	expect nnp 1
}

test_exec_session_and_parent()
{
	unlike crun : "stays in the caller's session"
	sleeper
	exec_ok report process
	equal "session leader" "$(got pid)" "$(got sid)"
}

test_exec_keyring_is_the_containers()
{
	unlike runc crun : "joins a session of its own, or the caller's"
	bundle
	payload report keyring + write /ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/ready"
	local outside
	outside=$("$PROGRAMS/payload" report keyring | sed -n 's/^keyring=//p')
	exec_ok report keyring
	differ "keyring of exec" "$outside" "$(got keyring)"
}

test_exec_many()
{
	sleeper
	local i pids=()
	for i in $(seq 20); do
		(rt_ok exec "$ID" /payload exit 0) &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || fail "an exec failed: $(cat "$C/why")"
	done
	is_status running || fail "the container is $(status)"
}

test_exec_home_comes_from_passwd()
{
	need_root
	sleeper
	printf 'root:x:0:0::/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/sh\n' >"$B/rootfs/etc/passwd"
	rt_ok exec --user 1000:1000 "$ID" /payload report env
	unlike crun : "keeps the container's"
	match environment "$(got env)" '^HOME=/home/u$'
}

test_exec_survives_signals_to_the_runtime()
{
	sleeper
	rm -f "$B/rootfs/signals"
	(
		wait_for "the program" grep -q ready "$B/rootfs/signals"
		pid=$(cat "$C/pid")
		read -r _ _ _ parent _ <"/proc/$pid/stat"
		kill -USR1 "$parent"
		wait_for "USR1" grep -q "signal=10" "$B/rootfs/signals"
		kill -TERM "$parent"
	) &
	rt_ok exec --pid-file "$C/pid" "$ID" /payload signal-wait /signals
	wait $! || fail "the signals were not passed on"
}

test_exec_tty_option_without_terminal()
{
	sleeper
	rt exec --tty "$ID" /payload report tty
	# Without a terminal on stdin this is an error, but never a hang or a crash.
	[ "$RC" -lt 128 ] || [ "$RC" = 255 ] || fail "exit status $RC"
}
