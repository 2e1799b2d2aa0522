# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Hostile images, programs and neighbours. Whatever they try, it fails closed, and the host is as
# it was. docs/threat-model.md numbers these attacks; the numbers are in the comments.

# ------------------------------------------------------- the runtime's own program (1-5)

# The digest of the runtime must be the same after the attack.
unchanged()
{
	equal "the runtime's file" "$1" "$(sha256sum <"$RUNTIME")"
}

# (1) The image's program is a link to the process that starts it.
test_attacks_entrypoint_proc_self_exe()
{
	bundle
	local before
	before=$(sha256sum <"$RUNTIME")
	conf '.process.args = ["/proc/self/exe", "write-exe"]'
	PATIENCE=10
	rt run --bundle "$B" "$ID"
	no_match "output" "$OUT" "exe.write=ok"
	unchanged "$before"
}

# (1) ... by the way of an interpreter.
test_attacks_entrypoint_interpreter_proc_self_exe()
{
	bundle
	local before
	before=$(sha256sum <"$RUNTIME")
	printf '#!/proc/self/exe\n' >"$B/rootfs/script"
	chmod 755 "$B/rootfs/script"
	conf '.process.args = ["/script"]'
	PATIENCE=10
	rt run --bundle "$B" "$ID"
	unchanged "$before"
}

# (2) exec meets a shell that is such a link.
test_attacks_exec_proc_self_exe()
{
	sleeper
	local before
	before=$(sha256sum <"$RUNTIME")
	ln -s /proc/self/exe "$B/rootfs/bin/sh"
	PATIENCE=10
	rt exec "$ID" /bin/sh --version
	rt exec "$ID" /proc/self/exe --version
	# The program of the runtime must not run inside: it would print its version.
	no_match "output" "$OUT" "^runlet version"
	unchanged "$before"
}

# prey CAPABILITY...   a container whose first process preys on whoever comes in
prey()
{
	bundle
	conf '.process.capabilities |= map_values(. + $ARGS.positional)' --args -- "$@"
	payload prey 20 /tmp/stop /tmp/prey memfd:runlet-stub
	start_ok
	wait_for "the first process" grep -q ready "$B/rootfs/tmp/prey"
}

prey_report()
{
	touch "$B/rootfs/tmp/stop"
	wait_for "the report" grep -q finished=1 "$B/rootfs/tmp/prey"
	OUT=$(cat "$B/rootfs/tmp/prey")
}

# (3), (5), (10) Many execs, and a hostile first process that watches for them.
test_attacks_exec_is_not_preyed_upon()
{
	local before i
	before=$(sha256sum <"$RUNTIME")
	prey CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER
	for i in $(seq 60); do
		rt_ok exec "$ID" /payload exit 0
	done
	prey_report
	no_match "write to the program" "$(got prey.write)" "^ok$"
	[ "$(got prey.traced)" = 0 ] || fail "could trace $(got prey.victim), $(got prey.traced) times"
	expect prey.fds 0
	unchanged "$before"
}

# (3), (4) With CAP_SYS_PTRACE the joining process itself cannot be hidden, but the runtime's
# program must stay out of reach all the same.
test_attacks_exec_is_not_preyed_upon_with_capabilities()
{
	local before i
	before=$(sha256sum <"$RUNTIME")
	prey CAP_DAC_OVERRIDE CAP_SYS_PTRACE CAP_SYS_ADMIN
	for i in $(seq 60); do
		rt exec "$ID" /payload exit 0
	done
	prey_report
	no_match "write to the program" "$(got prey.write)" "^ok$"
	unchanged "$before"
}

# (4) With CAP_SYS_ADMIN, the mount of the program cannot be made writable either.
test_attacks_own_program_in_proc()
{
	bundle
	local before
	before=$(sha256sum <"$RUNTIME")
	conf '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE"])'
	payload write-exe /proc/1/exe + write-exe /proc/self/exe
	run_ok
	unchanged "$before"
}

