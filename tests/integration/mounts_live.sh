# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# `mounts add` and `mounts remove` on a container that is there already.

# The container under test: a sleeper, and a source with a file.
live()
{
	only runlet : "1.8.1 and runc have no such command"
	need_call mount_setattr
	need_call open_tree
	mkdir -p "$C/source/sub"
	echo content >"$C/source/file"
	chmod -R a+rX "$C/source"
	sleeper "$@"
}

# entry DESTINATION TYPE SOURCE OPTION...   one more in $C/mounts.json
entry()
{
	[ -f "$C/mounts.json" ] || echo '[]' >"$C/mounts.json"
	jq '. + [{destination: $d, type: $t, source: $s, options: $ARGS.positional}]' "$C/mounts.json" \
		--arg d "$1" --arg t "$2" --arg s "$3" --args -- "${@:4}" >"$C/mounts.new"
	mv "$C/mounts.new" "$C/mounts.json"
}

add_ok()
{
	rt_ok mounts add "$ID" "$C/mounts.json"
	equal "standard output" "" "$OUT"
}

remove_ok()
{
	rt_ok mounts remove "$ID" "$C/mounts.json"
}

# The container's mount table, without what changes by itself.
table()
{
	awk '{ print $5, $6, $9, $10, $11 }' "/proc/$(init_pid)/mountinfo"
}

add_fails()
{
	local before
	before=$(table)
	rt_fails "$1" mounts add "$ID" "$C/mounts.json"
	equal "mounts of the container" "$before" "$(table)"
	is_status running || fail "it is $(status)"
}

remove_fails()
{
	local before
	before=$(table)
	rt_fails "$1" mounts remove "$ID" "$C/mounts.json"
	equal "mounts of the container" "$before" "$(table)"
}

test_mounts_live_bind()
{
	live
	local before
	before=$(table)
	entry /data bind "$C/source" bind ro nosuid nodev
	add_ok
	exec_ok cat /data/file + try-open /data/new creat + report mounts
	expect /data/file content
	expect open./data/new EROFS
	expect_mount /data "ro,nosuid,nodev"
	remove_ok
	equal "mounts of the container" "$before" "$(table)"
	exec_ok try-open /data/file r
	expect open./data/file ENOENT
}

test_mounts_live_bind_of_a_file()
{
	live
	entry /etc/one bind "$C/source/file" bind
	add_ok
	exec_ok cat /etc/one
	expect /etc/one content
	remove_ok
	exec_ok cat /etc/one
	differ "content" content "$(got /etc/one)"
}

# Nothing of the host shows where it is mounted in the container, and nothing reaches back.
test_mounts_live_host_sees_nothing()
{
	live
	local before
	before=$(mount_points | wc -l)
	entry /data tmpfs tmpfs
	entry /more bind "$C/source" rbind
	add_ok
	equal "mounts of the host" "$before" "$(mount_points | wc -l)"
}

test_mounts_live_tmpfs()
{
	live
	entry /scratch tmpfs tmpfs size=64k mode=0700 noexec
	add_ok
	exec_ok report mounts + write /scratch/x y + stat /scratch
	expect_mount /scratch "^tmpfs rw,.*noexec.* .*size=64k.*mode=700"
	remove_ok
	exec_ok try-open /scratch/x r
	expect open./scratch/x ENOENT
}

test_mounts_live_tmpfs_read_only_with_a_mount_in_it()
{
	live
	entry /scratch tmpfs tmpfs ro
	entry /scratch/in bind "$C/source" bind
	add_ok
	exec_ok try-open /scratch/x creat + cat /scratch/in/file
	expect open./scratch/x EROFS
	expect /scratch/in/file content
	remove_ok
	exec_ok report mounts
	no_mount /scratch
	no_mount /scratch/in
}

test_mounts_live_tmpcopyup()
{
	live
	mkdir "$B/rootfs/etc/kept"
	echo here >"$B/rootfs/etc/kept/file"
	entry /etc/kept tmpfs tmpfs tmpcopyup
	add_ok
	exec_ok cat /etc/kept/file + write /etc/kept/new x
	expect /etc/kept/file here
	missing "$B/rootfs/etc/kept/new"
}

