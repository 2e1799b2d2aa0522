#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vmm.sh [PART...] - Linux guests in every way that the library can start them, and what they do to its file server:
# vCPUs, compressed kernels, a compiler, stress, and QEMU's C virtiofsd as an oracle.
# To be run in the rig: tests/vm/rig suite --nested --timeout 1500 tests/vm/vmm.sh
set -u
build=${BUILD:-/src/build}
vm="$build/src/vmtool/runlet-vm"
bundle=$build/kernel/libkrunfw.so.5
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
root=$work/root
passed=0 failed=0 skipped=0

# check NAME WANT GOT
check() {
	if [ "$2" = "$3" ]; then
		echo "ok $1"
		passed=$((passed + 1))
	else
		echo "not ok $1"
		printf '# want: %s\n# got:  %s\n' "${2//$'\n'/$'\n# '}" "${3//$'\n'/$'\n# '}"
		head -n 5 "$work/err" | sed 's/^/# /'
		failed=$((failed + 1))
	fi
}

skip() {
	echo "skip $1 - $2"
	skipped=$((skipped + 1))
}

# guest OPTION... ROOT -- CMD...: what it wrote in $out, its status in $status
guest() {
	timeout "${limit:-150}" "$vm" --log 2 "$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	out=$(cat "$work/out")
}

make_root() {
	mkdir -p "$root"/{bin,etc,tmp,root,data,proc,sys,dev}
	cp /bin/busybox "$root/bin/"
	chroot "$root" /bin/busybox --install -s /bin
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
}

