# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Podman, as root and as a user, with systemd as the manager of cgroups.

ENGINE=podman
# shellcheck source=cli.sh
. "$HERE/cli.sh"

e() { call podman --runtime "$RT" "$@"; }

# Podman gives no cgroup to a user's container on version 1.
own_cgroup()
{
	[ -z "$ROOTLESS" ] || [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "users have no cgroups here"
}

setup_suite()
{
	if [ -z "$ROOTLESS" ]; then
		grep -q ^containers: /etc/subuid || echo containers:1000000:1000000 | tee -a /etc/subuid >>/etc/subgid
		accept_any_image
	fi
	busybox_root "$WORK/bb"
	tar -C "$WORK/bb" -c . | podman import - bb
}

# Big, and wanted by few cases.
debian_image()
{
	podman image exists debian || ok import /usr/share/rig/debian.tar debian
}

end_case()
{
	timeout 60 podman --runtime "$RT" pod rm -f -a -t 0
	timeout 60 podman --runtime "$RT" rm -f -a -t 0
	timeout 60 podman volume rm -f -a
}

cgroup_of()
{
	sed -n 's/^0:://p' "/proc/$(inspect "$1" '{{.State.Pid}}')/cgroup"
}

# ------------------------------------------------------------------------------------------- run

case_run_exit_status()
{
	rc 0 run --rm bb true
	rc 7 run --rm bb sh -c 'exit 7'
	rc 143 run --rm bb sh -c 'sh -c "kill -TERM \$\$"; exit $?'
}

case_run_output()
{
	ok run --rm bb sh -c 'echo to-out; echo to-err >&2'
	equal stdout to-out "$OUT"
	equal stderr to-err "$ERR"
	seq 20000 >"$C/in"
	INPUT=$C/in says "$(md5sum <"$C/in")" run --rm -i bb md5sum
}

case_run_tty()
{
	on_terminal "stty rows 33 cols 99; podman --runtime $RT run --rm -it bb sh -c 'tty; sleep .5; stty size; echo \$TERM'" # the size comes a little later
	match "on a terminal" "$OUT" "$(terminal_name)"
	match "on a terminal" "$OUT" '33 99'
	match "on a terminal" "$OUT" 'xterm'
}

case_run_missing_program()
{
	rc 127 run --rm bb nonexistent
	match error "$ERR" 'nonexistent.*(not found|no such file)'
	rc 127 run --rm bb /bin/nonexistent
	rc 126 run --rm bb /etc/passwd
	match error "$ERR" 'permission denied'
	rc 126 run --rm bb /etc
}

case_run_environment()
{
	says 'v|x y|/root|/data' run --rm -e A=v -e 'B=x y' -w /data bb sh -c 'echo "$A|$B|$HOME|$PWD"'
	says podman run --rm bb sh -c 'echo $container'
	says name run --rm --hostname name bb hostname
	says name run --rm --hostname name bb cat /etc/hostname
}

case_run_debian()
{
	debian_image
	says "Debian GNU/Linux" run --rm debian sh -c '. /etc/os-release; echo $NAME'
	ok run --rm debian bash -c 'setpriv --reuid 77 --clear-groups id -u; perl -e "print 6 * 7"; dpkg -s bash >/dev/null && echo " installed"'
	equal "what it printed" $'77\n42 installed' "$OUT"
}

case_detached_wait_logs()
{
	ok run -d --name "$N" bb sh -c 'echo one; echo two >&2; exit 9'
	says 9 wait "$N"
	ok logs "$N"
	equal "logs" "one" "$OUT"
	equal "logs" "two" "$ERR"
	equal status exited "$(inspect "$N" '{{.State.Status}}')"
	equal code 9 "$(inspect "$N" '{{.State.ExitCode}}')"
}

case_logs_journald()
{
	root_only
	need_systemd
	ok run -d --name "$N" --log-driver journald bb sh -c 'echo to the journal'
	ok wait "$N"
	wait_for "the journal" has_logged "$N" "to the journal"
}

case_logs_follow()
{
	ok run -d --name "$N" bb sh -c 'for i in 1 2 3; do echo $i; sleep .3; done'
	says $'1\n2\n3' logs -f "$N"
}

case_run_rm_leaves_nothing()
{
	ok run --rm --name "$N" bb true
	ok ps -a -q
	equal containers "" "$OUT"
	call "$RT" list -q
	equal "of the runtime" "" "$OUT"
}

# ------------------------------------------------------------------------------------------ exec

case_exec_status()
{
	sleeper
	rc 0 exec "$N" true
	rc 3 exec "$N" sh -c 'exit 3'
	rc 127 exec "$N" nonexistent
	rc 126 exec "$N" /etc/passwd
	says 'v /data user' exec -e A=v -w /data -u user "$N" sh -c 'echo $A $PWD $(id -un)'
	echo through >"$C/in"
	INPUT=$C/in says through exec -i "$N" cat
}

case_exec_tty()
{
	sleeper
	on_terminal "stty rows 22 cols 77; podman --runtime $RT exec -it $N sh -c 'tty; sleep .5; stty size'"
	match terminal "$OUT" '/dev/pts/'
	match size "$OUT" '22 77'
}

case_exec_detached()
{
	sleeper
	ok exec -d "$N" sh -c 'sleep .2; echo done >/tmp/made'
	wait_for "exec" podman exec "$N" test -s /tmp/made
}

case_exec_many()
{
	sleeper
	at_once 6 podman --runtime "$RT" exec "$N" sh -c 'exit @'
}

# --------------------------------------------------------------------------------------- signals

case_stop()
{
	sleeper
	ok stop "$N"
	equal "exit code" 5 "$(inspect "$N" '{{.State.ExitCode}}')"
	ok run -d --name "$N-2" bb sleep 1000
	ok stop -t 1 "$N-2"
	equal "exit code" 137 "$(inspect "$N-2" '{{.State.ExitCode}}')"
}

case_kill()
{
	container -- 'trap "echo usr1" USR1; echo up; while :; do sleep .1; done'
	ok kill -s USR1 "$N"
	wait_for "the signal" has_logged "$N" "usr1"
	ok kill "$N"
	says 137 wait "$N"
}

case_signals_are_passed_on()
{
	podman --runtime "$RT" run --name "$N" bb sh -c 'trap "exit 6" INT; echo up; while :; do sleep .1; done' >"$C/log" &
	wait_for "the container" grep -q up "$C/log"
	kill -INT $!
	wait $!
	equal "exit status" 6 $?
}

case_stop_signal()
{
	container --stop-signal USR2 -- 'trap "exit 8" USR2; echo up; while :; do sleep .1; done'
	ok stop "$N"
	equal "exit code" 8 "$(inspect "$N" '{{.State.ExitCode}}')"
}

case_restart_policy()
{
	ok run -d --name "$N" --restart on-failure:2 bb sh -c 'exit 4'
	wait_for "two restarts" is "$N" '{{.RestartCount}} {{.State.Status}}' '2 exited'
}

case_restart_and_start()
{
	sleeper
	local before
	before=$(inspect "$N" '{{.State.Pid}}')
	ok restart -t 1 "$N"
	equal status running "$(inspect "$N" '{{.State.Status}}')"
	[ "$before" != "$(inspect "$N" '{{.State.Pid}}')" ] || fail "the pid is the same"
	ok stop -t 1 "$N"
	ok start "$N"
	equal status running "$(inspect "$N" '{{.State.Status}}')"
}

case_healthcheck()
{
	sleeper --health-cmd 'test -e /tmp/well' --health-interval disable --health-retries 1
	rc 1 healthcheck run "$N"
	ok exec "$N" touch /tmp/well
	ok healthcheck run "$N"
	equal health healthy "$(inspect "$N" '{{.State.Health.Status}}')"
}

case_attach()
{
	ok create -i --name "$N" bb sh -c 'read x; echo got $x'
	echo word >"$C/in"
	INPUT=$C/in ok start -a -i "$N"
	equal output "got word" "$OUT"
	ok run -d --name "$N-2" bb sh -c 'sleep 2; echo late; exit 3'
	ok attach --no-stdin "$N-2" # the status is lost with every runtime
	equal output late "$OUT"
}

# ------------------------------------------------------------------------------------- inspection

case_top()
{
	sleeper
	ok top "$N" pid comm
	match processes "$OUT" '^1 +sh'
}

case_stats()
{
	own_cgroup
	sleeper
	ok stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}}' "$N"
	match stats "$OUT" "^$N [1-9] .*[1-9].*B / "
}

