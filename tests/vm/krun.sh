#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Containers that are virtual machines, with Linux in them. Runs as root in the rig, with --nested:
#   tests/vm/rig suite --nested --timeout 1800 tests/vm/krun.sh [BUILD [only-matching-names]]
# shellcheck disable=SC2015,SC2016,SC2329 # $ in single quotes is for the guest's shell; cases are called by name
set -u
cd /src || exit 1
build=${1:-build} only=${2:-}
runlet=$PWD/$build/src/runlet
export RUNLET_LIBKRUN=$PWD/$build/src/vmm/libkrun.so.1
work=$(mktemp -d /tmp/krun.XXXXXX)
out=$work/out err=$work/err
# On a disk: what is on /tmp would be the container's memory.
bundle=$work/bundle root=$work/bundle/rootfs state=$work/state

# A root with busybox, and a configuration as an engine makes it; `conf FILTER` changes it.
make_bundle()
{
	local tool
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,etc,run,data,root}
	chmod 1777 "$root/tmp"
	cp "$(command -v busybox)" "$root/bin/busybox"
	for tool in $("$root/bin/busybox" --list | grep -vx busybox); do ln -sf busybox "$root/bin/$tool"; done
	printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/data:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\n' >"$root/etc/group"
	jq '.annotations = {"run.oci.handler": "krun"}
		| .process.env = ["PATH=/bin", "TEST=1"] | .process.noNewPrivileges = false
		| .process.capabilities |= with_entries(.value = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER",
			"CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP"])
		| .linux.cgroupsPath = "/krun-suite"' tests/integration/base.json >"$work/config.json"
}
conf()
{
	local filter=$1
	shift
	jq "$filter" "$bundle/config.json" "$@" >"$work/new.json" && mv "$work/new.json" "$bundle/config.json"
}
guest() { conf '.process.args = $ARGS.positional' --args -- "$@"; }
rt() { timeout -k 5 "${limit:-100}" "$runlet" --root "$state" "$@"; }

# run STATUS: the bundle in the foreground
run()
{
	local got=0
	rt run --bundle "$bundle" c1 >"$out" 2>"$err" <"${input:-/dev/null}" || got=$?
	[[ $got == "$1" ]] && return
	echo "# status $got, want $1"
	show
	return 1
}
show() { tail -n 6 "$out" "$err" | cut -c1-300 | sed 's/^/# /'; }
says() { grep -qF -- "$1" "$out" || { echo "# no \"$1\" in the output:"; show; return 1; }; }
complains() { grep -qF -- "$1" "$err" || { echo "# no \"$1\" on stderr:"; show; return 1; }; }
wait_for()
{
	local tries
	for tries in $(seq 1 "${2:-600}"); do eval "$1" >/dev/null 2>&1 && return; sleep 0.1; done
	echo "# waited in vain, $tries times: $1"
	return 1
}
status() { rt state c1 2>/dev/null | jq -r .status; }

# up COMMAND...: a machine in the background that says "ready" in /data/ready
up()
{
	rm -f "$root/data/ready"
	guest /bin/sh -c "echo ready >/data/ready; $1"
	rt run --detach --bundle "$bundle" c1 >"$out" 2>"$err" </dev/null || { show; return 1; }
	wait_for '[[ -e $root/data/ready ]]'
}
down() { rt delete --force c1; [[ ! -e $state/c1 ]]; }
# ex STATUS [EXEC'S WORDS]...
ex()
{
	local got=0 want=$1
	shift
	rt exec "$@" >"$out" 2>"$err" <"${input:-/dev/null}" || got=$?
	[[ $got == "$want" ]] || { echo "# exec gave $got, want $want: $*"; show; return 1; }
}

# ------------------------------------------------------------------------------------ running

