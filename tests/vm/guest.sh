#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# guest.sh [PART...] - Linux guests through libkrun.so.1: init, exit statuses, streams, files, disks.
# To be run in the rig: tests/vm/rig suite --nested tests/vm/guest.sh
set -u
build=${BUILD:-/src/build}
vm="$build/src/vmtool/runlet-vm"
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
		failed=$((failed + 1))
	fi
}

# guest ARG... - a command in the root; its output in $out and $err, its status in $status
guest() {
	timeout 120 "$vm" --log 2 -m 256 "${opts[@]}" "$root" -- "$@" >"$work/out" 2>"$work/err" <"${input:-/dev/null}"
	status=$?
	out=$(cat "$work/out")
	err=$(cat "$work/err")
}
opts=()

make_root() {
	mkdir -p "$root"/{bin,etc,tmp,root,data,proc,sys,dev}
	cp /bin/busybox "$root/bin/"
	chroot "$root" /bin/busybox --install -s /bin
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
}

statuses() {
	guest /bin/sh -c 'exit 7'
	check status-7 7 "$status"
	guest /bin/sh -c 'kill -9 $$'
	check status-killed 137 "$status"
	guest /bin/nonexistent
	check status-not-found 127 "$status"
	check message-not-found 1 "$(grep -c 'execute /bin/nonexistent: No such file' <<<"$err")"
	guest /etc/passwd
	check status-not-executable 126 "$status"
	guest /bin/sh -c 'echo c >/proc/sysrq-trigger'
	check status-panic 125 "$status"
	opts=(-w /etc/passwd)
	guest /bin/true
	check status-bad-directory 125 "$status"
	opts=(-e KRUN_INIT_PID1=1)
	guest /bin/sh -c 'echo $$ $(readlink /proc/self >/dev/null && echo named); exit 9'
	check status-process-1 "9 1 named" "$status $out"
	guest /bin/sh -c 'reboot -f; sleep 9'
	check status-process-1-powers-off 0 "$status"
	opts=()
}

streams() {
	guest /bin/sh -c 'echo to-out; echo to-err >&2'
	check stdout to-out "$out"
	check stderr 1 "$(grep -c '^to-err$' <<<"$err")"
	seq 100000 >"$work/in"
	input=$work/in guest /bin/md5sum
	check stdin "$(md5sum <"$work/in")" "$out"
	guest /bin/seq 100000
	check big-output "$(md5sum <"$work/in")" "$(md5sum <"$work/out")"
	opts=(-e "LONG=$(head -c 20000 /dev/zero | tr '\0' x)" -e 'Q="quoted" \ $(x)')
	guest /bin/sh -c 'echo ${#LONG} $# "$Q" "$2"' sh 'one' 'two  "words"' $(seq 100)
	opts=()
	check arguments '20000 102 "quoted" \ $(x) two  "words"' "$out"
	# A terminal on the host is one in the guest, of the same size.
	out=$(timeout 120 script -qec "stty rows 33 cols 99; $vm -m 256 $root -- /bin/sh -c 'tty; stty size'" /dev/null </dev/null | tr -d '\r\0\4\b^D@')
	check terminal $'/dev/hvc0\n33 99' "$out"
}

files() {
	cat >"$root/files.sh" <<'E'
set -e
cd /data
echo text >a; test "$(cat a)" = text
ln a b; test "$(stat -c %h a)" = 2
ln -s a c; test "$(readlink c)" = a; test "$(cat c)" = text
mkdir -p d/e/f; mv b d/e/f/g; test ! -e b; rmdir d/e 2>/dev/null && exit 1
chmod 4751 a; test "$(stat -c %a a)" = 4751
chown 12:34 a; test "$(stat -c %u:%g a)" = 12:34
touch -d '2001-02-03 04:05:06' a; test "$(stat -c %Y a)" = 981173106
mkfifo p; (echo through >p &); test "$(cat p)" = through
dd if=/dev/urandom of=big bs=1M count=8 2>/dev/null; md5sum big >sum; cp big big2; cmp big big2; md5sum -c sum >/dev/null
truncate -s 100 big2; test "$(stat -c %s big2)" = 100
for i in $(seq 500); do echo $i >many$i; done; test "$(ls | grep -c many)" = 500; rm many*
exec 3>gone; rm gone; echo still >&3; exec 3>&-
test "$(ls /)" = "$(ls /)"; find / -xdev >/dev/null
: >../../../../../../data/up; test -e up
dd if=/dev/zero of=append bs=1 count=3 2>/dev/null; echo x >>append; test "$(stat -c %s append)" = 5
(flock -x 9) 9<big 2>/dev/null || true
mkdir m; mount -t tmpfs t m; echo in >m/x; umount m; test ! -e m/x
E
	guest /bin/sh /files.sh
	check files "0 " "$status $err"
	check files-on-the-host text "$(cat "$root/data/a")"
	check files-owner 12:34 "$(stat -c %u:%g "$root/data/a")"
	check files-content OK "$(cd "$root/data" && md5sum -c sum | sed 's/.*: //')"
	opts=(-v "vol=$work/vol:ro")
	mkdir -p "$work/vol" && echo volume >"$work/vol/v"
	guest /bin/sh -c 'mount -t virtiofs vol /data && cat /data/v && ! touch /data/new 2>&1'
	opts=()
	check volume-read-only $'volume\ntouch: /data/new: Read-only file system' "$out"
}