case_ps_and_events()
{
	sleeper
	ok ps --format '{{.Names}} {{.Status}}'
	match ps "$OUT" "^$N Up "
	ok rm -f -t 0 "$N"
	ok events --stream=false --since 5m --filter "container=$N" --format '{{.Status}}'
	match events "$OUT" start
	match events "$OUT" died
	match events "$OUT" remove
}

case_pause()
{
	own_cgroup
	sleeper
	ok pause "$N"
	equal status paused "$(inspect "$N" '{{.State.Status}}')"
	e exec "$N" true
	[ "$RC" != 0 ] || fail "exec worked while paused"
	ok unpause "$N"
	equal status running "$(inspect "$N" '{{.State.Status}}')"
	rc 0 exec "$N" true
	ok pause "$N"
	ok rm -f -t 0 "$N"
}

# ---------------------------------------------------------------------------------------- limits

case_limits_memory()
{
	native_only "its limit is the size of its memory, and its cgroups are its own kernel's"
	own_cgroup
	says $'33554432\n8388608' run --rm -m 32m --memory-swap 64m --memory-reservation 8m bb \
		cat "$(limit memory.max)" "$(limit memory.low)"
}

case_limits_cpu()
{
	root_only "what is delegated has its own limits"
	ok run --rm --cpus .5 --cpuset-cpus 0 --cpu-shares 512 --pids-limit 20 bb \
		cat "$(limit cpu.max)" "$(limit cpuset.cpus)" "$(limit pids.max)"
	match limits "$(xargs <<<"$OUT")" '^50000 (100000 )?0 20$'
}

