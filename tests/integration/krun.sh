# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Containers that are virtual machines, as far as no machine is needed: a library that is told what
# to answer (tests/krun/fake.c) stands for libkrun. Real machines are in tests/vm/krun.sh.

KRUN_FAKES=$PROGRAMS/../krun

# A bundle for a machine; `vm original` for one that the original library would make, `vm old` one of
# its older versions, which lack what it was given later.
vm()
{
	only runlet : "has no such handler"
	need_root
	[ -c /dev/kvm ] || skip "needs /dev/kvm"
	[ -e "$KRUN_FAKES/fake-ours.so" ] || skip "needs the fake libraries"
	export RUNLET_LIBKRUN=$KRUN_FAKES/fake-${1:-ours}.so FAKE_KRUN='' FAKE_KRUN_SAYS=''
	export FAKE_KRUN_LOG=$C/krun.log
	[ -e "$RUNLET_LIBKRUN" ] || skip "needs $RUNLET_LIBKRUN"
	bundle
	conf '.annotations["run.oci.handler"] = "krun"'
}

annotate()
{
	conf '.annotations[$k] = $v' --arg k "$1" --arg v "$2"
}

# The calls of one function: its arguments, one call a line.
called()
{
	sed -n "s/^$1\([ \t]\|$\)//p" "$C/krun.log" 2>/dev/null
}

# says WHAT   run fails with status 1, and says exactly this on stderr and in the log
says()
{
	rm -f "$C/krun.log" "$C/log"
	GLOBALS=(--root "$STATE" "${BASE_GLOBALS[@]}" --log "$C/log" --log-format json)
	rt run --bundle "$B" "$ID"
	equal "exit status" 1 "$RC"
	equal "standard error" "$1" "$(head -n 1 <<<"$ERR")"
	equal "lines in the log" 1 "$(wc -l <"$C/log")"
	equal "the log" "error: $1" "$(jq -r '.level + ": " + .msg' "$C/log")"
	no_state "$ID"
}

# refuses SCRIPT REASON WHAT   the library answers like this, and that is what becomes of it
refuses()
{
	FAKE_KRUN=$1 FAKE_KRUN_SAYS=$2
	says "$3"
}

# ------------------------------------------------------------------------------- what is run

test_krun_runs()
{
	vm
	FAKE_KRUN=krun_start_enter=exit:42
	run_status 42
	equal "vCPUs and memory" "0 vcpus=$(nproc) ram=1024" \
		"$(called krun_set_vm_config)"
	equal "the root" "0 /dev/root / 536870912" "$(called krun_add_virtiofs2)"
	equal "the configuration" "0 /dev/root /.krun_config.json mode=100400 once=0" \
		"$(called krun_fs_add_overlay_file)"
	grep -q '^config {' "$C/krun.log" || fail "the guest gets no configuration"
	equal "/dev/kvm" "0 1" "$(called krun_set_kvm_fd)"
	equal "files in the root" "bin dev etc payload proc sys tmp" \
		"$(find "$B/rootfs" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)"
}

test_krun_by_name_of_the_program()
{
	vm
	conf 'del(.annotations)'
	local name
	for name in krun crun-krun runlet-krun; do
		rm -f "$C/krun.log"
		ln -sf "$RUNTIME" "$C/$name"
		# Beside the link is no runlet-full: it is found by what the link leads to.
		RUNTIME=$C/$name FAKE_KRUN=krun_start_enter=exit:7 run_status 7
		called krun_start_enter | grep -q . || fail "$name made no machine"
	done
}

test_krun_not_for_a_sandbox()
{
	vm
	annotate io.kubernetes.cri.container-type sandbox
	payload exit 5
	run_status 5
	[ ! -e "$C/krun.log" ] || fail "the sandbox became a machine"
}

test_krun_is_confined()
{
	vm
	conf '.process.capabilities.bounding += ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"]'
	run_ok
	equal "user" "0 0 0 0" "$(called 'status Uid:' | xargs)"
	match "no_new_privs" "$(called 'status NoNewPrivs:')" '^.?1$'
	match "seccomp" "$(called 'status Seccomp:')" '^.?2$'
	match "capabilities" "$(called 'status CapEff:')" '0000000000000003$'
	match "bounding set" "$(called 'status CapBnd:')" '0000000000000003$'
	rm "$C/krun.log"
	conf '.root.readonly = true'
	run_ok
	match "with a root that is read-only" "$(called 'status CapPrm:')" '0000000000000002$'
	rm "$C/krun.log"
	conf 'del(.root.readonly)'
	run_ok
	equal "fork" "Operation not permitted" "$(called fork)"
	equal "execve" "Operation not permitted" "$(called execve)"
	equal "chroot" "Operation not permitted" "$(called chroot)"
	equal "environment" empty "$(called environment)"
	# The root, the ready descriptor, /dev/kvm and the agent's directory.
	[ "$(called descriptors)" -le 4 ] || fail "$(called descriptors) descriptors are open"
	equal "above the working directory" nothing "$(called above)"
}

test_krun_user_is_the_guests()
{
	vm
	conf '.process.user = {"uid": 1000, "gid": 1000}'
	run_ok
	equal "user on the host" "0 0 0 0" "$(called 'status Uid:' | xargs)"
	grep -q '"uid": *1000' "$C/krun.log" || fail "the guest is not told the user"
}