container() {
	cat >"$root/.krun_config.json" <<'E'
{ "hostname": "box", "process": { "args": ["/bin/sh", "/see.sh"], "cwd": "/made/dir",
  "env": ["PATH=/bin", "A=1"], "noNewPrivileges": true, "oomScoreAdj": 123,
  "user": { "uid": 1000, "gid": 100, "umask": 63, "additionalGids": [5, 7] },
  "capabilities": { "bounding": ["CAP_NET_RAW", "CAP_KILL"], "permitted": ["CAP_KILL"],
    "effective": ["CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"] },
  "rlimits": [{ "type": "RLIMIT_NOFILE", "soft": 111, "hard": 222 }] },
  "mounts": [{ "destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["size=1m", "mode=1777", "noexec"] }],
  "linux": { "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"], "sysctl": { "kernel.msgmax": "4321" } } }
E
	cat >"$root/see.sh" <<'E'
id -u; id -g; id -G; umask; pwd; hostname; echo $A; ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj
grep -E 'Cap|NoNew' /proc/self/status | tr -d '\t' | tr '\n' ' '; echo
grep ' /tmp ' /proc/mounts | cut -d' ' -f3,4; cat /proc/sys/kernel/msgmax
wc -c </proc/kcore; (echo 1 >/proc/sys/kernel/msgmax) 2>/dev/null || echo refused
E
	timeout 120 "$vm" --log 2 -m 256 "$root" >"$work/out" 2>"$work/err" </dev/null
	check container-status 0 $?
	check container "$(
		cat <<'E'
1000
100
100 5 7
0077
/made/dir
box
1
111
222
123
CapInh:0000000000000020 CapPrm:0000000000000020 CapEff:0000000000000020 CapBnd:0000000000002020 CapAmb:0000000000000020 NoNewPrivs:1 
tmpfs rw,noexec,relatime,size=1024k
4321
0
refused
E
	)" "$(sed 's/,inode64$//' "$work/out" "$work/err")"
	echo '{ "process": { "args": "no list" } }' >"$root/.krun_config.json"
	timeout 120 "$vm" -m 256 "$root" >"$work/out" 2>"$work/err" </dev/null
	check container-broken 125 $?
	check container-broken-why 1 "$(grep -c '"args" is to be an array' "$work/err")"
	rm "$root/.krun_config.json"
}

disks() {
	mke2fs -q -t ext4 -d "$root" "$work/disk" 64M
	timeout 120 "$vm" --log 2 -m 256 -d "$work/disk" --root-disk /dev/vda -- /bin/sh -c 'echo on-disk >/root/new; cut -d" " -f1-3 /proc/mounts | grep " / "; exit 9' >"$work/out" 2>"$work/err" </dev/null
	check disk-status 9 $?
	check disk-root '/dev/vda / ext4' "$(cat "$work/out" "$work/err")"
	check disk-clean 0 "$(e2fsck -fn "$work/disk" >"$work/fsck" 2>&1; echo $?)"
	check disk-content on-disk "$(debugfs -R 'cat /root/new' "$work/disk" 2>/dev/null)"
	opts=(-d "$work/disk:ro")
	guest /bin/sh -c 'mount -t ext4 -o ro /dev/vda /data && cat /data/root/new; dd if=/dev/zero of=/dev/vda count=1 2>&1 | grep -c "not permitted\|Read-only"'
	check disk-read-only $'on-disk\n1' "$out"
	opts=()
}

