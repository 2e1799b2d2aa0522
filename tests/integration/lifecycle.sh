# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# create, start, run, state, kill, delete, pause, resume, and in which order they are allowed.

test_lifecycle_run_exit_status()
{
	local code
	for code in 0 1 7 255; do
		bundle
		payload exit $code
		run_status $code
		no_state "$ID"
	done
}

test_lifecycle_run_killed_by_signal()
{
	bundle
	payload write /ready yes + sleep
	(
		wait_for "the container" test -e "$B/rootfs/ready"
		rt_ok kill "$ID" KILL
	) &
	run_status 137
	wait $! || fail "kill failed"
}

test_lifecycle_run_prints_what_the_payload_prints()
{
	bundle
	payload echo hello world
	run_ok
	equal output "hello world" "$OUT"
}

test_lifecycle_run_passes_stdin()
{
	bundle
	payload copy
	INPUT=$C/input
	echo "through the pipe" >"$INPUT"
	run_ok
	match output "$OUT" "through the pipe"
	expect copy.end 0
}

test_lifecycle_states()
{
	bundle
	payload sleep
	rt_ok create --bundle "$B" "$ID"
	is_status created || fail "after create: $(status)"
	rt_ok start "$ID"
	is_status running || fail "after start: $(status)"
	rt_ok kill "$ID" KILL
	wait_status stopped
	rt_ok delete "$ID"
	no_state "$ID"
	rt_fails "$(unknown_words)" state "$ID"
}

test_lifecycle_state_json()
{
	sleeper '.annotations = {"a.b": "c", "empty": ""}'
	rt_ok state "$ID"
	equal id "$ID" "$(jq -r .id <<<"$OUT")"
	equal status running "$(jq -r .status <<<"$OUT")"
	equal bundle "$B" "$(jq -r .bundle <<<"$OUT")"
	match ociVersion "$(jq -r .ociVersion <<<"$OUT")" '^1\.[0-9]+\.[0-9]+'
	equal annotation c "$(jq -r '.annotations["a.b"]' <<<"$OUT")"
	match created "$(jq -r .created <<<"$OUT")" '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$'
	date -d "$(jq -r .created <<<"$OUT")" >/dev/null || fail "created is no time"
	equal "program of the pid" payload "$(cat "/proc/$(jq -r .pid <<<"$OUT")/comm")"
	match rootfs "$(jq -r .rootfs <<<"$OUT")" "rootfs$"
}

test_lifecycle_state_of_a_stopped_container_has_pid_0()
{
	bundle
	payload exit 0
	start_ok
	wait_status stopped
	equal pid 0 "$(init_pid)"
}

test_lifecycle_create_does_not_run_the_payload()
{
	bundle
	payload write /ran yes
	rt_ok create --bundle "$B" "$ID"
	sleep 0.1
	missing "$B/rootfs/ran"
	rt_ok start "$ID"
	wait_for "the payload" test -e "$B/rootfs/ran"
}

test_lifecycle_without_a_process()
{
	unlike crun runc : "want a process in create"
	bundle
	conf 'del(.process)'
	rt_ok create --bundle "$B" "$ID"
	is_status created || fail "after create: $(status)"
	rt_fails "process" start "$ID"
	is_status created || fail "after start: $(status)"
	rt_ok delete --force "$ID"
	no_state "$ID"
	run_fails "process"
}

# The lines of conmon, of Podman and CRI-O, and of containerd's shim, word for word.
test_lifecycle_calls_of_engines()
{
	only runlet : "is what the lines were written for"
	need_controller pids
	bundle
	payload write /tmp/ready yes + sleep
	GLOBALS=(--root "$STATE" "${BASE_GLOBALS[@]}" --log "$C/log.json" --log-format json)
	rt_ok create --bundle "$B" --pid-file "$C/pid" --no-new-keyring --preserve-fds 0 "$ID"
	rt_ok start "$ID"
	wait_for "the container" test -e "$B/rootfs/tmp/ready"
	rt_ok state "$ID"
	rt_ok list --format=json
	rt_ok ps --format json "$ID"
	settle
	jq '.process | .args = ["/payload", "write", "/tmp/ran", "yes"]' "$B/config.json" >"$C/process.json"
	rt_ok exec --pid-file "$C/exec-pid" --process "$C/process.json" --detach "$ID"
	wait_for "the program of exec" test -e "$B/rootfs/tmp/ran"
	echo '{}' >"$C/resources.json"
	INPUT=$C/resources.json rt_ok update --resources=- "$ID"
	INPUT=$C/resources.json rt_ok update --resources - "$ID"
	rt_ok update --resources="$C/resources.json" "$ID"
	rt_ok kill --all "$ID" 9
	wait_status stopped
	rt kill "$ID" 9
	match "error text" "$ERR" "not running|no such process"
	rt_ok delete --force "$ID"
	rt_ok --rootless=false run -no-subreaper --bundle="$B" -d "$ID"
	rt_ok kill -a "$ID" KILL
	wait_status stopped
	rt_ok delete "$ID"
}

