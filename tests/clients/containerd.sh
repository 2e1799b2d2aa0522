# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# containerd through its runc v2 shim: by ctr, and as a kubelet talks to it.

D=/run/clients-containerd
STATE=$D/state/runc # the shim's place for the runtime's state

e() { call ctr -a $D/sock "$@"; }

# run OPTION... -- WORD...   a container $N of the image
run()
{
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	e run --runtime io.containerd.runc.v2 --runc-binary "$RT" --runc-root "$STATE" "${options[@]}" localhost/bb:latest "$N" "$@"
}

run_ok()
{
	run "$@"
	[ "$RC" = 0 ] || fail "run $* gave $RC: $ERR"
}

sleeper()
{
	run_ok -d "$@" -- sh -c 'trap "exit 5" TERM; while :; do sleep .2; done'
}

start_daemon()
{
	containerd --config $D/config.toml >>$D/log 2>&1 &
	DAEMON=$!
	echo $DAEMON >$D/pid
	local i
	for ((i = 0; i < 200; i++)); do
		ctr -a $D/sock version >/dev/null 2>&1 && return
		sleep .3
	done
	tail -n 20 $D/log
	return 1
}

setup_suite()
{
	local kind
	mkdir -p $D $WORK/pause
	{
		cat <<-END
			version = 2
			root = "/var/lib/clients-containerd"
			state = "$D/state"
			disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs",
			  "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt"]
			[grpc]
			  address = "$D/sock"
			[ttrpc]
			  address = "$D/ttrpc"
			[plugins."io.containerd.grpc.v1.cri"]
			  sandbox_image = "localhost/pause:latest"
			  restrict_oom_score_adj = true
			[plugins."io.containerd.grpc.v1.cri".containerd]
			  default_runtime_name = "${KINDS[0]}"
		END
		for kind in "${KINDS[@]}"; do
			find_runtime "$kind"
			cat <<-END
				[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.$kind]
				  runtime_type = "io.containerd.runc.v2"
				  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.$kind.options]
				    BinaryName = "$RT"
				    Root = "$STATE"
			END
		done
	} >$D/config.toml
	busybox_root "$WORK/bb"
	"$HERE/image" localhost/bb:latest "$WORK/bb" sh >"$WORK/bb.tar"
	"$HERE/image" localhost/pause:latest "$WORK/bb" sleep 100000 >"$WORK/pause.tar"
	start_daemon && ctr -a $D/sock images import "$WORK/bb.tar" && ctr -a $D/sock -n k8s.io images import "$WORK/bb.tar" &&
		ctr -a $D/sock -n k8s.io images import "$WORK/pause.tar"
	# ctr waits for ever where stdin ends before the container does: this one never ends.
	mkfifo "$WORK/never"
	exec 9<>"$WORK/never"
	INPUT=/dev/fd/9
}

end_case()
{
	local id
	for id in $(ctr -a $D/sock tasks ls -q); do
		ctr -a $D/sock tasks kill -a -s KILL "$id"
		sleep .3
		ctr -a $D/sock tasks rm -f "$id"
	done
	for id in $(ctr -a $D/sock containers ls -q); do
		ctr -a $D/sock containers rm "$id"
	done
}

state_of() { ctr -a $D/sock tasks ls | awk -v n="$1" '$1 == n { print $3 }'; }

is_state() { [ "$(state_of "$1")" = "$2" ]; }

case_run_exit_status()
{
	run_ok --rm -- true
	run --rm -- sh -c 'exit 7'
	equal "exit status" 7 "$RC"
	run --rm -- sh -c 'sh -c "kill -TERM \$\$"; exit $?'
	equal "exit status" 143 "$RC"
}

case_run_output()
{
	run_ok --rm -- sh -c 'echo out; echo err >&2'
	equal stdout out "$OUT"
	equal stderr err "$ERR"
}

case_run_missing_program()
{
	run --rm -- nonexistent
	[ "$RC" != 0 ] || fail "it ran"
	match error "$ERR" 'nonexistent.*executable file not found in \$PATH|no such file'
}

case_run_options()
{
	echo host >"$C/file"
	run_ok --rm --env A=b --cwd /data --mount "type=bind,src=$C,dst=/there,options=rbind:ro" --label x=y -- \
		sh -c 'echo $A $PWD; cat /there/file'
	equal output $'b /data\nhost' "$OUT"
	run_ok --rm --privileged -- sh -c 'mount -t tmpfs t /data && echo mounted'
	equal output mounted "$OUT"
	run --rm --read-only -- sh -c '( : >/data/new ) 2>/dev/null'
	equal "exit status" 1 "$RC"
	run_ok --rm --net-host -- readlink /proc/self/ns/net
	equal "network namespace" "$(readlink /proc/self/ns/net)" "$OUT"
}

case_run_terminal()
{
	on_terminal "ctr -a $D/sock run --rm -t --runtime io.containerd.runc.v2 --runc-binary $RT --runc-root $STATE localhost/bb:latest $N tty"
	match terminal "$OUT" "$(terminal_name)"
}

# of_group FILE GROUP   the same file of that group
of_group()
{
	echo "${1%/*}$2/${1##*/}"
}

case_run_limits()
{
	sleeper --cgroup /clients-ctr/limits --memory-limit 33554432 --cpus .5
	# ctr mounts no cgroups in the container.
	match limits "$(cat "$(of_group "$(limit memory.max)" /clients-ctr/limits)" "$(of_group "$(limit cpu.max)" /clients-ctr/limits)" | xargs)" \
		'^33554432 50000( 100000)?$'
}

case_run_seccomp()
{
	run_ok --rm --seccomp -- awk '/^Seccomp:/ {print $2}' /proc/self/status
	equal mode 2 "$OUT"
}