machine() {
	opts=(-c 2)
	guest /bin/sh -c 'nproc; head -c 100000 /dev/hwrng | wc -c; cat /proc/1/comm'
	check machine $'2\n100000\ninit' "$out"
	opts=()
	"$vm" -m 256 "$root" -- /bin/sh -c 'trap "echo got-term; exit 3" TERM; echo ready; while :; do sleep 1; done' >"$work/out" 2>"$work/err" </dev/null &
	for _ in $(seq 60); do
		grep -q ready "$work/out" && break
		sleep 1
	done
	kill -TERM $!
	wait $!
	check stop "3 ready got-term" "$? $(tr '\n' ' ' <"$work/out" | sed 's/ $//')"
}

sockets() {
	cat >"$work/server.py" <<'E'
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print("ready", flush=True)
c, _ = s.accept(); data = b""
while chunk := c.recv(65536): data += chunk
c.sendall(b"%d bytes" % len(data)); c.close()
E
	cat >"$work/client.py" <<'E'
import socket, sys
def connect(port):
    s = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    s.connect((2, port))
    return s
s = connect(1000); s.sendall(b"x" * 3000000); s.shutdown(socket.SHUT_WR); print(s.recv(100).decode())
try: connect(7)
except OSError as e: print(type(e).__name__)
E
	python3 "$work/server.py" "$work/s" >"$work/ready" &
	while ! grep -q ready "$work/ready"; do sleep 0.1; done
	timeout 120 "$vm" --log 2 -m 512 --vsock "1000=$work/s" / -- /usr/bin/python3 "$work/client.py" >"$work/out" 2>"$work/err" </dev/null
	wait
	check vsock-from-the-guest $'3000000 bytes\nConnectionResetError' "$(cat "$work/out" "$work/err")"

	cat >"$work/server.py" <<'E'
import socket
s = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM); s.bind((socket.VMADDR_CID_ANY, 2000)); s.listen(); print("ready", flush=True)
c, _ = s.accept(); c.sendall(c.recv(100).upper()); c.close()
E
	timeout 120 "$vm" --log 2 -m 512 --vsock "2000=$work/l:listen" / -- /usr/bin/python3 "$work/server.py" >"$work/out" 2>"$work/err" </dev/null &
	for _ in $(seq 60); do
		grep -q ready "$work/out" && break
		sleep 1
	done
	check vsock-from-the-host HELLO "$(python3 -c "import socket; s = socket.socket(socket.AF_UNIX); s.connect('$work/l'); s.sendall(b'hello'); print(s.recv(100).decode())")"
	wait
	check vsock-socket-removed 1 "$(test -e "$work/l"; echo $?)"
}

# agent - processes in a machine that runs
agent() {
	local s=$work/agent.sock
	"$vm" --log 2 -m 256 --agent-socket "$s" -e PATH=/bin "$root" -- /bin/sh -c 'trap "echo usr1" USR1; trap "exit 3" TERM; echo up; while :; do sleep 1; done' >"$work/out" 2>"$work/err" </dev/null &
	local pid=$!
	# While it boots, the client waits.
	check agent-exec "hello 0" "$(timeout 90 "$vm" exec "$s" -- echo hello 2>&1) $?"
	check agent-status 42 "$(timeout 30 "$vm" exec "$s" -- sh -c 'exit 42' >/dev/null 2>&1; echo $?)"
	check agent-not-found "127 runlet-vm: in the guest: execute /no/such: No such file or directory" "$(timeout 30 "$vm" exec "$s" -- /no/such 2>"$work/e"; echo "$? $(cat "$work/e")")"
	# The same root and namespaces as the workload's, a sibling of it.
	check agent-same-world "1 1 $(cat "$root/etc/passwd")" "$(timeout 30 "$vm" exec "$s" -- sh -c 'cd /proc; w=$(grep -ls "usr1" [0-9]*/cmdline | head -1); w=${w%/*}; same=1; for n in mnt pid net uts ipc; do [ "$(readlink $w/ns/$n)" = "$(readlink self/ns/$n)" ] || same=0; done; echo $same $(grep PPid self/status | tr -dc 0-9 | grep -c .) $(cat /etc/passwd)' 2>&1)"
	check agent-user "1000:100 /tmp A=b" "$(timeout 30 "$vm" exec -u 1000:100 -w /tmp -e A=b "$s" -- sh -c 'echo $(id -u):$(id -g) $(pwd) A=$A; echo >/dev/stdout' 2>&1 | head -1)"
	seq 100000 >"$work/in"
	check agent-streams "$(md5sum <"$work/in")" "$(timeout 60 "$vm" exec "$s" -- cat <"$work/in" | md5sum)"
	check agent-tty "/dev/pts/0 24 80" "$(timeout 60 script -qec "stty rows 24 cols 80; $vm exec -t $s -- sh -c 'echo \$(tty) \$(stty size)'" /dev/null </dev/null | grep -o '/dev/pts.*' | tr -d '\r')"
	timeout 30 "$vm" exec -d "$s" -- sleep 1000 >"$work/pid"
	check agent-ps "$(cat "$work/pid") sleep 1000" "$(timeout 30 "$vm" ps "$s" | awk '/sleep 1000/ {print $1, $7, $8}')"
	check agent-kill "0 0" "$(timeout 30 "$vm" kill "$s" "$(cat "$work/pid")" 9; echo $? "$(sleep 1; timeout 30 "$vm" ps "$s" | grep -c 'sleep 1000')")"
	timeout 30 "$vm" kill "$s" 10
	check agent-signal-to-the-workload 1 "$(for _ in 1 2 3 4 5 6 7 8 9 10; do grep -q usr1 "$work/out" && break; sleep 0.5; done; grep -c usr1 "$work/out")"
	for i in 1 2 3 4 5 6 7 8; do timeout 60 "$vm" exec "$s" -- echo "n$i" >"$work/n$i" 2>&1 & done
	wait $(jobs -p | grep -v "^$pid$")
	check agent-many "n1 n2 n3 n4 n5 n6 n7 n8" "$(cat "$work"/n? | tr '\n' ' ' | sed 's/ $//')"
	timeout 60 "$vm" exec "$s" -- sleep 1000 >/dev/null 2>"$work/e" &
	local other=$!
	sleep 2
	check agent-stop 0 "$(timeout 30 "$vm" stop "$s" >/dev/null; echo $?)"
	wait $pid
	check agent-stopped "3 1" "$? $(test -e "$s"; echo $?)"
	wait $other
	check agent-session-of-a-stopped-machine 137 $?
	cat "$work/err" | head -3 | sed 's/^/# /'
}