case_limits_pids_hold()
{
	ok run --rm --pids-limit 10 bb sh -c 'for i in $(seq 30); do sleep 3 & done 2>&1 | grep -c "fork"; true'
	cat "$C/out" "$C/err" >"$C/both"
	match output "$(cat "$C/both")" "fork|[1-9]"
}

case_limits_out_of_memory()
{
	own_cgroup
	rc 137 run --name "$N" -m 24m --memory-swap 24m bb sh -c 'a=x; while :; do a=$a$a; done'
	# On version 1 Podman does not find out, whatever the runtime.
	# Conmon looks when systemd has already removed the scope, whatever the runtime.
	[ ! -e /sys/fs/cgroup/cgroup.controllers ] || [ -d /run/systemd/system ] || equal OOMKilled true "$(inspect "$N" '{{.State.OOMKilled}}')"
}

case_limits_io()
{
	root_only
	need_systemd
	local device
	device=$(findmnt -no SOURCE / | sed 's,/dev/root,/dev/nvme0n1,')
	ok run --rm --device-read-bps "$device:1mb" --device-write-iops "$device:100" bb cat /sys/fs/cgroup/io.max
	match io.max "$OUT" 'rbps=1048576 .*wiops=100'
}

case_update()
{
	own_cgroup
	sleeper -m 64m
	ok update -m 32m --cpus 0.25 "$N"
	ok exec "$N" cat "$(limit memory.max)" "$(limit cpu.max)"
	match limits "$(xargs <<<"$OUT")" '^33554432 25000( 100000)?$'
}

case_ulimits()
{
	says '111 222 33' run --rm --ulimit nofile=111:222 --ulimit nproc=33:33 bb \
		sh -c 'echo $(ulimit -n) $(ulimit -Hn) $(ulimit -u 2>/dev/null || ulimit -p)'
}

case_oom_score()
{
	says 321 run --rm --oom-score-adj 321 bb cat /proc/self/oom_score_adj
}

# ------------------------------------------------------------------------------------- privileges

case_user()
{
	says '1000:1000 user' run --rm -u user bb sh -c 'echo $(id -u):$(id -g) $(id -un)'
	says '1000 7 7 1001' run --rm -u 1000:7 --group-add 1001 bb sh -c 'echo $(id -u) $(id -g) $(id -G)'
}

case_userns_auto()
{
	root_only
	says '0 65536' run --rm --userns auto:size=65536 bb awk '{print $1, $3}' /proc/self/uid_map
	ok run --rm --userns auto:size=65536 bb awk '{print $2}' /proc/self/uid_map
	[ "$OUT" -ge 1000000 ] || fail "root is $OUT outside"
	ok run --rm --userns auto -v "$C:/there" bb true
}

case_userns_map()
{
	root_only
	ok run --rm --uidmap 0:200000:1000 --gidmap 0:200000:1000 bb sh -c 'touch /data/new; stat -c %u /data/new; cat /proc/self/uid_map'
	match map "$OUT" '0 +200000 +1000'
}