# ------------------------------------------------------- descriptors and directories (6-12)

# (6) A working directory in a descriptor that the runtime holds on the host.
test_attacks_cwd_in_a_descriptor()
{
	local fd
	for fd in $(seq 3 20); do
		bundle
		conf '.process.cwd = $d' --arg d "/proc/self/fd/$fd"
		payload report process + ls . + try-open ../../../../etc/hostname r
		rt run --bundle "$B" "$ID"
		[ "$RC" != 0 ] || no_match "directory $fd" "$(got cwd)" "^/proc/self/fd|unreachable|ENOENT"
		no_match "entries" "$(got entry)" "^(usr|var|home|config.json)$"
		no_state "$ID"
	done
}

test_attacks_cwd_through_a_link()
{
	bundle
	ln -s /proc/self/fd/7 "$B/rootfs/link"
	conf '.process.cwd = "/link"'
	payload ls .
	rt run --bundle "$B" "$ID"
	no_match "entries" "$(got entry)" "^(usr|var|home|config.json)$"
	bundle
	conf '.process.cwd = "/proc/1/cwd"'
	payload ls .
	rt run --bundle "$B" "$ID"
	no_match "entries" "$(got entry)" "^(usr|var|home|config.json)$"
}

# (6) The same on exec.
test_attacks_exec_cwd_in_a_descriptor()
{
	sleeper
	local fd
	for fd in $(seq 3 15); do
		rt exec --cwd "/proc/self/fd/$fd" "$ID" /payload ls . + report process
		[ "$RC" != 0 ] || no_match "directory $fd" "$(got cwd)" "^/proc/self/fd|unreachable|ENOENT"
		no_match "entries" "$(got entry)" "^(usr|var|home|config.json)$"
	done
}

# (7) A program by the way of a descriptor.
test_attacks_program_in_a_descriptor()
{
	local fd
	for fd in $(seq 3 15); do
		bundle
		conf '.process.args = [$p, "--version"]' --arg p "/proc/self/fd/$fd"
		rt run --bundle "$B" "$ID"
		no_match "output of descriptor $fd" "$OUT" " version "
		no_state "$ID"
	done
}

# (8), (9) The caller leaked a directory of the host.
test_attacks_leaked_directory()
{
	bundle
	payload report fds + try-open /proc/self/fd/9/etc/hostname r
	WRAP+=("$PROGRAMS/host" with-fds 3 15 /)
	run_ok
	expect_match "open./proc/self/fd/9/etc/hostname" "ENOENT|EBADF|ENOTDIR"
}

# ------------------------------------------------------- links in the image (13-20)

# (13) Every place the runtime writes to, as a link out of the root.
test_attacks_links_out_of_the_root()
{
	unlike runc : "CVE-2026-41579 is in this version"
	local place form target
	for place in dev dev/pts dev/shm proc sys etc; do
		for form in absolute relative; do
			bundle "$C/$form-${place//\//-}"
			mkdir -p "$C/outside"
			target=$C/outside
			[ $form = absolute ] || target=../../../../../../../../../..$C/outside
			mkdir -p "$B/rootfs/$(dirname $place)"
			rm -rf "${B:?}/rootfs/$place"
			ln -s "$target" "$B/rootfs/$place"
			payload exit 0
			rt run --bundle "$B" "$ID"
			equal "the directory outside, with /$place as $form link" "" "$(ls -A "$C/outside")"
			[ ! -e "$STATE/$ID" ] || rt delete --force "$ID"
		done
	done
	no_match "mounts of the host" "$(mount_points)" "$C/outside"
}

# (13) Without the mount over it, device files would be made through the link, on the host.
test_attacks_link_instead_of_dev()
{
	unlike crun runc : "CVE-2026-41579 and CVE-2026-47766 are in these versions"
	mkdir -p "$C/outside"
	touch "$C/outside/null" "$C/outside/precious"
	bundle
	conf '.mounts |= map(select(.destination | startswith("/dev") | not))'
	rm -rf "$B/rootfs/dev"
	ln -s "$C/outside" "$B/rootfs/dev"
	payload exit 0
	rt run --bundle "$B" "$ID"
	equal "the directory outside" "null precious" "$(find "$C/outside" -mindepth 1 -printf "%f\n" | sort | xargs)"
	[ -f "$C/outside/null" ] || fail "the host's file was replaced"
}

