#!/bin/bash
# selftest-inside.sh SECTION REPOSITORY: the part of selftest.sh that runs in the machine
# shellcheck disable=SC2016,SC2317 # many a case is a script for a shell of its own, or a function called by check
section=$1 repository=$2

# check NAME CMD...: why it failed is on stderr
check() {
	local name="$section: $1"
	shift
	if "$@" >&2; then echo "ok $name"; else echo "not ok $name"; fi
}

sh_check() { check "$1" bash -euc "$2"; }

own=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
export own

# Of every machine
everywhere() {
	check "cgroup v2 is on /sys/fs/cgroup" test "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs
	check "no cgroup v1 is mounted" test -z "$(awk '$3 == "cgroup"' /proc/mounts)"
	local c
	for c in cpuset cpu io memory hugetlb pids rdma misc; do
		check "controller $c" grep -qw "$c" /sys/fs/cgroup/cgroup.controllers
	done
	check "AppArmor is enabled" test "$(</sys/module/apparmor/parameters/enabled)" = Y
	check "the repository is in /src" test -x /src/tests/vm/rig
	check "the repository is under its own name" test -x "$repository/tests/vm/rig"
	check "works in /src" test "$PWD" = /src
	sh_check "/dev/stdout and /dev/stderr open again" 'echo >/dev/stdout; echo >/dev/stderr'
	check "no controlling terminal" bash -c '! : 2>/dev/null </dev/tty'
	check "a network of its own, lo up" test "$(ip -br link | awk '{print $1, $3 ~ /[0-9a-f:]+/}')" = "lo 1"
	sh_check "ping of lo" 'exec 3<>/dev/udp/127.0.0.1/9; echo >&3'
}

as_user() {
	check "the user is not root" test "$(id -un)/$(id -u)" = tester/1000
	for c in cpu cpuset io memory pids; do
		check "controller $c is delegated" grep -qw "$c" "$own/cgroup.controllers"
	done
	sh_check "the cgroup is the user's" 'mkdir $own/inner; for p in $(<$own/cgroup.procs); do echo $p >$own/inner/cgroup.procs || :; done
		echo +memory +pids >$own/cgroup.subtree_control
		mkdir $own/other; echo 8M >$own/other/memory.max; test $(<$own/other/memory.max) -eq 8388608'
	check "a range of subordinate ids" test "$(unshare --map-root-user --map-auto awk '$3 == 65535' /proc/self/uid_map /proc/self/gid_map | wc -l)" -eq 2
	check "the runtime directory" test -O "${XDG_RUNTIME_DIR-}" -a -w "${XDG_RUNTIME_DIR-}"
	check "/dev/fuse is for all" test -w /dev/fuse
	check "/dev/net/tun is for all" test -w /dev/net/tun
}

# A machine of one page: it halts at the reset vector
halting_machine() {
	python3 - <<'P'
import ctypes, fcntl, mmap, os, struct
kvm = os.open("/dev/kvm", os.O_RDWR)
assert fcntl.ioctl(kvm, 0xAE00, 0) == 12                                        # KVM_GET_API_VERSION
vm = fcntl.ioctl(kvm, 0xAE01, 0)                                                # KVM_CREATE_VM
page = mmap.mmap(-1, 4096)
page[0xff0] = 0xf4                                                              # hlt
at = ctypes.addressof(ctypes.c_char.from_buffer(page))
fcntl.ioctl(vm, 0x4020AE46, struct.pack("IIQQQ", 0, 0, 0xfffff000, 4096, at))   # KVM_SET_USER_MEMORY_REGION
vcpu = fcntl.ioctl(vm, 0xAE41, 0)                                               # KVM_CREATE_VCPU
run = mmap.mmap(vcpu, fcntl.ioctl(kvm, 0xAE04, 0))                              # KVM_GET_VCPU_MMAP_SIZE
fcntl.ioctl(vcpu, 0xAE80, 0)                                                    # KVM_RUN
assert struct.unpack_from("I", run, 8)[0] == 5                                  # KVM_EXIT_HLT
P
}

