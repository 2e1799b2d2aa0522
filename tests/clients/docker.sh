# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Docker Engine with our runtime as its default, and a swarm of one node.

D=/run/clients-docker
export DOCKER_HOST=unix://$D/sock
ENGINE=docker
# shellcheck source=cli.sh
. "$HERE/cli.sh"

e() { call docker "$@"; }

# start_daemon   with $RT as the default
start_daemon()
{
	# BuildKit looks for a program of this name; runlet looks at it, so that a link would not do.
	mkdir -p "$D/bin"
	printf '#!/bin/sh\nexec %s "$@"\n' "$RT" >"$D/bin/runc"
	chmod +x "$D/bin/runc"
	local manager=cgroupfs
	[ ! -d /run/systemd/system ] || manager=systemd
	PATH=$D/bin:$PATH dockerd --config-file $D/empty.json --data-root /var/lib/clients-docker --exec-root $D/exec -p $D/pid -H "$DOCKER_HOST" \
		--storage-driver overlay2 --add-runtime "tested=$RT" --default-runtime tested --exec-opt native.cgroupdriver=$manager \
		--oom-score-adjust 0 --default-ulimit nofile=1024:4096 ${LIVE_RESTORE---live-restore} --bip 172.29.7.1/24 >>$D/log 2>&1 9<&- &
	RUNNING=$RT
	local i
	for ((i = 0; i < 200; i++)); do
		docker version >/dev/null 2>&1 && return
		sleep .3
	done
	tail -n 20 $D/log
	return 1
}

stop_daemon()
{
	local pid
	pid=$(cat $D/pid)
	kill "${1:-TERM}" "$pid" 2>/dev/null
	while kill -0 "$pid" 2>/dev/null; do sleep .2; done
	rm -f $D/pid
}

setup_suite()
{
	mkdir -p $D
	echo '{}' >$D/empty.json
	find_runtime "${KINDS[0]}"
	busybox_root "$WORK/bb"
	"$HERE/image" bb:latest "$WORK/bb" sh >"$WORK/bb.tar"
	start_daemon && docker load -i "$WORK/bb.tar"
}

# The default is a matter of the daemon's.
begin_case()
{
	[ "$RUNNING" = "$RT" ] && return
	stop_daemon -TERM
	start_daemon
}