# (13) Single device paths and their links.
test_attacks_links_instead_of_devices()
{
	local name
	for name in null zero full random urandom tty fd stdin stdout stderr ptmx core console; do
		rm -rf "$C/bundle" "$C/outside"
		mkdir -p "$C/outside"
		echo precious >"$C/outside/file"
		bundle
		conf '.mounts |= map(select(.destination != "/dev"))'
		ln -s "$C/outside/file" "$B/rootfs/dev/$name"
		payload exit 0
		rt run --bundle "$B" "$ID"
		equal "the file outside, behind /dev/$name" precious "$(cat "$C/outside/file")"
		equal "the directory outside" file "$(ls "$C/outside")"
	done
}

# (13) cwd and device paths from the configuration.
test_attacks_links_in_configured_paths()
{
	mkdir -p "$C/outside"
	bundle
	ln -s "$C/outside" "$B/rootfs/link"
	conf '.process.cwd = "/link/made" | .linux.devices = [{path: "/link/device", type: "c",
		major: 1, minor: 3}]'
	payload exit 0
	rt run --bundle "$B" "$ID"
	equal "the directory outside" "" "$(ls -A "$C/outside")"
}

# (15) Destinations with dots, loops and links that dangle.
test_attacks_mount_destinations()
{
	local destination
	mkdir -p "$C/outside"
	for destination in "/../../../../../../../../..$C/outside/x" /loop/x /dangling/x /a/../../../x \
		/proc/self/root/x /link/x "//x//" /x/./y; do
		rm -rf "$C/bundle"
		bundle
		ln -s loop "$B/rootfs/loop"
		ln -s "$C/outside/deep" "$B/rootfs/dangling"
		ln -s "$C/outside" "$B/rootfs/link"
		conf '.mounts += [{destination: $d, type: "tmpfs", source: "tmpfs"}]' --arg d "$destination"
		payload exit 0
		rt run --bundle "$B" "$ID"
		[ "$RC" -lt 128 ] || [ "$RC" -ge 253 ] || fail "$destination: crashed with $RC"
		equal "the directory outside, with $destination" "" "$(ls -A "$C/outside")"
	done
}

# (14) A neighbour on a shared volume swaps a directory for a link while containers are made.
test_attacks_neighbour_swaps_the_destination()
{
	unlike runc : "CVE-2024-45310 is in this version"
	mkdir -p "$C/outside" "$C/volume/target"
	ln -s "$C/outside" "$C/volume/link"
	helper "$PROGRAMS/payload" swap "$C/volume/target" "$C/volume/link" 20 "$C/stop"
	local i
	bundle
	conf '.mounts += [{destination: "/volume", type: "bind", source: $v, options: ["rbind"]},
		{destination: "/volume/target/deep", type: "tmpfs", source: "tmpfs"}]' --arg v "$C/volume"
	payload exit 0
	for i in $(seq "${ATTACK_ROUNDS:-100}"); do
		rt run --bundle "$B" "$ID"
		[ "$RC" -lt 128 ] || [ "$RC" -ge 253 ] || fail "crashed with $RC: $ERR"
		[ -z "$(ls -A "$C/outside")" ] || fail "round $i made $(ls -A "$C/outside") outside"
		no_match "mounts of the host" "$(mount_points)" "$C/outside"
		no_state "$ID"
	done
	touch "$C/stop"
}

# (18) The root itself is swapped.
test_attacks_root_is_a_link_to_the_host()
{
	unlike crun : "follows it"
	bundle
	rm -rf "$B/rootfs"
	ln -s / "$B/rootfs"
	payload exit 0
	rt run --bundle "$B" "$ID"
	differ "exit status" 0 "$RC"
}