case_userns_keep_id()
{
	rootless_only
	says '1000 1000' run --rm --userns keep-id bb sh -c 'echo $(id -u) $(id -g)'
	mkdir "$C/mine"
	ok run --rm --userns keep-id -v "$C/mine:/mine" bb touch /mine/file
	equal owner 1000 "$(stat -c %u "$C/mine/file")"
}

case_capabilities()
{
	says 0000000000000000 run --rm --cap-drop all bb awk '/CapEff/ {print $2}' /proc/self/status
	says 0000000000001000 run --rm --cap-drop all --cap-add net_admin bb awk '/CapEff/ {print $2}' /proc/self/status
	says 0000000000000000 run --rm -u 1000 bb awk '/CapEff/ {print $2}' /proc/self/status
	says 1 run --rm --security-opt no-new-privileges bb awk '/NoNewPrivs/ {print $2}' /proc/self/status
}

case_privileged()
{
	says fine run --rm --privileged bb sh -c 'mount -t tmpfs t /data && echo fine'
}

case_seccomp()
{
	says 2 run --rm bb awk '/^Seccomp:/ {print $2}' /proc/self/status
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}]}' >"$C/profile.json"
	rc 1 run --rm --security-opt "seccomp=$C/profile.json" bb mkdir /tmp/made
	match error "$ERR" 'permission denied'
	says 0 run --rm --security-opt seccomp=unconfined bb awk '/^Seccomp:/ {print $2}' /proc/self/status
}

case_apparmor()
{
	root_only
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] || skip "no AppArmor here"
	apparmor_parser -r <<-'P'
		profile clients-test flags=(attach_disconnected,mediate_deleted) {
			file, network, capability, umount, signal,
			deny /data/file r,
		}
	P
	says 'clients-test (enforce)' run --rm --security-opt apparmor=clients-test bb cat /proc/self/attr/current
	rc 1 run --rm --security-opt apparmor=clients-test bb cat /data/file
	sleeper --security-opt apparmor=clients-test
	rc 1 exec "$N" cat /data/file
	rc 126 run --rm --security-opt apparmor=no-such-profile bb true ||
		match error "$ERR" 'no-such-profile|apparmor'
}

case_devices()
{
	root_only "devices are bound"
	rc 0 run --rm --device /dev/fuse:/dev/x:r bb sh -c ': </dev/x'
	rc 1 run --rm --device /dev/fuse:/dev/x:r bb sh -c '( : >/dev/x ) 2>/dev/null'
	rc 1 run --rm bb sh -c 'mknod /tmp/f c 10 229 && ( : </tmp/f ) 2>/dev/null'
	rc 0 run --rm --device-cgroup-rule 'c 10:229 rwm' --cap-add mknod bb sh -c 'mknod /tmp/f c 10 229 && : </tmp/f'
}

case_devices_rootless()
{
	rootless_only
	rc 0 run --rm --device /dev/fuse bb sh -c ': </dev/fuse'
}

case_masked_paths()
{
	says 0 run --rm bb sh -c 'cat /proc/kcore | wc -c'
	rc 1 run --rm bb sh -c '( echo 1 >/proc/sys/kernel/domainname ) 2>/dev/null'
	ok run --rm --security-opt unmask=/proc/acpi bb true
	ok run --rm --security-opt mask=/data bb sh -c '[ -z "$(ls /data)" ]'
}

# ----------------------------------------------------------------------------------------- files

case_volumes()
{
	ok volume create "$N-v"
	says from-the-image run --rm -v "$N-v:/data" bb cat /data/file
	ok run --rm -v "$N-v:/data" bb sh -c 'echo kept >/data/new'
	says kept run --rm -v "$N-v:/other" bb cat /other/new
	echo host >"$C/file"
	says host run --rm -v "$C:/there:ro" bb cat /there/file
	rc 1 run --rm -v "$C:/there:ro" bb sh -c '( : >/there/new ) 2>/dev/null'
	says host run --rm --mount "type=bind,src=$C/file,dst=/some/where/file" bb cat /some/where/file
}