case_exec_status()
{
	sleeper
	e tasks exec --exec-id e1 "$N" sh -c 'echo in; exit 3'
	equal "exit status" 3 "$RC"
	equal output in "$OUT"
	e tasks exec --exec-id e2 "$N" nonexistent
	[ "$RC" != 0 ] || fail "it ran"
	match error "$ERR" 'executable file not found|no such file'
	e tasks exec --exec-id e3 --user 1000 --cwd /data "$N" sh -c 'echo $PWD $(id -u)'
	equal output "/data 1000" "$OUT"
}

case_exec_terminal()
{
	sleeper
	on_terminal "ctr -a $D/sock tasks exec -t --exec-id e1 $N tty"
	match terminal "$OUT" '/dev/pts/'
}

case_pause_and_resume()
{
	sleeper
	ok tasks pause "$N"
	equal state PAUSED "$(state_of "$N")"
	ok tasks resume "$N"
	equal state RUNNING "$(state_of "$N")"
}

case_kill()
{
	sleeper
	sleep .5
	ok tasks kill -s TERM "$N"
	wait_for "the end" is_state "$N" STOPPED
	e tasks delete "$N"
	match status "$ERR" 'exit code 5'
}

case_processes_and_info()
{
	sleeper
	ok tasks ps "$N"
	match processes "$OUT" '^[1-9][0-9]*'
	ok containers info "$N"
	match info "$OUT" io.containerd.runc.v2
}

case_metrics()
{
	sleeper
	ok tasks metrics "$N"
	match metrics "$OUT" 'memory.usage'
	match metrics "$OUT" 'cpu.*usage|usage_usec'
	match metrics "$OUT" 'pids.current'
}

case_events()
{
	ctr -a $D/sock events >"$C/events" 2>&1 &
	local pid=$!
	sleep 1
	run_ok --rm -- true
	wait_for "events" grep -q /tasks/delete "$C/events"
	kill $pid
	local topic
	for topic in create start exit delete; do
		match events "$(cat "$C/events")" "/tasks/$topic"
	done
}

case_out_of_memory_event()
{
	ctr -a $D/sock events >"$C/events" 2>&1 &
	local pid=$!
	sleep 1
	run --rm --memory-limit 25165824 -- sh -c 'a=x; while :; do a=$a$a; done'
	equal "exit status" 137 "$RC"
	TRIES=40 wait_for "the event" grep -q /tasks/oom "$C/events"
	kill $pid
}

case_cgroup()
{
	sleeper --cgroup /clients-ctr/one
	local pid
	pid=$(ctr -a $D/sock tasks ls | awk -v n="$N" '$1 == n { print $2 }')
	match cgroup "$(cat "/proc/$pid/cgroup")" ':/clients-ctr/one$'
}

case_systemd_cgroup()
{
	need_systemd
	sleeper --runc-systemd-cgroup --cgroup "clients.slice:ctr:$N"
	local pid
	pid=$(ctr -a $D/sock tasks ls | awk -v n="$N" '$1 == n { print $2 }')
	match cgroup "$(cat "/proc/$pid/cgroup")" "/clients.slice/ctr-$N.scope"
}

# What runs goes on without the daemon, and is there again afterwards.
case_daemon_is_killed_and_comes_back()
{
	sleeper
	kill -KILL "$(cat $D/pid)"
	sleep .5
	start_daemon || fail "containerd does not start again"
	equal state RUNNING "$(state_of "$N")"
	e tasks exec --exec-id e1 "$N" true
	equal "exit status of exec" 0 "$RC"
	ok tasks kill -s KILL "$N"
	wait_for "the end" is_state "$N" STOPPED
}

case_shim_is_killed()
{
	sleeper
	local id=$N pid
	pid=$(pgrep -f "containerd-shim-runc-v2.* -id $id ")
	kill -KILL "$pid"
	# The daemon cleans up by the shim's delete: it asks the runtime to delete --force.
	wait_for "the clean-up" sh -c "! ctr -a $D/sock tasks ls -q | grep -qx $id"
	wait_for "the runtime" sh -c "[ -z \"\$($RT --root $STATE/default list -q)\" ]"
}

case_pod_of_a_kubelet()
{
	if [ "$KIND" = krun ]; then # of the limit the guest sees a machine of that size
		call "$HERE/cri" $D/sock "$KIND" "$N" localhost/bb:latest "" 192
		match steps "$(tr '\n' ' ' <<<"$OUT")" \
			'^sandbox=made running=1 exec=from-exec 0 exec-status=9 .*stats=yes exit=5 stopped=143 end=fine'
		return
	fi
	call "$HERE/cri" $D/sock "$KIND" "$N" localhost/bb:latest
	equal steps "sandbox=made running=1 exec=from-exec 0 exec-status=9 limit=33554432 updated=67108864 stats=yes exit=5 stopped=143 end=fine" \
		"$(tr '\n' ' ' <<<"$OUT" | sed 's/ $//')"
}

case_ten_at_once()
{
	at_once 10 ctr -a $D/sock run --rm --runtime io.containerd.runc.v2 --runc-binary "$RT" --runc-root "$STATE" localhost/bb:latest \
		"$N-@" sh -c 'exit @'
}

case_nothing_is_left()
{
	local ns
	for ns in default k8s.io; do
		[ ! -d "$STATE/$ns" ] || equal "state in $ns" "" "$(ls "$STATE/$ns")"
	done
	equal "shims" "" "$(pgrep -f '^/usr/bin/containerd-shim')"
	equal "mounts" "" "$(grep $D/state /proc/self/mountinfo)"
}