# (19) What tmpcopyup copies must not be what a link leads to.
test_attacks_tmpcopyup_links()
{
	bundle
	mkdir -p "$B/rootfs/data" "$C/outside"
	echo secret >"$C/outside/file"
	ln -s "$C/outside/file" "$B/rootfs/data/file"
	ln -s "$C/outside" "$B/rootfs/data/dir"
	ln -s "$C/outside" "$B/rootfs/linked"
	conf '.mounts += [{destination: "/data", type: "tmpfs", source: "tmpfs",
		options: ["tmpcopyup"]}]'
	payload readlink /data/file /data/dir + cat /data/file /data/dir/file
	run_ok
	expect link./data/file "$C/outside/file"
	expect link./data/dir "$C/outside"
	no_match "output" "$OUT" secret
	conf '.mounts[-1].destination = "/linked"'
	payload ls /linked + cat /linked/file
	rt run --bundle "$B" "$ID"
	no_match "output" "$OUT" secret
}

# (20) The image's passwd as something that never ends, or never begins.
test_attacks_passwd_is_no_file()
{
	only runlet : "hangs"
	local kind
	for kind in fifo zero directory link endless huge; do
		bundle "$C/$kind"
		rm -f "$B/rootfs/etc/passwd"
		case $kind in
		fifo) mkfifo "$B/rootfs/etc/passwd" ;;
		zero) mknod "$B/rootfs/etc/passwd" c 1 5 ;;
		directory) mkdir "$B/rootfs/etc/passwd" ;;
		link) ln -s /proc/self/fd/0 "$B/rootfs/etc/passwd" ;;
		endless) ln -s /dev/zero "$B/rootfs/etc/passwd" ;;
		huge) truncate -s 4G "$B/rootfs/etc/passwd" ;;
		esac
		conf '.process.user = {uid: 1000, gid: 1000}'
		payload echo fine
		PATIENCE=10
		rt run --bundle "$B" "$ID"
		[ "$RC" -lt 128 ] || [ "$RC" -ge 253 ] || fail "$kind: crashed with $RC"
	done
}

# ------------------------------------------------------- procfs (21-27)

# (21) A volume over the files the runtime itself reads and writes.
test_attacks_volume_over_proc()
{
	unlike crun : "allows it"
	local place
	mkdir -p "$C/fake/self/attr" "$C/fake/sys"
	touch "$C/fake/self/attr/exec" "$C/fake/self/attr/current"
	for place in /proc /proc/self /proc/self/attr /proc/sys; do
		bundle
		conf '.mounts += [{destination: $d, type: "bind", source: $s, options: ["rbind"]}]' \
			--arg d "$place" --arg s "$C/fake"
		rt run --bundle "$B" "$ID"
		differ "exit status with a volume at $place" 0 "$RC"
		no_state "$ID"
	done
	unlike runc : "allows a tmpfs"
	for place in /proc/self/attr /proc/sys/kernel; do
		bundle
		conf '.mounts += [{destination: $d, type: "tmpfs", source: "tmpfs"}]' --arg d "$place"
		rt run --bundle "$B" "$ID"
		differ "exit status with a tmpfs at $place" 0 "$RC"
	done
}

# (21) Not procfs at all: then labels, sysctls and descriptors must not be written there.
test_attacks_tmpfs_as_proc()
{
	bundle
	conf '.mounts |= map(if .destination == "/proc" then {destination: "/proc", type: "tmpfs",
		source: "tmpfs"} else . end) | .linux.sysctl = {"kernel.msgmax": "12345"}
		| .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	payload exit 0
	rt run --bundle "$B" "$ID"
	[ "$RC" -lt 128 ] || [ "$RC" -ge 253 ] || fail "crashed with $RC"
	differ "msgmax of the host" 12345 "$(cat /proc/sys/kernel/msgmax)"
}