test_lifecycle_config_is_fixed_by_create()
{
	bundle
	payload write /ran first
	rt_ok create --bundle "$B" "$ID"
	payload write /ran second
	conf '.hostname = "other"'
	rt_ok start "$ID"
	wait_for "the payload" test -s "$B/rootfs/ran"
	equal "what ran" first "$(cat "$B/rootfs/ran")"
}

test_lifecycle_ids_are_unique()
{
	sleeper
	local pid
	pid=$(init_pid)
	rt_fails "exist" create --bundle "$B" "$ID"
	rt_fails "exist" run --bundle "$B" "$ID"
	is_status running || fail "the first one is $(status)"
	equal pid "$pid" "$(init_pid)"
}

test_lifecycle_ids_unique_wording()
{
	only runlet runc : "says it in other words"
	sleeper
	rt_fails "container with given ID already exists" create --bundle "$B" "$ID"
}

test_lifecycle_two_creates_at_once()
{
	bundle
	payload sleep
	local won=0 i
	for i in 1 2 3 4; do
		(
			rt create --bundle "$B" "$ID"
			exit "$RC"
		) &
	done
	for i in $(jobs -p); do
		wait "$i" && won=$((won + 1))
	done
	equal "number of winners" 1 $won
	is_status created || fail "it is $(status)"
}

test_lifecycle_start_only_once()
{
	sleeper
	rt_fails "." start "$ID"
	is_status running || fail "it is $(status)"
}

test_lifecycle_start_after_stop_is_refused()
{
	bundle
	payload exit 0
	start_ok
	wait_status stopped
	rt_fails "." start "$ID"
}

test_lifecycle_start_of_a_killed_created_container_is_refused()
{
	bundle
	payload write /ran yes
	rt_ok create --bundle "$B" "$ID"
	rt_ok kill "$ID" KILL
	wait_status stopped
	rt_fails "." start "$ID"
	missing "$B/rootfs/ran"
}

test_lifecycle_unknown_container()
{
	local verb
	for verb in state start delete ps pause resume; do
		rt_fails "$(unknown_words)" $verb nobody
	done
	rt_fails "$(unknown_words)" kill nobody KILL
	rt_fails "$(unknown_words)" exec nobody /payload
	unlike crun runc : "have not all of them, or other words"
	echo '[]' >"$C/mounts.json"
	rt_fails "$(unknown_words)" update --pids-limit 5 nobody
	rt_fails "$(unknown_words)" events --stats nobody
	rt_fails "$(unknown_words)" mounts add nobody "$C/mounts.json"
	rt_fails "$(unknown_words)" checkpoint --image-path "$C/images" nobody
	missing "$C/images"
}

test_lifecycle_unknown_container_wording()
{
	only runlet : "says it in other words"
	rt_fails 'container "?nobody"? does not exist' state nobody
}

test_lifecycle_delete_force_unknown_succeeds()
{
	rt_ok delete --force nobody
}

test_lifecycle_delete_of_a_running_container_is_refused()
{
	sleeper
	rt_fails "." delete "$ID"
	is_status running || fail "it is $(status)"
}

test_lifecycle_delete_force_kills()
{
	sleeper
	local pid
	pid=$(init_pid)
	rt_ok delete --force "$ID"
	no_state "$ID"
	! grep -qs '^State:.[^ZX]' "/proc/$pid/status" || fail "$pid lives"
}

test_lifecycle_delete_force_kills_a_created_container()
{
	bundle
	payload sleep
	rt_ok create --bundle "$B" "$ID"
	rt_ok delete --force "$ID"
	no_state "$ID"
}

test_lifecycle_kill_names()
{
	local name number
	bundle
	rm -f "$B/rootfs/signals"
	payload signal-wait /signals
	start_ok
	wait_for "the payload" grep -q ready "$B/rootfs/signals"
	while read -r name number; do
		rt_ok kill "$ID" "$name"
		wait_for "signal $name" grep -q "^signal=$number$" "$B/rootfs/signals"
		echo ready=1 >"$B/rootfs/signals"
	done <<-END
		USR1 10
		SIGUSR2 12
		1 1
		HUP 1
		SIGWINCH 28
		40 40
	END
}