# A procfs shows the pid namespace of whoever mounts it.
test_mounts_live_proc_is_the_containers()
{
	need_root
	live '.mounts |= map(select(.destination != "/proc")) | del(.linux.maskedPaths, .linux.readonlyPaths)'
	entry /proc proc proc
	add_ok
	exec_ok cat /proc/1/comm
	expect /proc/1/comm payload
}

test_mounts_live_idmapped()
{
	live
	need_root
	entry /data bind "$C/source" bind
	jq '.[0] += {uidMappings: [{containerID: 0, hostID: 4000, size: 10}],
		gidMappings: [{containerID: 0, hostID: 4000, size: 10}]}' "$C/mounts.json" >"$C/m"
	mv "$C/m" "$C/mounts.json"
	rt mounts add "$ID" "$C/mounts.json"
	[ "$RC" = 0 ] || skip "no id-mapped mounts here: $ERR"
	exec_ok stat /data/file
	match "owner" "$(got stat./data/file)" "uid=4000|4000"
}

test_mounts_live_in_a_user_namespace()
{
	need_root
	live '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
	chown 100000:100000 "$B/rootfs"
	entry /data bind "$C/source" bind ro
	entry /tmp/scratch tmpfs tmpfs
	add_ok
	exec_ok cat /data/file + write /tmp/scratch/x y + stat /tmp/scratch/x
	expect /data/file content
	remove_ok
	exec_ok report mounts
	no_mount /data
	no_mount /tmp/scratch
}

test_mounts_live_created_and_paused()
{
	live
	need_controller freezer
	rt_ok pause "$ID"
	entry /data bind "$C/source" bind
	add_ok
	rt_ok resume "$ID"
	exec_ok cat /data/file
	expect /data/file content
}

test_mounts_live_before_start()
{
	only runlet : "1.8.1 and runc have no such command"
	need_call mount_setattr
	bundle
	mkdir "$C/source"
	echo content >"$C/source/file"
	payload cat /data/file
	rt_ok create --bundle "$B" "$ID"
	entry /data bind "$C/source" bind
	add_ok
	rt_ok start "$ID"
	wait_for "the output" grep -q content "$COUT"
}

test_mounts_live_stdin()
{
	live
	entry /data bind "$C/source" bind
	INPUT=$C/mounts.json rt_ok mounts add "$ID" -
	exec_ok cat /data/file
	expect /data/file content
}

test_mounts_live_order()
{
	live
	entry /a tmpfs tmpfs
	entry /a/b tmpfs tmpfs
	entry /a/b/c bind "$C/source/file" bind
	add_ok
	exec_ok cat /a/b/c
	expect /a/b/c content
	remove_ok
	exec_ok report mounts
	no_mount /a
}

# -------------------------------------------------------------------------------- all or nothing

test_mounts_live_one_that_fails_takes_all_back()
{
	live
	entry /data bind "$C/source" bind
	entry /etc/passwd tmpfs tmpfs
	touch "$B/rootfs/etc/passwd"
	add_fails 'directory'
	missing "$B/rootfs/etc/passwd/x"
}

test_mounts_live_nothing_is_made_for_a_missing_source()
{
	live
	entry /made tmpfs tmpfs
	entry /data bind "$C/none" bind
	add_fails 'No such file'
	missing "$B/rootfs/made"
	missing "$B/rootfs/data"
}

test_mounts_live_bad_option_of_a_file_system()
{
	live
	entry /made tmpfs tmpfs nonsense=5
	add_fails 'nonsense'
	missing "$B/rootfs/made"
}