# (24) A masked path in an image where /dev/null is something else.
test_attacks_dev_null_is_replaced()
{
	bundle
	echo secret >"$B/rootfs/secret-file"
	conf '.mounts |= map(select(.destination | startswith("/dev") | not))
		| .linux.maskedPaths = ["/secret-file"]'
	echo public >"$B/rootfs/dev/null"
	payload cat /secret-file
	rt run --bundle "$B" "$ID"
	no_match "what is read" "$(got /secret-file)" "secret|public"
	bundle "$C/link"
	echo secret >"$B/rootfs/secret-file"
	conf '.mounts |= map(select(.destination | startswith("/dev") | not))
		| .linux.maskedPaths = ["/secret-file"]'
	ln -s /secret-file "$B/rootfs/dev/null"
	payload cat /secret-file
	rt run --bundle "$B" "$ID"
	no_match "what is read" "$(got /secret-file)" "secret"
}

# (27) Another mount of proc does not undo the masks for a container without CAP_SYS_ADMIN.
test_attacks_masked_and_readonly_paths_hold()
{
	bundle
	conf '.process.capabilities |= map_values(. + ["CAP_SYS_CHROOT", "CAP_MKNOD"])'
	payload try-mount proc /tmp proc + try-mount /proc/sys /proc/sys remount-rw + \
		try-umount /proc/sys /proc/timer_list + try-write /proc/sys/kernel/msgmax 1 + \
		try-open /proc/self/root/proc/sys/kernel/msgmax w
	run_ok
	expect mount./tmp EPERM
	expect mount./proc/sys EPERM
	expect write./proc/sys/kernel/msgmax EROFS
	expect open./proc/self/root/proc/sys/kernel/msgmax EROFS
}

# ------------------------------------------------------- ids, capabilities, keyrings (28-33)

# (33) A container finds nobody else's keyring by its name.
test_attacks_keyring_is_not_shared()
{
	unlike runc : "names the keyring after the container"
	bundle
	payload report keyring
	run_ok
	local first
	first=$(got keyring)
	run_ok
	differ "keyring of the second container" "$first" "$(got keyring)"
}

# (31) NNP is on before anything of the image runs, and seccomp cannot be escaped by it.
test_attacks_setuid_program_in_the_image()
{
	need_root
	bundle
	cp "$B/rootfs/payload" "$B/rootfs/su"
	chmod 6755 "$B/rootfs/su"
	conf '.process.user = {uid: 1000, gid: 1000}'
	payload spawn /su report ids caps
	run_ok
	expect euid 1000
	expect egid 1000
	expect cap.effective "$(capmask)"
}

# ------------------------------------------------------- cgroups (34-40)

# (36), (37) A bomb goes off while it is being defused.
test_attacks_fork_bomb_while_deleting()
{
	need_controller pids
	bundle
	conf '.linux.resources.pids = {limit: 200}
		| .linux.namespaces |= map(select(.type != "pid"))'
	payload fork-until 150 + write /tmp/ready yes + sleep
	start_ok
	wait_for "the bomb" test -e "$B/rootfs/tmp/ready"
	rt_ok delete --force "$ID"
	no_state "$ID"
	missing "$(cgdir pids)"
}

# (38) The release agent of a hierarchy is not the container's to set.
test_attacks_release_agent()
{
	need_v1
	bundle
	conf '.mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup"}]
		| .linux.namespaces += [{type: "cgroup"}]'
	payload try-write /sys/fs/cgroup/memory/release_agent /bin/false + \
		try-write /sys/fs/cgroup/release_agent /bin/false
	run_ok
	differ "outcome" ok "$(got write./sys/fs/cgroup/memory/release_agent)"
	differ "release agent" /bin/false "$(cat /sys/fs/cgroup/memory/release_agent)"
}

# ------------------------------------------------------- the state directory (45-50)