test_krun_home_is_the_users()
{
	vm
	printf 'user:x:1000:1000::/home/user:/bin/sh\n' >"$B/rootfs/etc/passwd"
	conf '.process.user = {"uid": 1000, "gid": 1000}'
	run_ok
	equal "HOME" "0 HOME=/home/user" "$(called krun_set_env)"
	rm "$C/krun.log"
	conf '.process.env += ["HOME=/set"]'
	run_ok
	equal "HOME" "" "$(called krun_set_env)"
}

test_krun_lifecycle()
{
	vm
	FAKE_KRUN=krun_start_enter=wait
	rt_ok create --bundle "$B" "$ID"
	equal "before start" created "$(status)"
	rt_ok start "$ID"
	wait_status running
	equal handler krun "$(jq -r .handler "$STATE/$ID/status")"
	rt_ok pause "$ID"
	equal paused paused "$(status)"
	rt_ok resume "$ID"
	rt_ok kill "$ID" KILL
	wait_status stopped
	mkdir -p "$STATE/$ID/vm/a/b" && touch "$STATE/$ID/vm/a/b/c" # by a machine that means ill
	rt_ok delete "$ID"
	no_state "$ID"
}

test_krun_status_of_a_signal()
{
	vm
	FAKE_KRUN=krun_start_enter=wait
	rt_ok run --detach --pid-file "$C/pid" --bundle "$B" "$ID"
	wait_status running
	rt_ok kill "$ID" TERM
	wait_status stopped
	rt_ok delete "$ID"
}

test_krun_nonexistent_program()
{
	vm
	conf '.process.args = ["no-such-program"]'
	says 'exec: "no-such-program": executable file not found in $PATH'
	[ -z "$(called krun_start_enter)" ] || fail "a machine was made for nothing"
}

# ------------------------------------------------------------------- processors and memory

test_krun_settings()
{
	vm
	annotate krun.cpus 3
	annotate krun.ram_mib 512
	run_ok
	equal annotations "0 vcpus=3 ram=512" "$(called krun_set_vm_config)"
}

test_krun_settings_of_the_image()
{
	vm
	echo '{"cpus": 2, "ram_mib": 256, "virtiofs_tag": "root", "virtiofs_shm_size": 0,
		"kernel_path": "/boot/k", "kernel_format": 1, "kernel_cmdline": "quiet"}' \
		>"$B/rootfs/.krun_vm.json"
	run_ok
	equal "the image's word" "0 vcpus=2 ram=256" "$(called krun_set_vm_config)"
	equal "the image's root" "0 root / 0" "$(called krun_add_virtiofs2)"
	equal "the image's kernel" "0 /boot/k format=1 - quiet" "$(called krun_set_kernel)"
	annotate krun.cpus 4
	rm "$C/krun.log"
	run_ok
	equal "the user's word" "0 vcpus=4 ram=256" "$(called krun_set_vm_config)"
}

test_krun_limits_become_the_machines()
{
	vm
	conf '.linux.resources = {"memory": {"limit": 536870912}, "cpu": {"quota": 150000, "period": 100000}}'
	GLOBALS+=(--cgroup-manager disabled)
	conf 'del(.linux.cgroupsPath)'
	rt run --bundle "$B" "$ID"
	if [ "$RC" != 0 ]; then # no limit without a cgroup: with one, then
		GLOBALS=(--root "$STATE" "${BASE_GLOBALS[@]}")
		conf '.linux.cgroupsPath = $cg' --arg cg "$CG"
		run_ok
	fi
	equal "vCPUs and memory" "0 vcpus=2 ram=488" "$(called krun_set_vm_config)"
}

test_krun_unlimited_memory()
{
	vm
	conf '.linux.resources = {"memory": {"limit": -1}}'
	run_ok
	match "memory" "$(called krun_set_vm_config)" 'ram=1024$'
}

test_krun_update()
{
	vm
	annotate krun.ram_mib 256
	FAKE_KRUN=krun_start_enter=wait
	rt_ok run --detach --bundle "$B" "$ID"
	wait_status running
	rt_fails '^\$.memory.limit: 104857600 bytes are less than the 256 MiB that the virtual machine has' \
		update --memory 104857600 "$ID"
	rt_ok update --pids-limit 100 "$ID"
	rt_ok delete --force "$ID"
}

# What only the guest can do, with a library whose guests have no agent.
test_krun_original_has_no_agent()
{
	vm original
	FAKE_KRUN=krun_start_enter=wait
	rt_ok run --detach --bundle "$B" "$ID"
	wait_status running
	local what="container $ID is a virtual machine without an agent in it"
	rt_fails "^exec: $what" exec "$ID" /payload report
	equal "status of exec" 255 "$RC"
	rt_fails "^ps: $what" ps "$ID"
	rt_fails "^kill: $what" kill "$ID" HUP
	equal "pids for engines" 1 "$("$RUNTIME" "${GLOBALS[@]}" ps --format json "$ID" | jq length)"
	rt_ok kill "$ID" KILL
	wait_status stopped
	rt_ok delete "$ID"
}