case_volume_propagation()
{
	root_only
	mkdir "$C/shared"
	mount --bind "$C/shared" "$C/shared"
	mount --make-shared "$C/shared"
	trap 'umount -l "$C/shared"' EXIT
	mkdir "$C/shared/in"
	sleeper -v "$C/shared:/there:rslave"
	mount -t tmpfs t "$C/shared/in"
	touch "$C/shared/in/seen"
	rc 0 exec "$N" test -e /there/in/seen
	umount "$C/shared/in"
}

case_tmpfs()
{
	ok run --rm --tmpfs /t:size=1m,noexec,mode=700 bb sh -c 'grep " /t " /proc/mounts; stat -c %a /t'
	match tmpfs "$OUT" 'tmpfs .*noexec.*size=1024k'
	match mode "$OUT" '^700$'
	ok run --rm --shm-size 2m bb grep /dev/shm /proc/mounts
	match shm "$OUT" 'size=2048k'
}

case_read_only()
{
	rc 1 run --rm --read-only bb sh -c '( : >/data/new ) 2>/dev/null'
	rc 0 run --rm --read-only bb sh -c ': >/tmp/new; : >/dev/shm/new'
}

case_copy()
{
	sleeper
	echo in >"$C/in"
	ok cp "$C/in" "$N:/data/copied"
	says in exec "$N" cat /data/copied
	ok cp "$N:/data/file" "$C/back"
	equal "the copy" from-the-image "$(cat "$C/back")"
}

case_commit()
{
	ok run --name "$N" bb sh -c 'echo new >/data/new'
	ok commit -q "$N" "committed-$N"
	says new run --rm "committed-$N" cat /data/new
	ok diff "$N"
	match diff "$OUT" 'A /data/new'
}

# ------------------------------------------------------------------------------------- namespaces

case_network_none()
{
	says lo run --rm --network none bb sh -c 'ls /sys/class/net'
}

case_network_bridge()
{
	root_only
	ok run -d --name "$N" -p 127.0.0.1:18080:80 bb sh -c 'mkdir /w; echo page >/w/index.html; httpd -f -p 80 -h /w'
	wait_for "the port" sh -c '[ "$(python3 -c "import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:18080/index.html\").read().decode().strip())")" = page ]'
	# Two machines share the network between them, not one loopback.
	[ "$KIND" = krun ] || says page run --rm --network "container:$N" bb wget -qO- http://127.0.0.1/index.html
}

case_namespaces_of_the_host()
{
	says "$(readlink /proc/self/ns/uts)" run --rm --uts host bb readlink /proc/self/ns/uts
	says "$(readlink /proc/self/ns/net)" run --rm --network host bb readlink /proc/self/ns/net
	says "$(readlink /proc/self/ns/ipc)" run --rm --ipc host bb readlink /proc/self/ns/ipc
	says "$(readlink /proc/self/ns/cgroup)" run --rm --cgroupns host bb readlink /proc/self/ns/cgroup
	ok run --rm --pid host bb sh -c 'tr "\0" " " </proc/1/cmdline'
	equal "process 1" "$(tr "\0" " " </proc/1/cmdline)" "$OUT"
}

case_namespaces_of_another()
{
	sleeper
	local pid
	pid=$(inspect "$N" '{{.State.Pid}}')
	ok run --rm --pid "container:$N" bb ps
	match processes "$OUT" 'trap'
	ok run --rm --ipc "container:$N" --network "container:$N" bb sh -c 'readlink /proc/self/ns/ipc; readlink /proc/self/ns/net'
	[ -n "$ROOTLESS" ] || equal namespaces "$(readlink "/proc/$pid/ns/ipc" "/proc/$pid/ns/net")" "$OUT"
}

case_sysctl()
{
	says $'1\n4321' run --rm --sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=4321 bb \
		cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax
}

case_init()
{
	ok run --rm --init bb cat /proc/1/comm
	match "process 1" "$OUT" 'catatonit|podman-init'
	rc 3 run --rm --init bb sh -c 'exit 3'
}

case_cgroup_parent()
{
	root_only
	need_systemd
	sleeper --cgroup-parent clients-test.slice
	match cgroup "$(cgroup_of "$N")" '^/clients.slice/clients-test.slice/libpod-'
}

case_cgroup_manager()
{
	root_only
	need_systemd
	e --cgroup-manager cgroupfs run --rm --cgroupns host bb cat /proc/self/cgroup
	match cgroup "$OUT" '^0::/libpod_parent/libpod-'
	says 0::/ --cgroup-manager cgroupfs run --rm bb cat /proc/self/cgroup
}

