#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Linux guests, with the distribution's kernel, by runlet-vm. Runs as root in the rig, with --nested:
#   tests/vm/rig suite --nested tests/vmm/linux.sh build [only-matching-names]
# shellcheck disable=SC2016 # $ in single quotes is for the guest's shell
set -u
cd /src || exit 1
build=${1:-build} only=${2:-}
vm=$PWD/$build/src/vmtool/runlet-vm
export XDG_CACHE_HOME=/tmp/cache RUST_LOG=
work=$(mktemp -d)
out=$work/out err=$work/err
trap 'rm -rf "$work"' EXIT

# run STATUS [ARG...]: runlet-vm with a time limit; output in $out and $err
run() {
	local want=$1 got=0
	shift
	timeout -k 5 "${limit:-90}" "$vm" "$@" >"$out" 2>"$err" </dev/null || got=$?
	[[ $got == "$want" ]] && return
	echo "# status $got, want $want: ${*:0:8}" | cut -c1-200
	show
	return 1
}
show() { tail -n 5 "$out" "$err" | cut -c1-300 | sed 's/^/# /'; }
says() { grep -qF -- "$1" "$out" || { echo "# no \"$1\" in the output:"; show; return 1; }; }
complains() { grep -qF -- "$1" "$err" || { echo "# no \"$1\" on stderr:"; show; return 1; }; }