test_krun_doctor()
{
	vm
	rt doctor
	match "the library" "$OUT" "ok +libkrun +$RUNLET_LIBKRUN, runlet's own"
	match "the kernel" "$OUT" 'ok +kernel +/boot/fake'
	export RUNLET_LIBKRUN=/no/libkrun.so.1
	rt doctor
	equal "exit status" 1 "$RC"
	match "the library" "$OUT" 'missing +libkrun +load libkrun: /no/libkrun.so.1: '
	match "the end" "$OUT" 'Containers cannot be virtual machines here'
	WRAP=(unshare -m sh -c 'mount -t tmpfs tmpfs /dev && mknod -m 666 /dev/null c 1 3 && exec "$@"' sh)
	rt doctor
	equal "exit status" 1 "$RC"
	match "KVM" "$OUT" 'missing +KVM +/dev/kvm: No such file or directory'
}

test_krun_block_device()
{
	vm
	conf '.linux.devices = [{"path": "/dev/xvdz", "type": "b", "major": 7, "minor": 250}]
		| .linux.resources.devices += [{"allow": true, "type": "b", "major": 7, "minor": 250, "access": "r"}]'
	run_ok
	equal disk "0 xvdz /dev/xvdz format=0 ro=1" "$(called krun_add_disk2)"
}

test_krun_vm_object()
{
	vm
	echo kernel >"$C/kernel"
	conf '.vm = {"hypervisor": {"path": $lib}, "kernel": {"path": $k, "parameters": ["a=1", "b"]},
		"hwConfig": {"vcpus": 2, "memory": 268435456}}' \
		--arg k "$C/kernel" --arg lib "$RUNLET_LIBKRUN"
	export RUNLET_LIBKRUN=/nowhere
	run_ok
	equal "hwConfig" "0 vcpus=2 ram=256" "$(called krun_set_vm_config)"
	match "kernel" "$(called krun_set_kernel)" '^0 /proc/self/fd/[0-9]+ format=0 - .*init=/init.krun a=1 b$'
	conf '.vm.image = {"path": $k, "format": "raw"}' --arg k "$C/kernel"
	rm "$C/krun.log"
	run_ok
	match "image" "$(called krun_add_disk2)" '^0 root /proc/self/fd/[0-9]+ format=0 ro=0$'
	equal "root" "0 /dev/vda - -" "$(called krun_set_root_disk_remount)"
	equal "program" "0 with a process" "$(called krun_set_container_config)"
	# What the disk holds is seen in the machine only, users included.
	conf '.process.args = ["/on/the/disk"] | .process.user = {"uid": 1000, "gid": 1000}'
	run_ok
	refuses krun_set_container_config=-7 "too much" \
		"configure the VM: pass the configuration on: too much: Argument list too long"
	RUNLET_LIBKRUN=$KRUN_FAKES/fake-original.so
	conf 'del(.vm.hypervisor)'
	says "\$.process.user: 1000:1000: the init of $RUNLET_LIBKRUN runs everything on a disk of its own as root"
	conf '.process.user = {"uid": 0, "gid": 0}'
	rm -f "$C/krun.log"
	run_ok
	equal "program" "0 /on/the/disk - PATH=/usr/bin:/bin:/" "$(called krun_set_exec)"
}

# ------------------------------------------------------------------------------ the original

# Every function that libkrun 1.18 has, and none of ours: what it is not told in the file, it is told
# by calls.
test_krun_original_library()
{
	vm original
	conf '.hostname = "name"'
	FAKE_KRUN=krun_start_enter=exit:42 run_status 42
	equal "the configuration" "0 /dev/root /.krun_config.json mode=100400 once=0" \
		"$(called krun_fs_add_overlay_file)"
	equal "how the program is told" "" "$(called krun_set_exec)"
	equal "its limits" "0 7=1024:1024" "$(called krun_set_rlimits)"
	equal "home and name" "0 HOME=/ HOSTNAME=name" "$(called krun_set_env)"
	equal "log" 1 "$(called krun_set_log_level)"
	[ -z "$(called krun_add_vsock_port2)" ] || fail "there is an agent"
}

# Its machine is handed nothing that is open: it finds the device in the container.
test_krun_original_opens_kvm()
{
	vm original
	rt_ok plan "$B"
	match "the plan" "$OUT" 'device /dev/kvm c 10:232'
	FAKE_KRUN=krun_start_enter=wait
	rt_ok run --detach --bundle "$B" "$ID"
	wait_status running
	[ -c "/proc/$(init_pid)/root/dev/kvm" ] || fail "the container has no /dev/kvm"
	rt_ok delete --force "$ID"
}

test_krun_old_library()
{
	vm old
	run_status 0
	equal "how the program is told" "0 /payload report PATH=/usr/bin:/bin:/" "$(called krun_set_exec)"
	equal "its limits" "0 7=1024:1024" "$(called krun_set_rlimits)"
	equal "log" 1 "$(called krun_set_log_level)"
}

test_krun_original_has_no_users()
{
	vm original
	conf '.process.user = {"uid": 1000, "gid": 100}'
	says "\$.process.user: 1000:100: the init of $RUNLET_LIBKRUN runs everything as root"
}

test_krun_original_is_terminated()
{
	vm original
	FAKE_KRUN=krun_start_enter=wait
	rt_ok run --detach --bundle "$B" "$ID"
	wait_status running
	rt_ok kill "$ID" TERM
	wait_status stopped
	rt_ok delete "$ID"
}

# What is found wrong after the machine should have run is on its stderr, and in its status.
test_krun_original_refuses_late()
{
	vm original
	FAKE_KRUN=krun_start_enter=later:-12
	rt run --bundle "$B" "$ID"
	equal "exit status" 125 "$RC"
	match "standard error" "$ERR" "^could not start the VM: Cannot allocate memory$"
}