apparmor_denies() {
	apparmor_parser -r <<-'P' || return
		profile rig-selftest {
			/** rix,
			deny /etc/hostname r,
		}
	P
	aa-exec -p rig-selftest -- cat /etc/hosts && ! aa-exec -p rig-selftest -- cat /etc/hostname
}

# A shell that counts, and its child: dumped, gone, restored, and it goes on counting.
criu_dumps_and_restores() {
	local dir pid before after
	dir=$(mktemp -d)
	# What its own pid says is in the dump, so it is still the same afterwards.
	setsid bash -c 'while :; do echo $$ $((++n)) >"$1/new"; mv "$1/new" "$1/count"; sleep .2; done' - "$dir" </dev/null >/dev/null 2>&1 &
	mkdir "$dir/images"
	until [[ -s $dir/count ]]; do sleep .1; done
	read -r pid _ <"$dir/count"
	criu dump -t "$pid" -D "$dir/images" -o log || { tail -n 5 "$dir/images/log" && return 1; }
	! kill -0 "$pid" 2>/dev/null || return
	read -r _ before <"$dir/count"
	sleep .5
	read -r _ after <"$dir/count"
	[[ $before = "$after" ]] || return
	criu restore -d -D "$dir/images" -o log || { tail -n 5 "$dir/images/log" && return 1; }
	sleep 2
	read -r _ after <"$dir/count"
	kill -KILL "$pid" && [[ $after -gt $before ]]
}

case $section in
systemd)
	everywhere
	check "PID 1 is systemd" test "$(</proc/1/comm)" = systemd
	check "the system is running" test "$(systemctl is-system-running)" = running
	check "no unit has failed" test -z "$(systemctl --failed --plain --no-legend)"
	check "root" test "$(id -u)" -eq 0
	sh_check "a unit's limit is in its cgroup" 'systemd-run -q --wait --pipe -p MemoryMax=64M -p TasksMax=77 -p AllowedCPUs=0 -p CPUQuota=50% bash -c \
		"cd /sys/fs/cgroup\$(cut -c4- /proc/self/cgroup); grep -xq 67108864 memory.max && grep -xq 77 pids.max && grep -xq 0 cpuset.cpus && grep -xq \"50000 100000\" cpu.max"'
	check "AppArmor denies" apparmor_denies
	check "CRIU is content" criu check
	check "CRIU is content with everything" criu check --all
	check "CRIU dumps a process tree and restores it" criu_dumps_and_restores
	for p in crun runc podman conmon /usr/lib/podman/netavark /usr/lib/podman/aardvark-dns slirp4netns passt fuse-overlayfs strace gdb iptables newuidmap bpftool python3; do
		check "has $p" command -v "$p"
	done
	check "has busybox, static" bash -c '! ldd /bin/busybox'
	;;
user)
	everywhere
	as_user
	check "the user's systemd is running" test "$(systemctl --user is-system-running)" = running
	check "the system is running" test "$(systemctl is-system-running)" = running
	check "a session bus" busctl --user call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus GetId
	sh_check "a unit's limit is in its cgroup" 'systemd-run --user -q --wait --pipe -p MemoryMax=64M bash -c \
		"grep -xq 67108864 /sys/fs/cgroup\$(cut -c4- /proc/self/cgroup)/memory.max"'
	;;
bare)
	everywhere
	check "PID 1 is not systemd" test "$(</proc/1/comm)" = init
	check "root" test "$(id -u)" -eq 0
	check "every controller is on" test "$(</sys/fs/cgroup/cgroup.controllers)" = "$(</sys/fs/cgroup/cgroup.subtree_control)"
	sh_check "a limit can be set" 'mkdir /sys/fs/cgroup/x; echo 1M >/sys/fs/cgroup/x/memory.max; test $(</sys/fs/cgroup/x/memory.max) -eq 1048576'
	check "CRIU is content" criu check
	check "AppArmor denies" apparmor_denies
	sh_check "an orphan is reaped" 'p=$(sh -c "sleep .1 >/dev/null & echo \$!"); for i in $(seq 50); do test -e /proc/$p || exit 0; sleep .1; done; exit 1'
	;;
bare-user)
	everywhere
	as_user
	;;
nested | nested-user)
	check "/dev/kvm is there" test -w /dev/kvm
	check "a virtual machine runs" halting_machine
	check "/dev/vhost-vsock is there" test -w /dev/vhost-vsock
	check "a kernel to boot" test -s /boot/vmlinux -a -s /boot/vmlinuz
	check "no XSAVE" bash -c '! grep -qw xsave /proc/cpuinfo'
	;;
*)
	echo "no section $section" >&2
	exit 2
	;;
esac
exit 0