# errors - what goes wrong before the workload runs is 125 and a reason, never a status of 0
errors() {
	truncate -s 1M "$work/empty"
	timeout 120 "$vm" -m 256 -d "$work/empty" --root-disk /dev/vda -- /bin/true >/dev/null 2>"$work/err" </dev/null
	check error-root-without-file-system "125 1" "$? $(grep -c /dev/vda "$work/err")"
	opts=(-e KRUN_INIT_PID1=1)
	guest /bin/sh -c 'exit 5' # nobody is left to tell the status
	check error-pid-1-ends 125 "$status"
	opts=(-e "HOSTNAME=$(printf %070d 0)")
	guest /bin/true
	check error-host-name "125 1" "$status $(grep -c 'set the host name to 0000' <<<"$err")"
	opts=()
	echo '{ "process": { "args": ["/bin/true"], "rlimits": [{ "type": "RLIMIT_NOSUCH", "soft": 1, "hard": 1 }] } }' >"$root/.krun_config.json"
	timeout 120 "$vm" -m 256 "$root" >/dev/null 2>"$work/err" </dev/null
	check error-rlimit "125 1" "$? $(grep -c RLIMIT_NOSUCH "$work/err")"
	echo '{ "process": { "args": ["/bin/true"], "user": { "uid": -5 } } }' >"$root/.krun_config.json"
	timeout 120 "$vm" -m 256 "$root" >/dev/null 2>"$work/err" </dev/null
	check error-user "125 1" "$? $(grep -c '"uid": -5 is out of range' "$work/err")"
	rm "$root/.krun_config.json"
	# A network on which no server answers: given up after fifteen seconds.
	cat >"$work/tap.sh" <<-E
		ip tuntap add tap0 mode tap && ip link set tap0 up
		timeout 120 $vm -m 256 --net tap=tap0:dhcp $root -- /bin/true
	E
	timeout 150 unshare -n bash "$work/tap.sh" >/dev/null 2>"$work/err" </dev/null
	check error-no-dhcp "125 1" "$? $(grep -c 'no DHCP server answered on the interface eth0' "$work/err")"
}