case_status() { guest /bin/sh -c 'exit 42' && run 42; }
case_signal() { guest /bin/sh -c 'kill -9 $$' && run 137; }
case_not_found()
{
	guest /no/such/program && run 1 && complains 'exec: "/no/such/program": stat /no/such/program: no such file'
}
case_not_executable() { guest /etc/passwd && run 126; }
case_streams()
{
	guest /bin/sh -c 'echo to stdout; echo to stderr >&2; wc -c' && seq 1 5000 >"$work/in"
	input=$work/in run 0 && says "to stdout" && complains "to stderr" && says "$(wc -c <"$work/in")"
}
case_process()
{
	conf '.process.user = {"uid": 1000, "gid": 1000, "additionalGids": [7, 8], "umask": 23}
		| .process.cwd = "/data" | .process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}]
		| .hostname = "machine"'
	guest /bin/sh -c 'echo "$(id -u):$(id -g):$(id -G) $(pwd) $(ulimit -n) $(ulimit -Hn) $(hostname) $(umask) $TEST $HOME"'
	run 0 && says "1000:1000:1000 7 8 /data 77 88 machine 0027 1 /data"
}
case_capabilities()
{
	conf '.process.capabilities |= with_entries(.value = ["CAP_CHOWN", "CAP_KILL"])'
	guest /bin/grep -E 'Cap(Eff|Bnd)' /proc/self/status
	run 0 && [[ $(grep -c '0000000000000021$' "$out") == 2 ]] || { show; return 1; }
}
case_kernel_of_its_own()
{
	guest /bin/sh -c 'cat /proc/sys/kernel/random/boot_id; cat /proc/cpuinfo | grep -c ^processor'
	conf '.annotations["krun.cpus"] = "2" | .annotations["krun.ram_mib"] = "300"'
	run 0 && ! grep -q "$(cat /proc/sys/kernel/random/boot_id)" "$out" && says 2
}
case_memory_limit() # 512 MiB for all of it
{
	conf '.linux.resources.memory = {"limit": 536870912}'
	guest /bin/sh -c 'head -1 /proc/meminfo' && run 0 && grep -Eq 'MemTotal: +4[0-9]{5} kB' "$out" || { show; return 1; }
}
case_terminal()
{
	conf '.process.terminal = true | .process.consoleSize = {"height": 33, "width": 77}'
	guest /bin/sh -c 'tty; stty size; test -t 1 && echo terminal; exit 3'
	local got=0
	TERM=xterm timeout 100 script -qec "stty rows 33 cols 77; $runlet --root $state run --bundle $bundle c1" /dev/null \
		>"$out" 2>"$err" </dev/null || got=$?
	[[ $got == 3 ]] && says terminal && says "33 77" || { echo "# status $got"; show; return 1; }
}

# ----------------------------------------------------------------------------------- file systems