case_cgroup_split_and_disabled()
{
	root_only
	need_systemd
	call systemd-run -q --wait --pipe -p Delegate=yes podman --runtime "$RT" run --rm --cgroups split --cgroupns host bb cat /proc/self/cgroup
	match cgroup "$OUT" '^0::/system.slice/run-.*\.service/'
	[ "$KIND" != runc ] || return 0
	# By the last part of its name, even where it was given by a path. The manual has one letter more than the program.
	printf '[engine]\nruntime_supports_nocgroup = ["%s"]\n[network]\nnetwork_backend = "netavark"\n' "${RT##*/}" >"$C/containers.conf"
	CONTAINERS_CONF=$C/containers.conf rc 0 run --rm --cgroups disabled bb true
}

# ---------------------------------------------------------------------------- hooks, descriptors

case_hooks()
{
	root_only
	mkdir "$C/hooks"
	cat >"$C/hook" <<-END
		#!/bin/sh
		cat >"$C/state-\$1"
	END
	chmod +x "$C/hook"
	local stage
	for stage in prestart poststop; do
		echo "{\"version\": \"1.0.0\", \"hook\": {\"path\": \"$C/hook\", \"args\": [\"hook\", \"$stage\"]},
			\"when\": {\"always\": true}, \"stages\": [\"$stage\"]}" >"$C/hooks/$stage.json"
	done
	ok --hooks-dir "$C/hooks" run --rm bb true
	match "state for prestart" "$(cat "$C/state-prestart")" '"pid": *[1-9]'
	match "state for poststop" "$(cat "$C/state-poststop")" '"status": *"stopped"'
}

case_preserve_fds()
{
	echo three >"$C/three"
	exec 3<"$C/three"
	says three run --rm --preserve-fds 1 bb cat /proc/self/fd/3
}

# forget_unit NAME   whose container was removed, so that it fails, a little later
forget_unit()
{
	wait_for "the end of $1" sh -c "systemctl ${manager[*]} show -p ActiveState --value $1 | grep -qE '^(failed|inactive)'"
	systemctl "${manager[@]}" reset-failed "$1" 2>/dev/null
	true
}