# network - through passt to a server on the loopback, and by a tap device in a network of its own
network() {
	mkdir -p "$work/www" && seq 600000 >"$work/www/page" # 4 MB: more than any buffer
	# passt copies addresses of an interface that leads outside; the rig has none.
	ip link add outside type dummy && ip addr add 192.0.2.2/24 dev outside && ip link set outside up && ip route add default via 192.0.2.1
	busybox httpd -f -p 127.0.0.1:8000 -h "$work/www" &
	local httpd=$!
	cat >"$work/sink.py" <<-'E'
		import hashlib, socket
		s = socket.create_server(("127.0.0.1", 9000)); c, _ = s.accept(); h = hashlib.md5()
		while chunk := c.recv(65536): h.update(chunk)
		print(h.hexdigest(), "-", sep="  ")
	E
	python3 "$work/sink.py" >"$work/upload" &
	local sink=$!
	passt -f --runas 0 -s "$work/passt" -t none -u none >"$work/passt.log" 2>&1 &
	local passt=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do [ -S "$work/passt" ] && break; sleep 0.5; done
	opts=(--net "stream=$work/passt:dhcp")
	# The gateway's address is the host's loopback to passt.
	guest /bin/sh -c 'ip -4 addr show eth0 | grep -o "inet [0-9./]*"; ip route | grep -o "^default via [0-9.]*"; wget -q -O - http://192.0.2.1:8000/page | tee /data/page | md5sum; nc 192.0.2.1 9000 </data/page'
	for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 $sink 2>/dev/null || break; sleep 1; done
	kill $sink 2>/dev/null
	check network-passt-upload "$(md5sum <"$work/www/page")" "$(cat "$work/upload")"
	check network-passt "$(printf 'inet 192.0.2.2/24\ndefault via 192.0.2.1\n%s' "$(md5sum <"$work/www/page")")" "$out"
	sed 's/^/# /' "$work/err" | head -3
	kill $httpd $passt 2>/dev/null
	ip link del outside
	opts=(--net "stream=$work/no-such-socket")
	guest /bin/true
	check network-no-proxy "125 1" "$status $(grep -c 'no-such-socket: No such file or directory' <<<"$err")"
	opts=()

	cat >"$work/tap.sh" <<-E
		ip link set lo up
		ip tuntap add tap0 mode tap && ip addr add 10.9.0.1/24 dev tap0 && ip link set tap0 up
		printf 'start 10.9.0.50\nend 10.9.0.50\ninterface tap0\nlease_file $work/leases\noption subnet 255.255.255.0\noption router 10.9.0.1\noption dns 10.9.0.1\nmin_lease 10\noption lease 20\nmax_leases 1\n' >$work/udhcpd.conf
		: >$work/leases
		busybox udhcpd -f $work/udhcpd.conf >$work/udhcpd.log 2>&1 &
		busybox httpd -f -p 10.9.0.1:8000 -h $work/www &
		timeout 120 $vm --log 2 -m 256 --net tap=tap0:dhcp $root -- /bin/sh -c 'ip -4 addr show eth0 | grep -o "inet [0-9./]*"; cat /etc/resolv.conf; wget -q -O - http://10.9.0.1:8000/page | md5sum; sleep 25'
		kill \$(jobs -p)
	E
	timeout 150 unshare -n bash "$work/tap.sh" >"$work/out" 2>"$work/err" </dev/null
	check network-tap "$(printf 'inet 10.9.0.50/24\nnameserver 10.9.0.1\n%s' "$(md5sum <"$work/www/page")")" "$(cat "$work/out")"
	# The first one, and two renewals: at half of its twenty seconds, and again.
	check network-lease 1 "$([ "$(grep -ci 'sending ack' "$work/udhcpd.log")" -ge 3 ] && echo 1)"
	sed 's/^/# /' "$work/err" | head -5
}

# bundle - a kernel of our own, where one was copied into the build directory
bundle() {
	if [ ! -e "$build/kernel/libkrunfw.so.5" ]; then
		echo "skip bundle - no $build/kernel/libkrunfw.so.5 (scripts/guest-kernel build)"
		skipped=$((skipped + 1))
		return
	fi
	export LD_LIBRARY_PATH=$build/kernel
	guest /bin/sh -c 'uname -r; cat /proc/sys/kernel/cap_last_cap >/dev/null && echo x >/data/file && cat /data/file; exit 7'
	check bundle-status 7 "$status"
	check bundle-kernel "another, x" "$([ "$(head -n 1 <<<"$out")" != "$(uname -r)" ] && echo another), $(tail -n 1 <<<"$out")"
	guest /bin/sh -c 'kill -9 $$'
	check bundle-killed 137 "$status"
	unset LD_LIBRARY_PATH
}

make_root
[ $# -gt 0 ] || set -- statuses streams files container disks machine sockets agent network errors bundle
for part in "$@"; do $part; done
rm -rf "$work"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