# ------------------------------------------------- what goes wrong before a machine runs, as a table

# What of the host a container could leave changed.
host()
{
	find "$STATE" -mindepth 1 -maxdepth 1 ! -name .cache | sort
	sed 's/^[0-9]* [0-9]* //' /proc/self/mountinfo
	find /sys/fs/cgroup -type d -path "*$ID*" 2>/dev/null
	ls /sys/class/net
	find "$B/rootfs" -mindepth 1 -printf '%P %m %y\n' | sort
}

# row SITUATION STATUS MESSAGE WORD...   the words provoke it; then `run` ends with this status, and says
# this and nothing else, on stderr and in the log: nothing at all where the message is empty. With the
# status 0 there must be a machine.
row()
{
	(
		local what=$1 status=$2 message=$3 before
		shift 3
		settle
		rm -rf "$B/rootfs"
		vm
		"$@" # may change the bundle, the environment and the library
		settle
		before=$(host)
		GLOBALS=(--root "$STATE" "${BASE_GLOBALS[@]}" --log "$C/log-$what" --log-format json)
		message=${message//LIB/$RUNLET_LIBKRUN}
		rt run --bundle "$B" "$ID"
		equal "$what: exit status" "$status" "$RC"
		equal "$what: standard error" "$message" "$(grep -v '^ *hint: ' <<<"$ERR")"
		equal "$what: the log" "${message:+error: $message}" "$(jq -r '.level + ": " + .msg' "$C/log-$what" 2>/dev/null)"
		equal "$what: the host" "$before" "$(host)"
		no_state "$ID"
	) || exit 1
}

answers() { FAKE_KRUN=$1 FAKE_KRUN_SAYS=${2-}; }
library() { RUNLET_LIBKRUN=$1; }
shaped() { vm "$1" && answers "${2-}" "${3-}"; }
image_says() { settle && printf '%s' "$1" >"$B/rootfs/.krun_vm.json"; }
by_passt() { annotate krun.use_passt 1 && fake_passt "$1"; }
# /dev with what the program itself needs, and no more; a node whose device nobody may open.
without_kvm() { WRAP=(unshare -m sh -c 'mount -t tmpfs tmpfs /dev && mknod -m 666 /dev/null c 1 3 && exec "$@"' sh); }
locked_kvm() { WRAP=(unshare -m sh -c 'mount --bind /dev/kvm /dev/kvm && mount -o remount,bind,ro,nodev /dev/kvm && exec "$@"' sh); }
without_passt()
{
	annotate krun.use_passt 1
	answers feature0=1
	WRAP=(unshare -m sh -c 'for f in /usr/local/bin/passt /usr/bin/passt; do
		[ ! -e $f ] || mount --bind /dev/null $f; done; exec "$@"' sh)
	export PATH=/usr/bin:/bin
}
by_passt_refused() { by_passt 'exit 0' && answers "krun_add_net_unixstream=-22 feature0=1" "bad flags"; }

# In the order in which such things have gone wrong before: what the number of a row means is what is in
# it.
test_krun_table_of_errors()
{
	vm
	local failed="could not start the VM"
	# An errno is what it is: negative, positive, ours, somebody else's, none.
	row H1 1 "$failed: the kernel does not fit: Invalid argument" answers krun_start_enter=-22 "the kernel does not fit"
	row H1-silent 1 "$failed: Invalid argument" answers krun_start_enter=-22
	row H1-original 1 "$failed: Invalid argument" shaped original krun_start_enter=-22 ignored
	row H2 1 "configure the VM: share the root as /dev/root: no more: Too many open files" answers krun_add_virtiofs2=-24 "no more"
	row H3 1 "configure the VM: pass /dev/kvm on: Bad file descriptor" answers krun_set_kvm_fd=-9
	row H4 0 "" true
	row H4-directory 1 'handler "krun": .krun_vm.json: is not a regular file' mkdir "$C/bundle/rootfs/.krun_vm.json"
	row H5 1 "$failed: Protocol error" answers krun_start_enter=-70000
	# The helper.
	row H6 1 'network helper `passt` not found on the host (looked in PATH and /usr/bin)' without_passt
	row H7 1 "network helper $C/path/passt: exit status 3: Failed to bind port 80" by_passt 'echo "Failed to bind port 80" >&2; exit 3'
	row H7-killed 1 "network helper $C/path/passt: killed by signal 9" by_passt 'kill -9 $$'
	# The library, and KVM.
	row H9 1 'handler "krun": make a context in LIB: no more: Cannot allocate memory' answers krun_create_ctx=-12 "no more"
	row H10 1 'handler "krun": load libkrun: /no/libkrun.so.1: cannot open shared object file: No such file or directory' \
		library /no/libkrun.so.1
	row H11 1 'handler "krun": LIB has no function krun_set_root' shaped broken
	row H12 1 'handler "krun": /dev/kvm: Permission denied' locked_kvm
	row H13 1 'handler "krun": /dev/kvm: No such file or directory' without_kvm
	# Confidential machines: a device that nobody asked for may be missing, a word that nobody knows is told.
	row H14 0 "" shaped original
	row H14-asked 1 'krun.variant: "sev" machines are not built in' annotate krun.variant sev
	row H15 1 'krun.variant: "fast" is none of sev, tdx, aws-nitro' annotate krun.variant fast
	# What is asked for.
	row H16 1 'krun.cpus: 300 is out of range (1..8)' annotate krun.cpus 300
	row H16-byte 1 'krun.cpus: 256 is out of range (1..8)' annotate krun.cpus 256
	row H16-word 1 'krun.cpus: 4294967297 is out of range (1..8)' annotate krun.cpus 4294967297
	row H17 0 "" conf '.linux.resources = {"memory": {"limit": -1}}'
	row H18 1 '.krun_vm.json: kernel_format: expected integer, found string' image_says '{"kernel_format": "1"}'
	# A status is a status: of a machine that comes back, or whose process ends.
	row H20 7 "" shaped original krun_start_enter=7
	row H20-zero 0 "" shaped original krun_start_enter=0
	row H20-exit 9 "" answers krun_start_enter=exit:9
	row H21 1 "configure the VM: add the network interface: bad flags: Invalid argument" by_passt_refused
	row H23 1 'exec: "no-such-program": executable file not found in $PATH' conf '.process.args = ["no-such-program"]'
}

# ---------------------------------------------------------- every answer of the library, exact

# The first of them is why this project exists.
test_krun_errors_of_the_start()
{
	vm
	refuses krun_start_enter=-22 "the kernel does not fit" \
		"could not start the VM: the kernel does not fit: Invalid argument"
	refuses krun_start_enter=-22 "" "could not start the VM: Invalid argument"
	refuses krun_start_enter=-13 "open /dev/kvm: Permission denied (not in group kvm?)" \
		"could not start the VM: open /dev/kvm: Permission denied"
	match "the hint" "$ERR" 'hint: not in group kvm\?'
	refuses krun_start_enter=-2 "no kernel was found" \
		"could not start the VM: no kernel was found: No such file or directory"
	refuses krun_start_enter=-12 "get 8192 MiB of memory for the guest: Cannot allocate memory" \
		"could not start the VM: get 8192 MiB of memory for the guest: Cannot allocate memory"
	# A number that is no errno is nobody's success.
	refuses krun_start_enter=-70000 "" "could not start the VM: Protocol error"
	no_match "the error" "$ERR" "unknown error"
}

test_krun_errors_of_the_original()
{
	vm original
	refuses krun_start_enter=-22 ignored "could not start the VM: Invalid argument"
	refuses krun_create_ctx=-24 "" \
		"handler \"krun\": make a context in $RUNLET_LIBKRUN: Too many open files"
}

test_krun_errors_of_every_call()
{
	vm
	local lib=$RUNLET_LIBKRUN why="no more of it"
	annotate krun.nested_virt 1
	annotate krun.gpu_flags 2
	conf '.linux.devices = [{"path": "/dev/xvdz", "type": "b", "major": 7, "minor": 250}]
		| .linux.resources.devices += [{"allow": true, "type": "b", "major": 7, "minor": 250, "access": "rwm"}]'
	echo '{"kernel_path": "/boot/k", "kernel_format": 0}' >"$B/rootfs/.krun_vm.json"
	local before="feature2=1 krun_check_nested_virt=1"
	while read -r call code text; do
		refuses "$call=$code $before" "$why" "${text//LIB/$lib}"
	done <<-END
		krun_create_ctx -12 handler "krun": make a context in LIB: $why: Cannot allocate memory
		krun_get_max_vcpus -13 handler "krun": ask libkrun for the most vCPUs: $why: Permission denied
		krun_check_nested_virt -5 handler "krun": ask libkrun for nested virtualisation: $why: Input/output error
		krun_set_vm_config -22 configure the VM: set $(nproc) vCPUs and 1024 MiB of memory: $why: Invalid argument
		krun_set_kvm_fd -9 configure the VM: pass /dev/kvm on: $why: Bad file descriptor
		krun_set_nested_virt -95 configure the VM: set nested virtualisation: $why: Operation not supported
		krun_set_gpu_options -95 configure the VM: set the GPU's options: $why: Operation not supported
		krun_set_kernel -2 configure the VM: /boot/k: set the kernel: $why: No such file or directory
		krun_set_env -22 configure the VM: set the environment: $why: Invalid argument
		krun_add_virtiofs2 -36 configure the VM: share the root as /dev/root: $why: File name too long
		krun_add_disk2 -16 configure the VM: \$.linux.devices: add the disk /dev/xvdz: $why: Device or resource busy
		krun_fs_add_overlay_file -20 configure the VM: pass the configuration on: $why: Not a directory
		krun_add_vsock_port2 -19 configure the VM: open the agent's port: $why: No such device
		krun_set_ready_fd -9 pass the ready descriptor on: $why: Bad file descriptor
		krun_start_enter -16 could not start the VM: $why: Device or resource busy
	END
}

test_krun_errors_of_calls_to_the_original()
{
	vm original
	annotate krun.network none
	while read -r call code text; do
		refuses "$call=$code" "" "configure the VM: $text"
	done <<-END
		krun_set_log_level -22 set the log level of libkrun: Invalid argument
		krun_set_rlimits -22 set the resource limits: Invalid argument
		krun_set_env -22 set the environment: Invalid argument
		krun_fs_add_overlay_file -22 pass the configuration on: Invalid argument
		krun_disable_implicit_vsock -22 switch the network off: Invalid argument
	END
	annotate krun.network tap
	annotate krun.tap t0
	refuses "krun_add_net_tap=-22 feature0=1" "" \
		"configure the VM: krun.tap: add the network interface: Invalid argument"
}

test_krun_errors_of_calls_to_an_old_library()
{
	vm old
	while read -r call code text; do
		refuses "$call=$code" "" "$text"
	done <<-END
		krun_set_log_level -22 configure the VM: set the log level of libkrun: Invalid argument
		krun_set_workdir -22 configure the VM: \$.process.cwd: set the working directory: Invalid argument
		krun_set_rlimits -22 configure the VM: set the resource limits: Invalid argument
		krun_set_exec -7 configure the VM: \$.process.args: set the program: Argument list too long
	END
}

test_krun_errors_of_a_start_behind_create()
{
	vm
	FAKE_KRUN=krun_start_enter=-22 FAKE_KRUN_SAYS="no room"
	rt_ok create --bundle "$B" "$ID"
	rt_fails "^could not start the VM: no room: Invalid argument" start "$ID"
	rt_ok delete --force "$ID"
}

# ---------------------------------------------------------------- library, /dev/kvm, helpers

test_krun_library_missing()
{
	vm
	export RUNLET_LIBKRUN=/no/libkrun.so.1
	says 'handler "krun": load libkrun: /no/libkrun.so.1: cannot open shared object file: No such file or directory'
	match "the hint" "$ERR" "hint: install runlet's own libkrun.so.1"
	echo text >"$C/text.so"
	export RUNLET_LIBKRUN=$C/text.so
	says "handler \"krun\": load libkrun: $C/text.so: file too short"
}

test_krun_library_everywhere()
{
	vm
	unset RUNLET_LIBKRUN
	! ldconfig -p 2>/dev/null | grep -q libkrun.so.1 || skip "there is a libkrun here"
	rt run --bundle "$B" "$ID"
	match "every place is named" "$ERR" '/libkrun.so.1: .*; libkrun.so.1: '
}

test_krun_function_missing()
{
	vm broken
	says "handler \"krun\": $RUNLET_LIBKRUN has no function krun_set_root"
}

test_krun_full_program_missing()
{
	vm
	case $(basename "$RUNTIME") in
	runlet-full) skip "is the full program itself" ;;
	esac
	file "$RUNTIME" 2>/dev/null | grep -q static || skip "runlet is not the lean program"
	[ ! -e /usr/local/libexec/runlet/runlet-full ] || skip "it is installed"
	cp "$RUNTIME" "$C/alone"
	RUNTIME=$C/alone
	says 'handler "krun" needs the program /usr/local/libexec/runlet/runlet-full: execute it: No such file or directory'
}

test_krun_no_kvm()
{
	vm
	WRAP=(unshare -m sh -c 'mount -t tmpfs tmpfs /dev && mknod -m 666 /dev/null c 1 3 && exec "$@"' sh)
	says 'handler "krun": /dev/kvm: No such file or directory'
	match "the hint" "$ERR" "hint: load kvm_intel or kvm_amd"
}

test_krun_kvm_not_permitted()
{
	vm
	# Root may open anything; a node without the device behind it may be opened by nobody.
	WRAP=(unshare -m sh -c 'mount --bind "$0" /dev/kvm && mount -o remount,bind,ro,nodev /dev/kvm && exec "$@"' /dev/kvm)
	says 'handler "krun": /dev/kvm: Permission denied'
	match "the hint" "$ERR" "hint: not in group kvm"
}

test_krun_kvm_is_something_else()
{
	vm
	WRAP=(unshare -m sh -c 'mount --bind /dev/null /dev/kvm && exec "$@"' sh)
	says 'handler "krun": /dev/kvm: ask for its version: Inappropriate ioctl for device'
}

# A helper in a directory of its own that comes first in PATH.
fake_passt()
{
	mkdir -p "$C/path"
	printf '%s\n' "$1" >"$C/path/passt.sh"
	[ -e "$C/path/passt" ] || cp "$KRUN_FAKES/fake-passt" "$C/path/passt"
	export PATH="$C/path:$PATH"
	FAKE_KRUN=feature0=1
}

test_krun_passt_missing()
{
	vm
	annotate krun.use_passt 1
	FAKE_KRUN=feature0=1
	[ -z "$(PATH=$PATH:/usr/bin command -v passt)" ] || skip "passt is installed"
	says 'network helper `passt` not found on the host (looked in PATH and /usr/bin)'
	[ -z "$(called krun_start_enter)" ] || fail "a machine was made"
}

test_krun_passt_fails()
{
	vm
	annotate krun.use_passt 1
	fake_passt 'echo "one line" >&2; echo "Failed to bind port 80" >&2; exit 3'
	says "network helper $C/path/passt: exit status 3: Failed to bind port 80"
	fake_passt 'kill -9 $$'
	says "network helper $C/path/passt: killed by signal 9"
}

test_krun_passt_is_used()
{
	vm
	annotate krun.use_passt 1
	fake_passt 'echo "$@" >"'"$C"'/passt.args"; readlink /proc/self/ns/net >"'"$C"'/passt.net"; exit 0'
	run_ok
	match "interface" "$(called krun_add_net_unixstream)" '^0 - fd=1 mac=5a .* flags=2$'
	match "arguments" "$(cat "$C/passt.args")" '^--quiet --fd [0-9]+ .*-t all -u all$'
	differ "network namespace" "$(readlink /proc/self/ns/net)" "$(cat "$C/passt.net")"
	refuses "krun_add_net_unixstream=-22 feature0=1" "bad flags" \
		"configure the VM: add the network interface: bad flags: Invalid argument"
}

# Nobody asked for a network, and there is none to be had: that is no error.
test_krun_passt_fails_unasked()
{
	vm
	fake_passt 'echo "External interface not usable" >&2; exit 1'
	FAKE_KRUN="feature0=1 krun_start_enter=exit:6"
	run_status 6
	match "the warning" "$ERR" 'has no network: network helper .*: exit status 1: External interface not usable'
	[ -z "$(called krun_add_net_unixstream)" ] || fail "there is an interface"
}

# A namespace with devices in it, by a program that makes them when it is there.
in_a_network()
{
	need_program ip
	[ -c /dev/net/tun ] || skip "needs /dev/net/tun"
	WRAP=(unshare -n sh -c "ip link set lo up; $1; exec \"\$@\"" sh)
	conf '.linux.namespaces |= map(select(.type != "network"))'
}

test_krun_tap_is_made()
{
	vm
	[ -c /dev/net/tun ] || skip "needs /dev/net/tun"
	annotate krun.network tap
	FAKE_KRUN=feature0=1
	# The container's own hooks find it, and connect it with the rest.
	printf '#!/bin/sh\ncat /proc/net/dev >%s/devices\n' "$C" >"$C/hook"
	chmod +x "$C/hook"
	conf '.hooks.createContainer = [{"path": $h}]' --arg h "$C/hook"
	run_ok
	match "the interface" "$(called krun_add_net_tap_fd)" '^0 tap0 mode=5002 mac=5a features=1983 flags=2$'
	match "in the hook" "$(cat "$C/devices")" 'tap0:'
	[ ! -e /sys/class/net/tap0 ] || fail "it is in the host's network"
	[ -z "$(called krun_add_net_unixstream)" ] || fail "there is passt"
	refuses "krun_add_net_tap_fd=-77 feature0=1" "tap" \
		"configure the VM: add the network interface: tap: File descriptor in bad state"
}

test_krun_tap_that_is_there()
{
	vm
	in_a_network 'ip tuntap add dev net7 mode tap'
	annotate krun.tap net7
	annotate krun.dhcp 0
	FAKE_KRUN=feature0=1
	run_ok
	match "the interface" "$(called krun_add_net_tap_fd)" '^0 net7 mode=5[08]02 .* flags=0$'
	annotate krun.tap net8
	says 'krun.tap: tap device net8: No such device'
	annotate krun.tap lo
	says 'krun.tap: attach to the tap device lo: Invalid argument'
}

test_krun_tap_is_made_in_no_network_of_the_host()
{
	vm
	annotate krun.network tap
	FAKE_KRUN=feature0=1
	conf '.linux.namespaces |= map(select(.type != "network"))'
	says "krun.network: no tap device is made in the host's network, which the container uses"
}

test_krun_tap_without_tun()
{
	vm
	annotate krun.network tap
	WRAP=(unshare -m sh -c 'mount -t tmpfs tmpfs /dev/net 2>/dev/null; exec "$@"' sh)
	[ -d /dev/net ] || WRAP=()
	FAKE_KRUN=feature0=1
	says 'krun.network: open /dev/net/tun: No such file or directory'
}

test_krun_tap_of_the_original()
{
	vm original
	annotate krun.tap net7
	FAKE_KRUN=feature0=1
	run_ok
	match "the interface" "$(called krun_add_net_tap)" '^0 net7 mac=5a features=1983 flags=2$'
	rt_ok plan "$B"
	match "the plan" "$OUT" 'device /dev/net/tun c 10:200'
	conf 'del(.annotations["krun.tap"])'
	annotate krun.network tap
	says "krun.network: $RUNLET_LIBKRUN takes no tap device that is made for it"
}

# Whatever network the library would have by itself.
test_krun_network_none()
{
	vm
	fake_passt 'exit 0'
	annotate krun.network none
	FAKE_KRUN=feature0=1
	run_ok
	[ -z "$(called krun_add_net_unixstream)" ] || fail "there is an interface"
	RUNLET_LIBKRUN=$KRUN_FAKES/fake-original.so
	rm "$C/krun.log"
	run_ok
	equal "the original's own way" 0 "$(called krun_disable_implicit_vsock)"
	RUNLET_LIBKRUN=$KRUN_FAKES/fake-old.so
	annotate krun.network passt
	run_ok
	match "the interface" "$(called krun_add_net_unixstream)" 'flags=2$'
}

test_krun_without_network_devices()
{
	vm
	annotate krun.use_passt 1
	fake_passt 'exit 0'
	FAKE_KRUN=feature0=0
	says "krun.use_passt: $RUNLET_LIBKRUN is built without network devices"
}

# -------------------------------------------------------------------------- what is asked for

test_krun_wrong_annotations()
{
	vm
	local key value text
	while read -r key value text; do
		conf '.annotations = {"run.oci.handler": "krun"}'
		annotate "$key" "$value"
		says "$key: $text"
	done <<-END
		krun.cpus 300 300 is out of range (1..8)
		krun.cpus 256 256 is out of range (1..8)
		krun.cpus 0 0 is out of range (1..8)
		krun.cpus -1 -1 is out of range (1..8)
		krun.cpus 4294967297 4294967297 is out of range (1..8)
		krun.cpus 99999999999999999999999 99999999999999999999999 is out of range (1..8)
		krun.cpus two "two" is not a whole number
		krun.cpus 1.5 "1.5" is not a whole number
		krun.ram_mib 8 8 is out of range (64..4194304)
		krun.ram_mib 4194305 4194305 is out of range (64..4194304)
		krun.ram_mib 1g "1g" is not a whole number
		krun.use_passt 2 2 is out of range (0..1)
		krun.use_passt yes "yes" is not a whole number
		krun.nested_virt 7 7 is out of range (0..1)
		krun.gpu_flags 4294967296 4294967296 is out of range (0..4294967295)
		krun.network bridge "bridge" is none of passt, tap, none
		krun.tap no/name "no/name" is no name of an interface
		krun.dhcp 2 2 is out of range (0..1)
		krun.variant sev "sev" machines are not built in
		krun.variant aws-nitro "aws-nitro" machines are not built in
		krun.variant fast "fast" is none of sev, tdx, aws-nitro
	END
}

test_krun_wrong_settings_of_the_image()
{
	vm
	local json text
	while IFS='|' read -r json text; do
		printf '%s' "$json" >"$B/rootfs/.krun_vm.json"
		says "$text"
	done <<-END
		{"kernel_format": "1"}|.krun_vm.json: kernel_format: expected integer, found string
		{"cpus": 300}|.krun_vm.json: cpus: 300 is out of range (1..8)
		{"cpus": 1.5}|.krun_vm.json: cpus: expected integer, found number
		{"cpus": 18446744073709551617}|.krun_vm.json: cpus: 18446744073709551617 is out of range (1..8)
		{"ram_mib": null}|.krun_vm.json: ram_mib: expected integer, found null
		{"kernel_path": 1}|.krun_vm.json: kernel_path: expected string, found number
		{"kernel_path": "/k"}|.krun_vm.json: kernel_path: needs kernel_format
		{"flavor": "fast"}|.krun_vm.json: flavor: "fast" is none of sev, tdx, aws-nitro
		[]|.krun_vm.json: expected object, found array
	END
	printf '{"cpus": 1' >"$B/rootfs/.krun_vm.json"
	rt_fails '^.krun_vm.json: line 1: ' run --bundle "$B" "$ID"
}

# An image may hold anything under that name; none of it makes us read elsewhere, or wait.
test_krun_hostile_settings_file()
{
	vm
	local file=$B/rootfs/.krun_vm.json
	ln -s /etc/passwd "$file"
	says 'handler "krun": open .krun_vm.json of the image: Too many levels of symbolic links'
	rm "$file" && mkfifo "$file"
	says 'handler "krun": .krun_vm.json: is not a regular file'
	rm "$file" && mkdir "$file"
	says 'handler "krun": .krun_vm.json: is not a regular file'
	rmdir "$file" && mknod "$file" c 1 5
	says 'handler "krun": .krun_vm.json: is not a regular file'
	rm "$file" && head -c 100000 /dev/zero | tr '\0' ' ' >"$file"
	rt_fails '^handler "krun": read .krun_vm.json of the image: .*File too large' run --bundle "$B" "$ID"
}

test_krun_an_image_opens_no_ports_of_the_host()
{
	vm
	fake_passt 'exit 0'
	echo '{"use_passt": 1}' >"$B/rootfs/.krun_vm.json"
	conf '.linux.namespaces |= map(select(.type != "network"))'
	says ".krun_vm.json: use_passt: the container uses the host's network"
}

test_krun_wrong_vm_object()
{
	vm
	local json text
	while IFS='|' read -r json text; do
		conf '.vm = ({"kernel": {"path": "/k"}} + $v)' --argjson v "$json"
		says "$text"
	done <<-'END'
		{"hwConfig": {"vcpus": 256}}|$.vm.hwConfig.vcpus: 256 is out of range (1..8)
		{"hwConfig": {"memory": 1048576}}|$.vm.hwConfig.memory: 1048576 is out of range (67108864..4398046511104)
		{"hwConfig": {"deviceTree": "/d"}}|$.vm.hwConfig.deviceTree: libkrun passes no hardware through
		{"hwConfig": {"irqs": [1]}}|$.vm.hwConfig.irqs: libkrun passes no hardware through
		{"image": {"path": "/i", "format": "vhd"}}|$.vm.image.format: libkrun knows raw, qcow2 and vmdk only
		{"kernel": {"path": "/no/kernel"}}|$.vm.kernel.path: open /no/kernel: No such file or directory
		{"hypervisor": {"path": "/usr/bin/no-such"}}|handler "krun": $.vm.hypervisor.path: load libkrun: /usr/bin/no-such: cannot open shared object file: No such file or directory
	END
}

test_krun_too_little_memory()
{
	vm
	conf '.linux.resources.memory.limit = 50331648'
	says '$.linux.resources.memory.limit: 50331648 bytes leave 32 MiB for the virtual machine, which needs at least 64'
}

test_krun_what_a_machine_cannot_do()
{
	vm
	NOTIFY_SOCKET=/run/nowhere says 'NOTIFY_SOCKET: a program in a virtual machine cannot reach it'
	exec 3</dev/null
	rt_fails 'preserve-fds: a virtual machine cannot be passed descriptors' \
		run --preserve-fds 1 --bundle "$B" "$ID"
	annotate krun.gpu_flags 0
	says "krun.gpu_flags: $RUNLET_LIBKRUN is built without a GPU"
}