case_true() { run 0 / -- /bin/true; }
case_status() { run 42 / -- /bin/sh -c 'exit 42'; }
case_signal() { run 137 / -- /bin/sh -c 'kill -9 $$'; }
case_not_found() { run 127 / -- /no/such/program; }
case_not_executable() { run 126 / -- /etc/passwd; }
case_workdir() { # made if it is missing, as container runtimes do
	run 0 -w /tmp/no/such/dir / -- /bin/pwd && says /tmp/no/such/dir && rm -rf /tmp/no
}
case_workdir_is_file() { run 125 -w /etc/passwd / -- /bin/true && complains /etc/passwd; }
case_output() {
	run 0 / -- /bin/sh -c 'echo to stdout; echo to stderr >&2' && says "to stdout" && complains "to stderr" &&
		! grep -q "to stderr" "$out"
}
case_much_output() {
	run 0 / -- /bin/sh -c 'seq 1 200000' && [[ $(tail -1 "$out") == 200000 && $(wc -l <"$out") == 200000 ]]
}
case_slow_reader() {
	timeout 90 "$vm" / -- /bin/sh -c 'seq 1 50000' </dev/null 2>"$err" | { sleep 8; cat; } >"$out"
	[[ $(tail -1 "$out") == 50000 ]]
}
case_input() {
	seq 1 1000 | timeout 90 "$vm" / -- /bin/sh -c 'wc -l; echo end' >"$out" 2>"$err"
	says 1000 && says end
}
case_arguments() { # far beyond the kernel's command line
	local args=()
	for i in $(seq 1 2000); do args+=("argument number $i \"quoted\""); done
	run 0 / -- /bin/sh -c 'echo $# "${2000}"' sh "${args[@]}" && says '2000 argument number 2000 "quoted"'
}
case_environment() {
	run 0 -e 'A=x y "z"' -e B= / -- /usr/bin/env && says 'A=x y "z"' && says 'B='
}
case_cpus() { run 0 -c 4 / -- /bin/sh -c 'echo cpus $(nproc)' && says "cpus 4"; }
case_memory() { run 0 -m 1024 / -- /bin/sh -c 'head -1 /proc/meminfo' && grep -Eq 'MemTotal: +(9|10)[0-9]{5} kB' "$out"; }
case_split_irqchip() { run 9 --split-irqchip -c 2 / -- /bin/sh -c 'echo split; exit 9' && says split; }
case_bzimage() { run 3 -k /boot/vmlinuz-"$(uname -r)" / -- /bin/sh -c 'exit 3'; }
case_serial() { run 5 --serial / -- /bin/sh -c 'exit 5'; }
case_volumes() {
	mkdir -p "$work/a" "$work/b" && echo one >"$work/a/file" && echo two >"$work/b/file"
	run 0 -v "a=$work/a" -v "b=$work/b:ro" / -- /bin/sh -c 'mkdir -p /tmp/va /tmp/vb
		mount -t virtiofs a /tmp/va && mount -t virtiofs b /tmp/vb || exit 1
		cat /tmp/va/file /tmp/vb/file; echo new >/tmp/va/new; echo new >/tmp/vb/new && exit 2; exit 0' &&
		says one && says two && [[ $(cat "$work/a/new") == new && ! -e $work/b/new ]]
}
case_many_devices() { # more than interrupt lines
	local args=() i
	for i in $(seq 1 24); do mkdir -p "$work/v$i" && echo "$i" >"$work/v$i/n" && args+=(-v "t$i=$work/v$i"); done
	run 0 "${args[@]}" / -- /bin/sh -c 'mkdir -p /tmp/m; s=0
		for i in $(seq 1 24); do mount -t virtiofs t$i /tmp/m || exit 1; s=$((s + $(cat /tmp/m/n))); umount /tmp/m; done; echo sum $s' &&
		says "sum 300"
}
case_disk() {
	truncate -s 32M "$work/disk" && mke2fs -q -F "$work/disk"
	run 0 -d "$work/disk" / -- /bin/sh -c 'mkdir -p /tmp/d; mount /dev/vda /tmp/d && echo kept >/tmp/d/file && umount /tmp/d' &&
		debugfs -R 'cat file' "$work/disk" 2>/dev/null | grep -q kept
}
case_root_disk() {
	mkdir -p "$work/root"/{bin,dev,proc,sys,tmp} && cp "$(command -v busybox)" "$work/root/bin/sh"
	truncate -s 64M "$work/rootdisk" && mke2fs -q -F -d "$work/root" "$work/rootdisk"
	run 11 -d "$work/rootdisk" --root-disk /dev/vda -- /bin/sh -c 'exit 11'
}
case_sigterm() { # the workload is asked, and its status counts
	timeout 90 "$vm" / -- /bin/sh -c 'trap "echo asked; exit 33" TERM; echo ready; while :; do sleep 0.1; done' >"$out" 2>"$err" </dev/null &
	local pid=$! vmpid i got=0
	for i in $(seq 1 600); do grep -q ready "$out" && break; sleep 0.1; done
	vmpid=$(pgrep -P "$pid") && kill -TERM "$vmpid"
	wait "$pid" || got=$?
	[[ $got == 33 ]] && says asked || { echo "# status $got"; return 1; }
}
case_panic() { # a guest that breaks down is no success, and says why
	run 125 / -- /bin/sh -c 'echo c >/proc/sysrq-trigger; sleep 60' && complains "the guest"
}
case_poweroff() { run 125 / -- /bin/sh -c 'echo o >/proc/sysrq-trigger; sleep 60' && complains "before the workload had ended"; }
case_out_of_memory() { run 137 -m 256 / -- /bin/sh -c 'tail /dev/zero'; }
case_fs_stress() {
	mkdir -p "$work/s"
	limit=240 run 0 -c 2 -v "s=$work/s" / -- /bin/sh -c 'mkdir -p /tmp/s && mount -t virtiofs s /tmp/s && cd /tmp/s || exit 1
		for p in 1 2 3 4; do (for i in $(seq 1 20); do echo $p $i >f$p.$i && mv f$p.$i g$p.$i && mkdir -p d$p/$i && rm -r d$p/$i; done) & done; wait
		dd if=/dev/urandom of=big bs=1M count=16 2>/dev/null && md5sum big >sum && sync' &&
		[[ $(ls "$work/s" | grep -c ^g) == 80 ]] && (cd "$work/s" && md5sum -c --quiet sum)
}
case_hostname() { run 0 -e HOSTNAME=inside / -- /bin/hostname && says inside; }
case_config_file() {
	mkdir -p "$work/c"/{bin,dev,proc,sys,tmp} && cp "$(command -v busybox)" "$work/c/bin/sh"
	echo '{"process":{"args":["/bin/sh","-c","echo $WHO $(pwd); exit 6"],"env":["WHO=config","PATH=/bin"],"cwd":"/tmp"}}' >"$work/c/.krun_config.json"
	run 6 "$work/c" && says "config /tmp"
}
case_config_broken() {
	mkdir -p "$work/c2"/{bin,dev,proc,sys,tmp} && cp "$(command -v busybox)" "$work/c2/bin/sh" && echo '{broken' >"$work/c2/.krun_config.json"
	run 125 "$work/c2" && complains ".krun_config.json"
}
case_root_missing() { run 125 /no/such/root -- /bin/true && complains "/no/such/root"; }
case_memory_too_small() { run 125 -m 32 / -- /bin/true && complains "needs RAM up to"; }
case_idle() { # nothing wakes, and few threads
	"$vm" / -- /bin/sh -c 'echo ready; sleep 1000' >"$out" 2>"$err" </dev/null &
	local pid=$! i threads before after
	for i in $(seq 1 600); do grep -q ready "$out" && break; sleep 0.1; done
	sleep 3
	threads=$(ls /proc/$pid/task | wc -l)
	echo "# threads at rest: $threads ($(cat /proc/$pid/task/*/comm | tr '\n' ' '))"
	echo "# $(grep -E 'Private_Dirty|Private_Clean|Rss|Anonymous' /proc/$pid/smaps_rollup | tr -s ' \n' ' ')"
	switches() { awk '/^Name/ {name = $2 $3} /^voluntary/ {print name, $2}' /proc/$pid/task/*/status | sort; }
	switches >"$work/before" && sleep 5 && switches >"$work/after"
	echo "# wake-ups in 5 s: $(paste "$work/before" "$work/after" | awk '{printf "%s %d, ", $1, $4 - $2}')"
	# The guest's own timers wake its vCPU, and its drivers may have a request; nothing of ours wakes.
	! paste "$work/before" "$work/after" | awk '$1 !~ /^vcpu/ && $4 > $2 + 2 {bad = 1} END {exit !bad}' || threads=99
	kill -KILL $pid
	wait $pid 2>/dev/null
	[[ $threads -le 3 ]]
}
case_exits() {
	run 0 --log 4 / -- /bin/true && sed -n 's/.*status 0, \([0-9]*\) exits.*/# \1 exits to user space/p' "$err"
}

failed=0
for name in $(compgen -A function case_); do
	[[ $name == *"$only"* ]] || continue
	start=$EPOCHREALTIME
	if "$name" >"$work/log" 2>&1; then verdict=ok; else verdict="not ok" failed=1; fi
	sed 's/^#*/#/' "$work/log"
	echo "$verdict ${name#case_}"
	echo "# $(awk "BEGIN {printf \"%.1f\", $EPOCHREALTIME - $start}") s"
done
exit $failed