case_root_is_shared()
{
	guest /bin/sh -c 'echo written >/data/new && chown 1000:1000 /data/new && chmod 640 /data/new && ln -s new /data/link'
	run 0 && [[ $(stat -c '%u:%g %a' "$root/data/new") == "1000:1000 640" && $(cat "$root/data/link") == written ]]
}
case_root_is_readonly()
{
	conf '.root.readonly = true' && guest /bin/sh -c 'touch /data/x && exit 9; touch /dev/shm/y || exit 8; exit 4' && run 4
}
case_volumes()
{
	mkdir -p "$work/rw" "$work/ro" && echo inside >"$work/ro/file"
	conf '.mounts += [{"destination": "/data/rw", "type": "bind", "source": $rw, "options": ["rbind"]},
		{"destination": "/data/ro", "type": "bind", "source": $ro, "options": ["rbind", "ro"]},
		{"destination": "/data/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["size=1m"]}]' \
		--arg rw "$work/rw" --arg ro "$work/ro"
	guest /bin/sh -c 'cat /data/ro/file; echo new >/data/ro/x && exit 1; echo new >/data/rw/x || exit 2
		grep " /data/tmp tmpfs" /proc/mounts || exit 3; dd if=/dev/zero of=/data/tmp/f bs=1M count=2 2>/dev/null && exit 4; exit 0'
	run 0 && says inside && [[ $(cat "$work/rw/x") == new && -z $(ls "$root/data/tmp" 2>/dev/null) ]]
}
case_block_device()
{
	local loop
	truncate -s 16M "$work/disk" && mke2fs -q -F "$work/disk" && loop=$(losetup -f --show "$work/disk") || return 1
	conf '.linux.devices = [{"path": "/dev/disk0", "type": "b", "major": 7, "minor": $n}]
		| .linux.resources.devices += [{"allow": true, "type": "b", "major": 7, "minor": $n, "access": "rwm"}]' \
		--argjson n "${loop#/dev/loop}"
	guest /bin/sh -c 'mkdir -p /tmp/d && mount -t ext4 /dev/vda /tmp/d && echo kept >/tmp/d/file && umount /tmp/d'
	conf '.process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN"])'
	local rc=0
	run 0 || rc=1
	losetup -d "$loop"
	[[ $rc == 0 ]] && debugfs -R 'cat file' "$work/disk" 2>/dev/null | grep -q kept
}
# The root is on a disk, and the program is not its root's: what the disk says about it does not count.
case_image_and_user()
{
	echo '{"process": {"args": ["/bin/false"]}}' >"$root/.krun_config.json"
	mke2fs -q -t ext4 -d "$root" "$work/image" 64M
	rm "$root/.krun_config.json"
	conf '.vm = {"kernel": {"path": $k}, "image": {"path": $i, "format": "raw"}} | .process.user = {"uid": 1000, "gid": 1000}
		| .process.capabilities |= with_entries(.value = [])' --arg k "/boot/vmlinuz-$(uname -r)" --arg i "$work/image"
	guest /bin/sh -c 'id -u; grep " / " /proc/mounts; grep CapBnd /proc/self/status; exit 6'
	run 6 && says 1000 && says "/dev/vda / ext4" && says "0000000000000000"
}
case_nothing_is_left_in_the_image()
{
	guest /bin/sh -c 'ls -a /; exit 0' && run 0 && [[ ! -e $root/.krun_config.json && ! -e $root/init.krun ]]
}

# --------------------------------------------------------------------------------------- network

# A namespace with a server behind it: what the guest reaches, it reaches by passt.
case_network()
{
	ip netns add krun1 && ip netns add krun2 || return 1
	ip link add krun1 netns krun1 type veth peer name krun2 netns krun2
	ip -n krun1 addr add 10.77.0.2/24 dev krun1 && ip -n krun1 link set krun1 up && ip -n krun1 link set lo up
	ip -n krun1 route add default via 10.77.0.1
	ip -n krun2 addr add 10.77.0.1/24 dev krun2 && ip -n krun2 link set krun2 up && ip -n krun2 link set lo up
	mkdir -p "$work/www" && echo "the server" >"$work/www/index.html"
	ip netns exec krun2 busybox httpd -f -p 10.77.0.1:8000 -h "$work/www" &
	local server=$! rc=0
	conf '.annotations["krun.use_passt"] = "1"
		| .linux.namespaces |= map(if .type == "network" then .path = "/run/netns/krun1" else . end)'
	network_cases || rc=1
	kill "$server"
	down
	ip netns del krun1
	ip netns del krun2
	return $rc
}
get()
{
	ip netns exec krun2 timeout 10 bash -c "exec 3<>/dev/tcp/10.77.0.2/$1; printf 'GET / HTTP/1.0\r\n\r\n' >&3; cat <&3"
}
network_cases()
{
	up 'ip addr >/data/addr; ip route >>/data/addr; wget -qO /data/page http://10.77.0.1:8000/ 2>/data/wget; echo >/data/asked
		mkdir -p /data/www; echo "the guest" >/data/www/index.html; httpd -p 8080 -h /data/www; httpd -f -p 80 -h /data/www' || return 1
	wait_for '[[ -e $root/data/asked ]]' || return 1
	grep -q 'inet 10.77.0.2/24' "$root/data/addr" || { sed 's/^/# /' "$root/data/addr"; return 1; }
	[[ $(cat "$root/data/page") == "the server" ]] || { sed 's/^/# /' "$root/data/wget"; return 1; }
	# A published port: who connects to the namespace reaches the guest, by low ports as well.
	wait_for 'get 8080 | grep -qx "the guest"' 20 && wait_for 'get 80 | grep -qx "the guest"' 20
}

# A tap device that is there, with a server of addresses and one of pages behind it.
case_network_by_tap()
{
	ip netns add krun3 || return 1
	ip -n krun3 tuntap add dev tap7 mode tap && ip -n krun3 addr add 10.78.0.1/24 dev tap7 && ip -n krun3 link set tap7 up
	printf 'start 10.78.0.50\nend 10.78.0.50\ninterface tap7\nlease_file %s\noption subnet 255.255.255.0\noption router 10.78.0.1\nmax_leases 1\n' \
		"$work/leases" >"$work/udhcpd.conf"
	touch "$work/leases"
	mkdir -p "$work/www3" && echo "behind the tap" >"$work/www3/index.html"
	ip netns exec krun3 busybox udhcpd -f "$work/udhcpd.conf" >/dev/null 2>&1 &
	local dhcp=$! rc=0
	ip netns exec krun3 busybox httpd -f -p 10.78.0.1:8000 -h "$work/www3" &
	local http=$!
	conf '.annotations["krun.tap"] = "tap7"
		| .linux.namespaces |= map(if .type == "network" then .path = "/run/netns/krun3" else . end)'
	guest /bin/sh -c 'ip addr show eth0; wget -qO - http://10.78.0.1:8000/'
	run 0 && says "inet 10.78.0.50/24" && says "behind the tap" || rc=1
	kill $dhcp $http
	ip netns del krun3
	return $rc
}

# -------------------------------------------------------------------------------------- confined

case_machine_is_confined()
{
	up 'sleep 1000' || return 1
	local pid
	pid=$(rt state c1 | jq .pid)
	grep -E '^(Cap|Seccomp:|NoNewPrivs|Uid)' "/proc/$pid/status" | sed 's/^/# /'
	grep -q 'Seccomp:.*2' "/proc/$pid/status" && grep -q 'NoNewPrivs:.*1' "/proc/$pid/status" &&
		grep -q 'CapEff:.*000000008000001b$' "/proc/$pid/status" &&
		[[ $(readlink "/proc/$pid/ns/mnt") != $(readlink /proc/self/ns/mnt) ]] || return 1
	# No directory and no file of the host but the agent's directory is open.
	find "/proc/$pid/fd" -type l -printf '%l\n' | sed 's/[0-9]*//g' | sort | uniq -c | sed 's/^/# /'
	grep -q krun-suite "/proc/$pid/cgroup" && down
}

# ---------------------------------------------------------------------------------- life and death

case_lifecycle()
{
	guest /bin/sh -c 'sleep 1000'
	rt create --bundle "$bundle" c1 </dev/null >"$out" 2>"$err" && [[ $(status) == created ]] &&
		rt start c1 && [[ $(status) == running ]] && rt kill c1 KILL &&
		wait_for '[[ $(status) == stopped ]]' && rt delete c1 && [[ ! -e $state/c1 ]] || { show; return 1; }
}
case_stop_is_clean()
{
	up 'trap "echo asked >/data/asked; exit 33" TERM; while :; do sleep 0.1; done' || return 1
	rm -f "$root/data/asked"
	local start=$EPOCHREALTIME
	rt kill c1 TERM || return 1
	wait_for '[[ -e $root/data/asked ]]' || return 1
	wait_for '[[ $(status) == stopped ]]' || return 1
	echo "# stopped after $(awk "BEGIN {printf \"%.1f\", $EPOCHREALTIME - $start}") s, emulated"
	down
}
case_every_signal()
{
	up 'trap "echo usr1 >>/data/signals" USR1; trap "echo hup >>/data/signals" HUP; while :; do sleep 0.1; done' || return 1
	rm -f "$root/data/signals"
	rt kill c1 USR1 && wait_for 'grep -q usr1 $root/data/signals' && rt kill c1 HUP &&
		wait_for 'grep -q hup $root/data/signals' && [[ $(status) == running ]] && down
}
case_run_passes_signals_on()
{
	rm -f "$root/data/ready" "$root/data/signals"
	guest /bin/sh -c 'trap "echo usr1 >/data/signals" USR1; trap "exit 21" TERM; echo ready >/data/ready; while :; do sleep 0.1; done'
	"$runlet" --root "$state" run --bundle "$bundle" c1 >"$out" 2>"$err" </dev/null &
	local pid=$! got=0
	wait_for '[[ -e $root/data/ready ]]' && kill -USR1 "$pid" && wait_for '[[ -e $root/data/signals ]]' && kill -TERM "$pid" || return 1
	wait "$pid" || got=$?
	[[ $got == 21 ]] || { echo "# status $got"; show; return 1; }
}
case_kill_while_it_boots()
{
	guest /bin/sh -c 'sleep 1000'
	rt run --detach --bundle "$bundle" c1 </dev/null >"$out" 2>"$err" && rt kill c1 TERM &&
		wait_for '[[ $(status) == stopped ]]' 300 && down
}
case_pause()
{
	up 'while :; do date +%s.%N >/data/clock; sleep 0.1; done' || return 1
	local before after
	rt pause c1 && [[ $(status) == paused ]] && sleep 1 && before=$(cat "$root/data/clock") && sleep 2 &&
		after=$(cat "$root/data/clock") && [[ $before == "$after" ]] && rt resume c1 &&
		wait_for '[[ $(cat $root/data/clock) != "'"$after"'" ]]' && down
}
case_update()
{
	up 'sleep 1000' || return 1
	rt update --pids-limit 500 c1 && down
}

# ------------------------------------------------------------------------------------------ exec

case_exec()
{
	up 'sleep 1000' || return 1
	ex 7 c1 /bin/sh -c 'echo inside; echo error >&2; exit 7' && says inside && complains error || return 1
	seq 1 3000 >"$work/in"
	input=$work/in ex 0 c1 /bin/sh -c 'wc -l' && says 3000 || return 1
	ex 0 --user 1000:1000 --cwd /data --env A=b c1 /bin/sh -c 'echo "$(id -u) $(pwd) $A $HOME"' && says "1000 /data b /data" || return 1
	ex 255 c1 no-such-program && complains 'exec: "no-such-program": executable file not found in $PATH' || return 1
	ex 137 c1 /bin/sh -c 'kill -9 $$' || return 1
	jq -n '{args: ["/bin/id", "-u"], cwd: "/", env: ["PATH=/bin"], user: {uid: 5, gid: 5}}' >"$work/p.json"
	ex 0 --process "$work/p.json" c1 && says 5 && down
}
case_exec_detached()
{
	up 'sleep 1000' || return 1
	rt exec --detach --pid-file "$work/pid" c1 /bin/sh -c 'echo done >/data/detached; sleep 1000' </dev/null >"$out" 2>"$err" &&
		wait_for '[[ -e $root/data/detached ]]' && kill -0 "$(cat "$work/pid")" && kill "$(cat "$work/pid")" &&
		wait_for '! kill -0 $(cat $work/pid)' && down || { show; return 1; }
}
case_exec_terminal()
{
	up 'sleep 1000' || return 1
	TERM=xterm timeout 60 script -qec "stty rows 31 cols 71; $runlet --root $state exec --tty c1 /bin/sh -c 'tty; stty size; exit 6'" /dev/null \
		>"$out" 2>"$err" </dev/null
	[[ $? == 6 ]] && says "31 71" && down || { show; return 1; }
}
case_ps()
{
	up 'sleep 1001' || return 1
	rt ps c1 >"$out" 2>"$err" && says "sleep 1001" && rt ps --format json c1 | jq -e 'length >= 1' >/dev/null && down
}

make_bundle
failed=0 passed=0
for name in $(compgen -A function case_); do
	[[ $name == *"$only"* ]] || continue
	start=$EPOCHREALTIME
	cp "$work/config.json" "$bundle/config.json"
	if "$name" >"$work/log" 2>&1; then verdict=ok passed=$((passed + 1)); else verdict="not ok" failed=$((failed + 1)); fi
	[[ $verdict == ok ]] || rt delete --force c1 >>"$work/log" 2>&1
	sed 's/^#*/#/' "$work/log"
	echo "$verdict krun_${name#case_}"
	echo "# $(awk "BEGIN {printf \"%.1f\", $EPOCHREALTIME - $start}") s"
done
rm -rf "$work"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