test_lifecycle_kill_names_in_lower_case()
{
	unlike crun : "knows upper case only"
	bundle
	payload signal-wait /signals
	start_ok
	wait_for "the payload" grep -q ready "$B/rootfs/signals"
	rt_ok kill "$ID" usr1
	wait_for "SIGUSR1" grep -q "^signal=10$" "$B/rootfs/signals"
	rt_ok kill "$ID" sigusr2
	wait_for "SIGUSR2" grep -q "^signal=12$" "$B/rootfs/signals"
}

test_lifecycle_kill_realtime()
{
	unlike runc : "knows no RTMIN+n"
	bundle
	payload signal-wait /signals
	start_ok
	wait_for "the payload" grep -q ready "$B/rootfs/signals"
	rt_ok kill "$ID" RTMIN+3
	wait_for "SIGRTMIN+3" grep -q "^signal=37$" "$B/rootfs/signals"
}

test_lifecycle_kill_means_term()
{
	bundle
	payload signal-wait /signals
	start_ok
	wait_for "the payload" grep -q ready "$B/rootfs/signals"
	rt_ok kill "$ID"
	wait_status stopped
	match signals "$(cat "$B/rootfs/signals")" "signal=15"
}

test_lifecycle_kill_unknown_signal()
{
	sleeper
	unlike crun : "takes an unknown word for signal 0"
	unlike runc : "takes an empty word for TERM"
	local name
	for name in NOTHING SIG "" -1 999 TERMX 0x9; do
		rt_fails "signal|option" kill "$ID" "$name"
	done
	is_status running || fail "it is $(status)"
}

test_lifecycle_kill_stopped()
{
	bundle
	payload exit 0
	start_ok
	wait_status stopped
	rt_fails "not running|process already finished|no such process" kill "$ID" TERM
}

test_lifecycle_kill_created()
{
	bundle
	payload sleep
	rt_ok create --bundle "$B" "$ID"
	rt_ok kill "$ID" KILL
	wait_status stopped
}

test_lifecycle_kill_all()
{
	need_controller freezer
	bundle
	payload fork-tree 5
	start_ok
	wait_for "all processes" sh -c "[ \$(cat '$(cgdir freezer)/cgroup.procs' | wc -l) = 6 ]"
	rt_ok kill --all "$ID" KILL
	wait_status stopped
	equal "processes left" "" "$(cat "$(cgdir freezer)/cgroup.procs" 2>/dev/null)"
}

test_lifecycle_kill_all_in_the_host_pid_namespace()
{
	need_controller freezer
	bundle
	host_pids
	payload orphan + sleep
	start_ok
	wait_for "both processes" sh -c "[ \$(cat '$(cgdir freezer)/cgroup.procs' | wc -l) = 2 ]"
	rt_ok kill --all "$ID" KILL
	wait_for "both to end" sh -c "[ \$(cat '$(cgdir freezer)/cgroup.procs' | wc -l) = 0 ]"
}

test_lifecycle_delete_force_in_the_host_pid_namespace()
{
	need_controller freezer
	bundle
	host_pids
	payload orphan + orphan + sleep
	start_ok
	wait_for "all processes" sh -c "[ \$(cat '$(cgdir freezer)/cgroup.procs' | wc -l) = 3 ]"
	rt_ok delete --force "$ID"
	no_state "$ID"
	missing "$(cgdir freezer)"
}

# The children of process $1, with their states: "12:S 13:Z".
children_of()
{
	local pid
	for pid in $(cat "/proc/$1/task/$1/children"); do
		printf '%s:%s ' "$pid" "$(awk '/^State/ { print $2 }' "/proc/$pid/status" 2>/dev/null)"
	done
}

# Without a pid namespace of its own a container has no init that adopts and reaps.
runs_beside_orphans()
{
	bundle
	conf '.linux.namespaces |= map(select(.type != "pid"))'
	payload relay 1 + write /ready yes + sleep
	rt run "$@" --bundle "$B" "$ID" &
	RUN=$!
	wait_for "the container" test -e "$B/rootfs/ready"
	INIT=$(init_pid)
	PARENT=$(awk '/^PPid/ { print $2 }' "/proc/$INIT/status")
}