test_mounts_live_bad_files()
{
	live
	local text
	while IFS= read -r text; do
		echo "$text" >"$C/mounts.json"
		add_fails 'mounts.json|\$\['
	done <<-'END'
		{}
		[1]
		[{"type": "tmpfs"}]
		[{"destination": "/", "type": "tmpfs", "source": "tmpfs"}]
		[{"destination": "/a/..", "type": "tmpfs", "source": "tmpfs"}]
		[{"destination": "/x", "type": "cgroup", "source": "cgroup"}]
		[{"destination": "/dev", "options": ["remount", "ro"]}]
		[{"destination": "/proc/sys/kernel", "type": "bind", "source": "/tmp", "options": ["bind"]}]
		[{"destination": "/proc", "type": "tmpfs", "source": "tmpfs"}]
		[{"destination": "/x", "type": "bind", "options": ["bind"]}]
		[{"destination": "/x", "type": "bind", "source": "/tmp", "options": ["bind", "size=5"]}]
	END
	rt_fails 'No such file' mounts add "$ID" "$C/nothing.json"
	rt_fails 'neither add nor remove' mounts list "$ID" "$C/mounts.json"
	rt_fails 'takes' mounts add "$ID"
}

test_mounts_live_remove_what_is_no_mount()
{
	live
	mkdir "$B/rootfs/plain"
	entry /dev/shm tmpfs tmpfs
	entry /plain tmpfs tmpfs
	remove_fails 'nothing is mounted'
	exists "$B/rootfs/plain"
}

test_mounts_live_stopped()
{
	live
	entry /data bind "$C/source" bind
	rt_ok kill "$ID" KILL
	wait_status stopped
	rt_fails 'not running' mounts add "$ID" "$C/mounts.json"
	rt_fails 'not running' mounts remove "$ID" "$C/mounts.json"
	rt_fails "$(unknown_words)" mounts add "$ID-none" "$C/mounts.json"
}

# --------------------------------------------------------------------------------------- attacks

# The container made symlinks where mounts are to be.
test_mounts_live_symlinks_stay_inside()
{
	live
	mkdir -p "$C/outside" "$B/rootfs/inside"
	ln -s "$C/outside" "$B/rootfs/absolute"
	ln -s ../../../../../../../../../../"$C"/outside "$B/rootfs/relative"
	ln -s /inside "$B/rootfs/link"
	entry /link tmpfs tmpfs
	add_ok
	exec_ok report mounts
	expect_mount /inside "^tmpfs"
	echo '[]' >"$C/mounts.json"
	entry /absolute/x tmpfs tmpfs
	entry /relative/y tmpfs tmpfs
	rt mounts add "$ID" "$C/mounts.json"
	equal "made outside" "" "$(ls -A "$C/outside")"
	equal "mounts on the host" "" "$(mount_points | grep "$C/outside")"
}

test_mounts_live_symlink_into_proc()
{
	live
	ln -s /proc/self/attr "$B/rootfs/attr"
	ln -s /proc "$B/rootfs/link"
	entry /attr tmpfs tmpfs
	add_fails 'procfs|symbolic|No such'
	echo '[]' >"$C/mounts.json"
	entry /link/sys/kernel tmpfs tmpfs
	add_fails 'procfs|symbolic'
}

# A symlink may not make us take away what hides a file from the container.
test_mounts_live_remove_follows_no_symlink()
{
	live '.linux.maskedPaths += ["/tmp/secret"]'
	mkdir -p "$B/rootfs/tmp/secret"
	rt_ok delete --force "$ID"
	rm -f "$B/rootfs/tmp/ready"
	start_ok
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
	ln -s /tmp "$B/rootfs/data"
	entry /data/secret tmpfs tmpfs
	remove_fails 'symlink|symbolic'
	exec_ok report mounts
	expect_mount /tmp/secret "^tmpfs ro"
}

# What the container put over its /proc is not asked where to mount.
test_mounts_live_with_a_forged_proc()
{
	live '.mounts |= map(select(.destination != "/proc")) | del(.linux.maskedPaths, .linux.readonlyPaths)'
	mkdir -p "$B/rootfs/proc/self/fd" "$B/rootfs/trap"
	local i
	for i in $(seq 0 40); do ln -s /trap "$B/rootfs/proc/self/fd/$i"; done
	entry /data bind "$C/source" bind ro
	entry /scratch tmpfs tmpfs
	add_ok
	exec_ok cat /data/file + ls /trap
	expect /data/file content
	equal "entries of the trap" "" "$(got entry)"
	remove_ok
	equal "mounts left" "" "$(grep -E ' /(data|scratch|trap) ' "/proc/$(init_pid)/mountinfo")"
}