case_sdnotify()
{
	local manager=()
	need_systemd
	debian_image
	[ -z "$ROOTLESS" ] || manager=(--user)
	systemd-run "${manager[@]}" -q --service-type notify --unit "$N" -p NotifyAccess=all \
		podman --runtime "$RT" run --rm --name "$N" --sdnotify conmon bb sleep 1000 || fail "conmon: the service did not start"
	equal state active "$(systemctl "${manager[@]}" is-active "$N")"
	ok rm -f -t 0 "$N"
	forget_unit "$N"
	# Ready when the container says so.
	cat >"$C/notify.pl" <<-'END'
		use Socket;
		socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die $!;
		send($s, "READY=1", 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die $!;
		sleep 1000;
	END
	systemd-run "${manager[@]}" -q --service-type notify --unit "$N-2" -p NotifyAccess=all -p TimeoutStartSec=60 \
		podman --runtime "$RT" run --rm --name "$N-2" --sdnotify container -v "$C/notify.pl:/notify.pl:ro" debian perl /notify.pl ||
		fail "container: the service did not start"
	equal state active "$(systemctl "${manager[@]}" is-active "$N-2")"
	ok rm -f -t 0 "$N-2"
	forget_unit "$N-2"
}

case_systemd_unit()
{
	root_only
	need_systemd
	ok create --name "$N" bb sh -c 'trap "exit 0" TERM; while :; do sleep .2; done'
	ok generate systemd --new --name "$N"
	printf '%s\n' "$OUT" >"/run/systemd/system/container-$N.service"
	ok rm -f "$N"
	systemctl daemon-reload
	systemctl start "container-$N" || fail "$(systemctl status "container-$N")"
	equal status running "$(inspect "$N" '{{.State.Status}}')"
	systemctl stop "container-$N" || fail "stop"
	equal result success "$(systemctl show -p Result --value "container-$N")"
	rm "/run/systemd/system/container-$N.service"
}

# ------------------------------------------------------------------------------------------ pods

case_pod_shares()
{
	own_cgroup
	ok pod create --name "$N" --hostname pod
	ok run -d --pod "$N" --name "$N-a" bb sh -c 'mkdir /w; echo page >/w/index.html; httpd -f -p 8080 -h /w'
	TRIES=40 wait_for "the server" podman exec "$N-a" wget -qO- http://127.0.0.1:8080/index.html
	says $'pod\npage' run --rm --pod "$N" bb sh -c 'hostname; wget -qO- http://127.0.0.1:8080/index.html'
	ok pod pause "$N"
	equal status paused "$(inspect "$N-a" '{{.State.Status}}')"
	ok pod unpause "$N"
	ok pod stop -t 1 "$N"
	equal status exited "$(inspect "$N-a" '{{.State.Status}}')"
	ok pod start "$N"
	equal status running "$(inspect "$N-a" '{{.State.Status}}')"
	ok pod rm -f -t 0 "$N"
}

case_pod_shares_pid()
{
	ok pod create --name "$N" --share pid,ipc,net
	ok run -d --pod "$N" bb sleep 1000
	ok run --rm --pod "$N" bb ps
	match processes "$OUT" 'sleep 1000'
}

case_play_kube()
{
	own_cgroup
	cat >"$C/pod.yaml" <<-END
		apiVersion: v1
		kind: Pod
		metadata: {name: $N}
		spec:
		  volumes: [{name: v, emptyDir: {}}]
		  containers:
		  - {name: one, image: "localhost/bb:latest", imagePullPolicy: Never, command: [/bin/sh, -c, "echo hello >/v/f; /bin/sleep 1000"],
		     volumeMounts: [{name: v, mountPath: /v}], resources: {limits: {memory: 32Mi}}, securityContext: {runAsUser: 0, readOnlyRootFilesystem: true}}
		  - {name: two, image: "localhost/bb:latest", imagePullPolicy: Never, command: [/bin/sleep, "1000"], volumeMounts: [{name: v, mountPath: /v}],
		     securityContext: {capabilities: {drop: [ALL]}}}
	END
	ok play kube "$C/pod.yaml"
	wait_for "the file" podman exec "$N-two" /bin/cat /v/f
	[ -n "$ROOTLESS" ] || says 33554432 exec "$N-one" /bin/cat "$(limit memory.max)"
	ok play kube --down "$C/pod.yaml"
	ok ps -aq
	equal containers "" "$OUT"
}

# ---------------------------------------------------------------------------------- what goes wrong

case_checkpoint_restore()
{
	root_only
	"$RT" checkpoint --help >/dev/null 2>&1 || skip "$KIND has no checkpoint"
	criu check >/dev/null 2>&1 || skip "CRIU does not work with this kernel"
	ok run -d --name "$N" --network none bb sh -c 'while :; do i=$((i+1)); echo $i; sleep .2; done'
	sleep 1
	ok container checkpoint "$N"
	equal status exited "$(inspect "$N" '{{.State.Status}}')"
	ok container restore "$N"
	equal status running "$(inspect "$N" '{{.State.Status}}')"
}

case_conmon_is_killed()
{
	sleeper
	kill -KILL "$(inspect "$N" '{{.State.ConmonPid}}')"
	rc 0 exec "$N" true
	local id
	id=$(inspect "$N" '{{.Id}}')
	ok rm -f -t 0 "$N"
	# Podman forgets it, and leaves the rest to us.
	call "$RT" delete --force "$id"
	call "$RT" list -q
	equal "of the runtime" "" "$OUT"
}

case_init_is_killed_from_outside()
{
	sleeper
	kill -KILL "$(inspect "$N" '{{.State.Pid}}')"
	says 137 wait "$N"
}

case_ten_at_once()
{
	at_once 10 podman --runtime "$RT" run --rm --network none bb sh -c 'exit @'
}

# Last: of all the cases before, of every runtime.
case_nothing_is_left()
{
	local manager=()
	[ -z "$ROOTLESS" ] || manager=(--user)
	call "$RT" list -q
	equal "containers of the runtime" "" "$OUT"
	if [ -d /run/systemd/system ]; then
		equal "failed units" "" "$(systemctl "${manager[@]}" list-units --failed --plain --no-legend)"
		equal "scopes" "" "$(systemctl "${manager[@]}" list-units --plain --no-legend 'libpod-*' | grep -v slice)"
	fi
	equal "mounts" "" "$(grep -E 'overlay-containers|/merged' /proc/self/mountinfo | cut -c 1-200)"
	equal "processes" "" "$(pgrep -x "runlet|conmon")"
}