test_lifecycle_run_adopts_and_reaps()
{
	local zombies
	unlike crun : "does not adopt"
	runs_beside_orphans
	wait_for "an orphan" sh -c "[ \$(wc -w <'/proc/$PARENT/task/$PARENT/children') -gt 1 ]"
	sleep 0.3 # some hundred generations
	zombies=$(children_of "$PARENT" | grep -o Z | wc -l)
	rt_ok kill "$ID" KILL
	wait $RUN || true
	[ "$zombies" -le 5 ] || fail "$zombies zombies"
}

test_lifecycle_run_no_subreaper()
{
	unlike crun : "does not know the option"
	runs_beside_orphans --no-subreaper
	sleep 0.1
	equal "children of the runtime" "$INIT" "$(tr -d ' ' <"/proc/$PARENT/task/$PARENT/children")"
	rt_ok kill "$ID" KILL
	wait $RUN || true
}

test_lifecycle_delete_when_init_is_dead_but_others_live()
{
	need_controller freezer
	unlike crun runc : "cannot remove the cgroup then"
	bundle
	host_pids
	payload orphan + exit 0
	start_ok
	wait_status stopped
	rt delete "$ID"
	[ "$RC" = 0 ] || rt_ok delete --force "$ID"
	no_state "$ID"
	missing "$(cgdir freezer)"
}

test_lifecycle_pause_and_resume()
{
	need_controller freezer
	sleeper
	rt_ok pause "$ID"
	is_status paused || fail "after pause: $(status)"
	rt_ok resume "$ID"
	is_status running || fail "after resume: $(status)"
}

test_lifecycle_pause_stops_the_processes()
{
	need_controller freezer
	bundle
	payload signal-wait /signals
	start_ok
	wait_for "the payload" grep -q ready "$B/rootfs/signals"
	rt_ok pause "$ID"
	rt_ok kill "$ID" USR1
	sleep 0.1
	no_match "what a paused process did" "$(cat "$B/rootfs/signals")" "signal="
	rt_ok resume "$ID"
	wait_for "the signal" grep -q "signal=10" "$B/rootfs/signals"
}

test_lifecycle_pause_created_or_stopped_is_refused()
{
	need_controller freezer
	unlike crun runc : "pauses a created container"
	bundle
	payload exit 0
	rt_ok create --bundle "$B" "$ID"
	rt_ok start "$ID"
	wait_status stopped
	rt_fails "not running" pause "$ID"
	rt_fails "not paused" resume "$ID"
}

test_lifecycle_resume_running_is_refused()
{
	need_controller freezer
	unlike crun : "resumes anything"
	sleeper
	rt_fails "not paused" resume "$ID"
}

test_lifecycle_delete_force_of_a_paused_container()
{
	need_controller freezer
	sleeper
	rt_ok pause "$ID"
	rt_ok delete --force "$ID"
	no_state "$ID"
	missing "$(cgdir freezer)"
}

test_lifecycle_kill_a_paused_container()
{
	need_controller freezer
	sleeper
	rt_ok pause "$ID"
	rt_ok kill "$ID" KILL
	rt resume "$ID"
	wait_status stopped
}

test_lifecycle_run_detached()
{
	bundle
	payload sleep
	rt_ok run --detach --bundle "$B" --pid-file "$C/pid" "$ID"
	is_status running || fail "it is $(status)"
	equal "pid file" "$(init_pid)" "$(cat "$C/pid")"
}

test_lifecycle_run_keep()
{
	unlike runc crun : "not in these versions"
	bundle
	payload exit 3
	rt run --keep --bundle "$B" "$ID"
	equal "exit status" 3 "$RC"
	is_status stopped || fail "it is $(status)"
	rt_ok delete "$ID"
	no_state "$ID"
}

test_lifecycle_run_passes_signals_on()
{
	bundle
	payload signal-wait /signals
	(
		wait_for "the payload" grep -q ready "$B/rootfs/signals"
		# The runtime is the parent of the container's first process.
		pid=$(init_pid)
		read -r _ _ _ parent _ <"/proc/$pid/stat"
		kill -USR1 "$parent"
		wait_for "USR1" grep -q "signal=10" "$B/rootfs/signals"
		kill -TERM "$parent"
	) &
	run_ok
	wait $! || fail "signals were not passed on"
	match signals "$OUT" "signal=15"
}

test_lifecycle_pid_file()
{
	bundle
	payload sleep
	rt_ok create --bundle "$B" --pid-file "$C/pid" "$ID"
	equal "pid file" "$(init_pid)" "$(cat "$C/pid")"
	match "pid file" "$(cat "$C/pid")" '^[0-9]+$'
}