end_case()
{
	local ids
	mapfile -t ids < <(docker ps -aq)
	[ ${#ids[@]} = 0 ] || docker rm -f "${ids[@]}"
}

case_run_exit_status()
{
	ok run --rm bb true
	rc 7 run --rm bb sh -c 'exit 7'
	ok info --format '{{.DefaultRuntime}}'
	equal runtime tested "$OUT"
}

# The status is decided by the words of the runtime.
case_run_missing_program()
{
	rc 127 run --rm bb nonexistent
	match error "$ERR" 'exec: "nonexistent": executable file not found in \$PATH'
	rc 127 run --rm bb /bin/nonexistent
	match error "$ERR" 'no such file or directory'
	rc 126 run --rm bb /etc/passwd
	match error "$ERR" 'permission denied'
}

case_run_output()
{
	ok run --rm bb sh -c 'echo out; echo err >&2'
	equal stdout out "$OUT"
	equal stderr err "$ERR"
	echo through >"$C/in"
	INPUT=$C/in says through run --rm -i bb cat
}

case_run_tty()
{
	on_terminal "stty rows 33 cols 99; docker run --rm -it bb sh -c 'tty; sleep .5; stty size'"
	match terminal "$OUT" "$(terminal_name)"
	match size "$OUT" '33 99'
}

case_run_options()
{
	echo host >"$C/file"
	says $'b /data 1000:7\nhost\nname' run --rm -e A=b -w /data -u 1000:7 -v "$C:/there:ro" --hostname name bb \
		sh -c 'echo $A $PWD $(id -u):$(id -g); cat /there/file; hostname'
	rc 1 run --rm --read-only bb sh -c '( : >/data/new ) 2>/dev/null'
	says 0000000000001000 run --rm --cap-drop all --cap-add net_admin bb awk '/CapEff/ {print $2}' /proc/self/status
	ok run --rm --tmpfs /t:size=1m bb grep ' /t ' /proc/mounts
	match tmpfs "$OUT" 'size=1024k'
	says 1 run --rm --sysctl net.ipv4.ip_forward=1 bb cat /proc/sys/net/ipv4/ip_forward
}

case_run_init()
{
	rc 3 run --rm --init bb sh -c 'exit 3'
}

case_run_seccomp()
{
	says 2 run --rm bb awk '/^Seccomp:/ {print $2}' /proc/self/status
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}' >"$C/profile.json"
	rc 1 run --rm --security-opt "seccomp=$C/profile.json" bb mkdir /tmp/made
}

case_run_network()
{
	ok run -d --name "$N" bb sh -c 'mkdir /w; echo page >/w/index.html; httpd -f -p 80 -h /w'
	local address
	address=$(inspect "$N" '{{.NetworkSettings.IPAddress}}')
	match address "$address" '^172\.29\.7\.'
	TRIES=40 wait_for "the server" docker exec "$N" wget -qO- http://127.0.0.1/index.html
	says page run --rm bb wget -qO- "http://$address/index.html"
	# Two machines share the network between them, not one loopback.
	[ "$KIND" = krun ] || says page run --rm --network "container:$N" bb wget -qO- http://127.0.0.1/index.html
	ok network create "$N-net"
	ok run -d --name "$N-2" --network "$N-net" --network-alias other bb sh -c 'mkdir /w; echo second >/w/index.html; httpd -f -p 80 -h /w'
	address=$(inspect "$N-2" "{{(index .NetworkSettings.Networks \"$N-net\").IPAddress}}")
	TRIES=40 wait_for "the server" docker exec "$N-2" wget -qO- http://127.0.0.1/index.html
	says second run --rm --network "$N-net" bb wget -qO- "http://$address/index.html"
	ok rm -f "$N-2"
	ok network rm "$N-net"
}

case_exec_status()
{
	sleeper
	rc 3 exec "$N" sh -c 'exit 3'
	rc 126 exec "$N" nonexistent # so does this Docker, with every runtime
	match output "$OUT$ERR" 'executable file not found in \$PATH'
	rc 126 exec "$N" /etc/passwd
	says 'v /data 1000' exec -e A=v -w /data -u 1000 "$N" sh -c 'echo $A $PWD $(id -u)'
	on_terminal "docker exec -it $N tty"
	match terminal "$OUT" '/dev/pts/'
}

case_limits()
{
	native_only "its limits are the machine's, and its cgroups are its own kernel's"
	ok run --rm -m 32m --cpus .5 --pids-limit 20 --cpuset-cpus 0 bb cat "$(limit memory.max)" "$(limit cpu.max)" "$(limit pids.max)" "$(limit cpuset.cpus)"
	match limits "$(xargs <<<"$OUT")" '^33554432 50000 (100000 )?20 0$'
	says '111 222' run --rm --ulimit nofile=111:222 bb sh -c 'echo $(ulimit -n) $(ulimit -Hn)'
}

case_out_of_memory()
{
	rc 137 run --name "$N" -m 24m --memory-swap 24m bb sh -c 'a=x; while :; do a=$a$a; done'
	equal OOMKilled true "$(inspect "$N" '{{.State.OOMKilled}}')"
}

# What was changed before must not stand in the way.
case_update()
{
	sleeper -m 64m
	ok update -m 48m --memory-swap 96m "$N"
	ok update --cpus .25 --pids-limit 33 "$N"
	ok exec "$N" cat "$(limit memory.max)" "$(limit cpu.max)" "$(limit pids.max)"
	match limits "$(xargs <<<"$OUT")" '^50331648 25000 (100000 )?33$'
}

case_stop_kill_restart()
{
	sleeper
	ok stop "$N"
	equal "exit code" 5 "$(inspect "$N" '{{.State.ExitCode}}')"
	ok start "$N"
	ok restart -t 1 "$N"
	equal status running "$(inspect "$N" '{{.State.Status}}')"
	ok kill "$N"
	equal "exit code" 137 "$(inspect "$N" '{{.State.ExitCode}}')"
}

case_restart_policy()
{
	ok run -d --name "$N" --restart on-failure:2 bb sh -c 'exit 4'
	wait_for "two restarts" is "$N" '{{.RestartCount}} {{.State.Status}}' '2 exited'
}

case_pause()
{
	sleeper
	ok pause "$N"
	equal status paused "$(inspect "$N" '{{.State.Status}}')"
	ok unpause "$N"
	rc 0 exec "$N" true
}

case_top_stats_logs()
{
	sleeper
	ok top "$N"
	# The daemon asks for the host's pids, and a machine is one process there.
	[ "$KIND" = krun ] || match processes "$OUT" 'trap'
	ok stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' "$N"
	match stats "$OUT" '^[1-9] [1-9].* / '
	says up logs "$N"
}

case_health()
{
	sleeper --health-cmd 'test -e /tmp/well' --health-interval 1s --health-retries 1 --health-timeout 20s
	TRIES=240 wait_for "ill health" is "$N" '{{.State.Health.Status}}' unhealthy
	ok exec "$N" touch /tmp/well
	TRIES=240 wait_for "health" is "$N" '{{.State.Health.Status}}' healthy
}

case_copy_commit_volume()
{
	sleeper -v "$N-v:/data"
	says from-the-image exec "$N" cat /data/file
	echo in >"$C/in"
	ok cp "$C/in" "$N:/home/copied"
	ok cp "$N:/home/copied" "$C/back"
	equal copy in "$(cat "$C/back")"
	ok commit "$N" "made-$N"
	says in run --rm "made-$N" cat /home/copied
	ok rm -f "$N"
	ok volume rm "$N-v"
	ok rmi "made-$N"
}

containerfile()
{
	printf 'FROM bb\nRUN echo made >/made && id -u >/who\nENV A=b\nWORKDIR /work\nRUN echo "$A $PWD" >here\n' >"$C/Dockerfile"
}

case_build_classic()
{
	containerfile
	call env DOCKER_BUILDKIT=0 docker build -q --network none -t "$N" "$C"
	equal "exit status" 0 "$RC"
	says $'made\n0\nb /work' run --rm "$N" cat /made /who /work/here
	ok rmi "$N"
}

case_build_buildkit()
{
	containerfile
	call env DOCKER_BUILDKIT=1 docker build -q --network none -t "$N" "$C"
	[ "$RC" = 0 ] || fail "build: $ERR"
	says $'made\n0\nb /work' run --rm "$N" cat /made /who /work/here
	ok rmi "$N"
}

case_live_restore()
{
	sleeper
	local pid
	pid=$(inspect "$N" '{{.State.Pid}}')
	stop_daemon -KILL
	kill -0 "$pid" || fail "the container died with the daemon"
	start_daemon || fail "dockerd does not start again"
	equal pid "$pid" "$(inspect "$N" '{{.State.Pid}}')"
	rc 0 exec "$N" true
	ok stop "$N"
	equal "exit code" 5 "$(inspect "$N" '{{.State.ExitCode}}')"
}

tasks_running()
{
	[ "$(docker ps -q --filter "label=com.docker.swarm.service.name=$1" --filter status=running | wc -l)" = "$2" ]
}

# A service with replicas: scaled up and down, rolled over, one of them killed.
case_swarm_service()
{
	stop_daemon -TERM
	LIVE_RESTORE='' start_daemon || fail "dockerd does not start"
	e swarm init --advertise-addr 127.0.0.1
	if [ "$RC" != 0 ]; then
		stop_daemon -TERM
		start_daemon
		fail "swarm init: $ERR"
	fi
	# Whatever happens, the swarm is left and live restore is back.
	trap 'docker swarm leave --force; stop_daemon -TERM; start_daemon' EXIT
	ok service create -d --name "$N" --no-resolve-image --replicas 2 --network host --limit-memory 32m bb sleep 1000
	TRIES=400 wait_for "two replicas" tasks_running "$N" 2
	ok service scale -d "$N=4"
	TRIES=400 wait_for "four replicas" tasks_running "$N" 4
	ok service scale -d "$N=1"
	TRIES=400 wait_for "one replica" tasks_running "$N" 1
	local before
	before=$(docker ps -q --filter "label=com.docker.swarm.service.name=$N")
	ok service update -d --no-resolve-image --env-add ROLLED=over --stop-grace-period 1s "$N"
	TRIES=400 wait_for "the roll-over" sh -c "[ -z \"\$(docker ps -q --no-trunc | grep '^$before')\" ]"
	TRIES=400 wait_for "one replica" tasks_running "$N" 1
	before=$(docker ps -q --filter "label=com.docker.swarm.service.name=$N")
	says 33554432 exec "$before" cat "$(limit memory.max)"
	ok kill "$before"
	TRIES=400 wait_for "another one" sh -c "docker ps -q | grep -v '$before' | grep -q ."
	ok service rm "$N"
	TRIES=400 wait_for "the end" tasks_running "$N" 0
}

case_ten_at_once()
{
	at_once 10 docker run --rm --network none bb sh -c 'exit @'
}

case_nothing_is_left()
{
	equal "state" "" "$(find $D/exec/runtime-*/moby -mindepth 1 -maxdepth 1 ! -name '.*' 2>/dev/null)"
	equal "shims" "" "$(pgrep -f '^/usr/bin/containerd-shim')"
	equal "mounts" "" "$(grep -E 'overlay2/.*/merged' /proc/self/mountinfo)"
}