# cpus - one to four, with Debian's kernel and with the bundle
cpus() {
	local n
	for n in 1 2 3 4; do
		guest -c $n -m 256 "$root" -- /bin/sh -c 'nproc; exit 5'
		check "debian-$n-vcpus" "$n 5" "$out $status"
	done
	[ -e "$bundle" ] || { skip bundle-vcpus "no $bundle (scripts/guest-kernel build)"; return; }
	for n in 1 2 3 4; do
		LD_LIBRARY_PATH=${bundle%/*} guest -c $n -m 256 "$root" -- /bin/sh -c 'nproc; exit 6'
		check "bundle-$n-vcpus" "$n 6" "$out $status"
	done
}

# formats - a kernel in each compression, booted up to its workload
formats() {
	[ -e "$bundle" ] || { skip formats "no $bundle (scripts/guest-kernel build)"; return; }
	"$here/../vmm/bundle-elf" "$bundle" "$work/vmlinux" >/dev/null
	gzip -1 -c "$work/vmlinux" >"$work/k.gz"
	bzip2 -1 -c "$work/vmlinux" >"$work/k.bz2"
	xz -0 --check=crc32 -c "$work/vmlinux" >"$work/k.xz"
	zstd -1 -q -c "$work/vmlinux" >"$work/k.zst"
	lz4 -1 -l -q -c "$work/vmlinux" >"$work/k.lz4"
	local name format
	while read -r name format; do
		guest -m 256 -k "$work/$name" --kernel-format "$format" "$root" -- /bin/sh -c 'echo here; exit 4'
		check "kernel-$name" "here 4" "$out $status"
	done <<-E
		vmlinux 1
		k.gz 4
		k.bz2 3
		k.zst 5
		k.xz 0
		k.lz4 0
	E
	# Debian's own file is a bzImage with an LZ4 kernel in it; cpus boots it unpacked.
}

# compile - a program of several files, in the guest, from and to the shared root
compile() {
	local d=$work/c
	mkdir -p "$d"
	cat >"$d/list.h" <<-'E'
		struct node { int value; struct node *next; };
		struct node *push(struct node *, int);
		int sum(const struct node *);
	E
	cat >"$d/list.c" <<-'E'
		#include "list.h"
		#include <stdlib.h>
		struct node *push(struct node *l, int v) { struct node *n = malloc(sizeof *n); n->value = v; n->next = l; return n; }
		int sum(const struct node *l) { int s = 0; for (; l; l = l->next) s += l->value; return s; }
	E
	cat >"$d/main.c" <<-'E'
		#include "list.h"
		#include <stdio.h>
		int main(int argc, char **argv) { struct node *l = 0; for (int i = 1; i <= 1000; i++) l = push(l, i); printf("%s %d\n", argv[argc - 1], sum(l)); return 3; }
	E
	for i in $(seq 20); do echo "int f$i(void) { return $i; }" >"$d/f$i.c"; done
	limit=300 guest -c 2 -m 512 -v "c=$d" / -- /bin/sh -c 'mount -t virtiofs c /mnt && cd /mnt || exit 1
		for f in *.c; do tcc -c $f || exit 2; done; tcc -o program *.o && ./program compiled'
	check compile "compiled 500500 3" "$out $status"
	check compile-on-the-host "compiled 500500 3" "$("$d/program" compiled) $?"
}

# stress - four processes at it at once
stress() {
	local d=$work/s
	mkdir -p "$d"
	limit=300 guest -c 2 -m 256 -v "s=$d" "$root" -- /bin/sh -c 'mount -t virtiofs s /data && cd /data || exit 1
		for p in 1 2 3 4; do (
			i=0; while [ $i -lt 30 ]; do i=$((i+1))
				echo $p $i >f$p.$i && mv f$p.$i g$p.$i && mkdir -p d$p/$i && ln g$p.$i d$p/$i/l && ln -s ../g$p.$i d$p/s$i && rm -r d$p/$i
			done
			dd if=/dev/urandom of=big$p bs=64k count=64 2>/dev/null; md5sum big$p >sum$p; truncate -s 1000000 big$p; truncate -s 4194304 big$p
			dd if=big$p of=copy$p bs=4k 2>/dev/null; cmp big$p copy$p && md5sum big$p >sum$p
		) & done; wait; sync; ls | wc -l'
	check stress "136 0" "$out $status"
	check stress-on-the-host "120 120" "$(find "$d" -name 'g*' -type f | wc -l) $(find "$d" -type l | wc -l)"
	check stress-contents "" "$(cd "$d" && cat sum? | md5sum -c --quiet 2>&1)"
}

# oracle - the same operations on QEMU's C virtiofsd, which serves /src, and on ours: word for word the same results
oracle() {
	local d=/src/build/oracle
	rm -rf "$d" && mkdir -p "$d" "$work/o"
	(umask 022 && cd "$d" && python3 "$here/lib/oracle.py") >"$work/want" 2>&1
	rm -rf "$d"
	limit=300 guest -m 512 -v "o=$work/o" / -- /bin/sh -c "umask 022; mount -t virtiofs o /mnt && cd /mnt && exec python3 $here/lib/oracle.py"
	echo "# $(wc -l <"$work/want") operations"
	check oracle-ran "1 0" "$([ "$(wc -l <"$work/want")" -gt 60 ] && echo 1) $status"
	# Files without a name: the C virtiofsd cannot make them.
	check oracle-temporary "temporary opened" "$(grep '^temporary' "$work/out")"
	check oracle "" "$(diff <(grep -v '^temporary' "$work/want") <(grep -v '^temporary' "$work/out"))"
}

# worker_calls COUNT COMMAND - system calls of the file server's thread while the guest runs COMMAND, where N is COUNT
worker_calls() {
	timeout 200 strace -f -qq -e signal=none -o "$work/trace" "$vm" --unconfined -m 256 "$root" -- /bin/sh -c "${2//N/$1}" >"$work/out" 2>"$work/err" </dev/null
	local thread
	thread=$(grep -m 1 'PR_SET_NAME, "fs worker"' "$work/trace" | cut -d' ' -f1)
	grep "^$thread " "$work/trace" | grep -vc 'resumed>'
}

# calls - at most two system calls for a request, of which one is the work: the difference of 100 and 300 requests, and a
# tenth more for what wakes the thread meanwhile
calls() {
	local name command few many
	while IFS=: read -r name command; do
		few=$(worker_calls 100 "$command")
		many=$(worker_calls 300 "$command")
		echo "# $name: $((many - few)) calls for 200 requests"
		check "calls-$name" 1 "$([ $((many - few)) -le 440 ] && [ $((many - few)) -ge 200 ] && echo 1)"
	done <<-'E'
		lookup-missing:i=0; while [ $i -lt N ]; do [ -e /data/no$i ]; i=$((i+1)); done
		write:dd if=/dev/zero of=/data/w bs=512 count=N
	E
}

# nested - the processor's virtualisation is shown when asked for, and not otherwise
nested() {
	guest -m 256 "$root" -- /bin/sh -c 'grep -c -w -e svm -e vmx /proc/cpuinfo'
	check nested-off 0 "$out"
	guest -m 256 --nested "$root" -- /bin/sh -c 'grep -c -w -e svm -e vmx /proc/cpuinfo'
	check nested-on 1 "$out"
}

make_root
[ $# -gt 0 ] || set -- cpus formats compile stress oracle calls nested
for part in "$@"; do $part; done
rm -rf "$work"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