# (46) Links and pipes where the state should be.
test_attacks_state_is_a_link()
{
	bundle
	payload exit 0
	mkdir "$C/outside"
	ln -s "$C/outside" "$STATE/$ID"
	rt run --bundle "$B" "$ID"
	equal "the directory outside" "" "$(ls -A "$C/outside")"
	rm -f "$STATE/$ID"
	only runlet : "hangs, or removes it"
	mkfifo "$STATE/$ID"
	PATIENCE=5
	rt run --bundle "$B" "$ID"
	differ "exit status" 0 "$RC"
	rm -f "$STATE/$ID"
}

# (46) Files of the state that were damaged: an error, or the truth; no crash, no foreign victim.
test_attacks_state_is_damaged()
{
	need_root
	only runlet : "the state's format is the runtime's own"
	helper sleep 60
	local victim file how
	victim=$(tail -n 1 "$C/helpers")
	for how in empty short noise; do
		sleeper
		find "$STATE/$ID" -type f | while read -r file; do
			case $how in
			empty) : >"$file" ;;
			short) truncate -s 20 "$file" ;;
			noise) head -c 300 /dev/urandom >"$file" ;;
			esac
		done
		for verb in state kill pause ps; do
			rt $verb "$ID"
			[ "$RC" -lt 128 ] || [ "$RC" -ge 253 ] || fail "$verb with $how crashed: $RC"
		done
		rt delete --force "$ID"
		[ "$RC" -lt 128 ] || [ "$RC" -ge 253 ] || fail "delete with $how crashed: $RC"
		kill -0 "$victim" || fail "a process of somebody else was killed"
		thaw_and_kill "$(cgdir freezer)"
		rm -rf "${STATE:?}/$ID" "$C/bundle"
		touch "$C/own-cgroups"
	done
}

# (50) No room for the state.
test_attacks_state_directory_is_full()
{
	mkdir "$C/state-full"
	mount -t tmpfs -o size=4k,nr_inodes=3 tmpfs "$C/state-full"
	GLOBALS=(--root "$C/state-full" "${BASE_GLOBALS[@]}")
	bundle
	payload sleep
	rt create --bundle "$B" "$ID"
	if [ "$RC" = 0 ]; then
		rt_ok delete --force "$ID"
	elif [ -e "$C/state-full/$ID" ]; then
		[ "$KIND" != runlet ] || fail "state was left: $(ls -A "$C/state-full/$ID")"
		rt delete --force "$ID"
	fi
	umount -l "$C/state-full"
	[ -z "$(leftovers)" ] || sleep 0.3
	equal "processes left" "" "$(leftovers)"
}

# (54) The log is a link to a file of the host; it is appended to, at most, never truncated.
test_attacks_log_keeps_what_is_there()
{
	echo precious >"$C/file"
	ln -s "$C/file" "$C/log"
	GLOBALS+=(--log "$C/log" --log-format json)
	rt_fails "." state nobody
	match "the file" "$(cat "$C/file")" "precious"
}

# (51) A console socket that nobody accepts on.
test_attacks_console_socket_is_no_socket()
{
	local kind
	for kind in file directory fifo; do
		rm -rf "$C/console" "$C/bundle"
		case $kind in
		file) touch "$C/console" ;;
		directory) mkdir "$C/console" ;;
		fifo) mkfifo "$C/console" ;;
		esac
		bundle
		conf '.process.terminal = true'
		payload sleep
		PATIENCE=10
		rt create --bundle "$B" --console-socket "$C/console" "$ID"
		differ "exit status with a $kind" 0 "$RC"
		no_state "$ID"
	done
}

# ------------------------------------------------------- leakage (55, 56)

test_attacks_many_runs_leave_nothing()
{
	local i before
	bundle
	payload exit 0
	run_ok
	before=$(mount_points | wc -l)
	for i in $(seq "${LEAK_ROUNDS:-50}"); do
		run_ok
	done
	equal "number of mounts" "$before" "$(mount_points | wc -l)"
	equal "state" "" "$(find "$STATE" -mindepth 1 -maxdepth 1 ! -name '.*')"
	equal "cgroups" "" "$(cgroup_dirs "$CG")"
	equal "processes" "" "$(leftovers)"
}