test_lifecycle_pid_file_is_relative_to_the_caller()
{
	unlike crun : "resolves it in the bundle"
	bundle
	payload sleep
	cd "$C" || fail "cd"
	rt_ok create --bundle bundle --pid-file here "$ID"
	exists "$C/here"
	missing "$B/here"
}

test_lifecycle_bundle_defaults_to_the_current_directory()
{
	bundle
	payload echo fine
	cd "$B" || fail "cd"
	rt_ok run "$ID"
	equal output fine "$OUT"
}

test_lifecycle_option_forms()
{
	bundle
	payload echo fine
	rt_ok run --bundle="$B" "$ID"
	equal "--bundle=DIR" fine "$OUT"
	rt_ok run -b "$B" "$ID"
	equal "-b DIR" fine "$OUT"
	cd "$C" || fail "cd"
	rt_ok run --bundle bundle "$ID"
	equal "--bundle relative" fine "$OUT"
}

test_lifecycle_config_option()
{
	unlike runc : "has no --config"
	bundle
	payload echo fine
	settle
	mv "$B/config.json" "$C/other.json"
	rt_ok run --config "$C/other.json" --bundle "$B" "$ID"
	equal output fine "$OUT"
	cd "$C" || fail "cd"
	rt_ok run --config other.json --bundle "$B" "$ID"
	equal "output, relative to the caller" fine "$OUT"
}

test_lifecycle_ids_refused()
{
	unlike crun : "1.8.1 accepts slashes"
	local id
	bundle
	payload sleep
	for id in "" . .. a/b ../a /a "a b" "a;b" 'a$b' "a:b" "ä" "$(printf '%04097d' 1)"; do
		rt create --bundle "$B" "$id"
		[ "$RC" != 0 ] || fail "the id '$id' was accepted"
	done
	equal "state directory" "" "$(find "$STATE" -mindepth 1 ! -name '.*')"
	equal "beside it" "bundle calls err out state" \
		"$(find "$C" -mindepth 1 -maxdepth 1 -printf '%f\n' | sed 's/[.0-9]*$//' | sort -u | xargs)"
}

test_lifecycle_ids_accepted()
{
	local id
	bundle
	payload exit 0
	for id in a A_b.c-d+e 0 _ "$(printf '%060d' 1)"; do
		rt_ok run --bundle "$B" "$id"
	done
}

test_lifecycle_missing_program_fails_in_create()
{
	bundle
	conf '.process.args = ["/nothing-here"]'
	rt_fails "nothing-here.*(not found|no such file)|(not found|no such file).*nothing-here" \
		create --bundle "$B" "$ID"
	no_state "$ID"
	missing "$(cgdir memory)"
}

test_lifecycle_delete_regex()
{
	unlike runc : "has no --regex"
	bundle
	payload sleep
	local i
	for i in 1 2; do
		conf '.linux.cgroupsPath = $p' --arg p "$CG/$i"
		rt_ok create --bundle "$B" "$ID-x$i"
	done
	conf '.linux.cgroupsPath = $p' --arg p "$CG/3"
	rt_ok create --bundle "$B" "$ID-y"
	rt_ok delete --force --regex "$ID-x.*"
	no_state "$ID-x1"
	no_state "$ID-x2"
	is_status created "$ID-y" || fail "the other one is $(status "$ID-y")"
	touch "$C/own-cgroups"
}

test_lifecycle_kill_regex()
{
	unlike runc crun : "1.8.1 does not know the option, or kills none"
	bundle
	payload sleep
	local i
	for i in 1 2; do
		conf '.linux.cgroupsPath = $p' --arg p "$CG/$i"
		rt_ok create --bundle "$B" "$ID-x$i"
	done
	rt_ok kill --regex "$ID-x.*" KILL
	wait_for "both to stop" is_status stopped "$ID-x1"
	wait_for "both to stop" is_status stopped "$ID-x2"
	touch "$C/own-cgroups"
}

# The pid of a stopped container may by now belong to somebody else.
test_lifecycle_reused_pid_is_not_killed()
{
	only runlet : "the state's format is the runtime's own"
	bundle
	payload exit 0
	start_ok
	wait_status stopped
	helper sleep 60
	local victim=$!
	victim=$(tail -n 1 "$C/helpers")
	rt kill "$ID" KILL
	rt_ok delete --force "$ID"
	kill -0 "$victim" || fail "somebody else was killed"
}

test_lifecycle_survives_the_callers_umask()
{
	need_root
	bundle
	payload report ids + exit 0
	umask 0777
	run_ok
	expect umask 0022
}
