# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# config.json `root`, `mounts`, masked and read-only paths, propagation.

# mount_at DESTINATION TYPE SOURCE OPTION...   adds an entry
mount_at()
{
	local destination=$1 type=$2 source=$3
	shift 3
	conf '.mounts += [{destination: $d, type: $t, source: $s, options: $ARGS.positional}]' \
		--arg d "$destination" --arg t "$type" --arg s "$source" --args -- "$@"
}

# A host directory with a file and, when asked for, a mount below it.
source_dir()
{
	mkdir -p "$C/source/sub"
	echo content >"$C/source/file"
}

test_mounts_defaults()
{
	need_root
	bundle
	payload report mounts
	run_ok
	expect_mount /proc "^proc rw,"
	expect_mount /dev "^tmpfs rw,nosuid.* .*size=65536k.*mode=755"
	expect_mount /dev/pts "^devpts rw,nosuid,noexec.* .*gid=5,mode=620,ptmxmode=666"
	expect_mount /dev/shm "^tmpfs rw,nosuid,nodev,noexec"
	expect_mount /dev/mqueue "^mqueue rw,nosuid,nodev,noexec"
	expect_mount /sys "^sysfs ro,nosuid,nodev,noexec"
}

test_mounts_nothing_of_the_host_is_left()
{
	bundle
	payload report mounts
	run_ok
	no_match "mount table" "$(got mount)" "^/(tmp|run|root|home|boot|var)"
	no_match "mount table" "$(got mount)" "$WORK/[0-9]+/state"
}

test_mounts_vfs_options()
{
	local option shown
	bundle
	while read -r option shown; do
		mount_at "/m/$option" tmpfs tmpfs "$option"
	done <<-END
		ro
		nosuid
		nodev
		noexec
		noatime
		nodiratime
		sync
		dirsync
	END
	mount_at /m/relatime tmpfs tmpfs relatime
	mount_at /m/strictatime tmpfs tmpfs strictatime
	mount_at /m/several tmpfs tmpfs ro nosuid nodev noexec noatime
	mount_at /m/none tmpfs tmpfs
	payload report mounts
	run_ok
	expect_mount /m/ro "^tmpfs ro"
	for option in nosuid nodev noexec noatime nodiratime; do
		expect_mount /m/$option "^tmpfs rw,([a-z]+,)*$option"
	done
	expect_mount /m/sync "^tmpfs [a-z,]* rw,sync"
	expect_mount /m/dirsync "^tmpfs [a-z,]* rw,dirsync"
	expect_mount /m/relatime "^tmpfs rw,relatime "
	expect_mount /m/strictatime "^tmpfs rw "
	expect_mount /m/several "^tmpfs ro,nosuid,nodev,noexec,noatime "
	expect_mount /m/none "^tmpfs rw,relatime "
}

test_mounts_clearing_options_win_when_they_come_last()
{
	unlike crun : "sets what was ever named"
	bundle
	mount_at /m tmpfs tmpfs ro nosuid nodev noexec rw suid dev exec
	payload report mounts
	run_ok
	expect_mount /m "^tmpfs rw,relatime "
}

# The words that must be known; crun and runc of this age lack some of them.
test_mounts_every_option_word()
{
	only runlet : "does not know all of the words"
	local option
	bundle
	for option in async atime defaults dev diratime dirsync exec iversion lazytime loud noatime \
		nodev nodiratime noexec noiversion nolazytime norelatime nostrictatime nosuid \
		relatime ro rw silent strictatime suid sync nosymfollow symfollow mand nomand; do
		mount_at "/m/$option" tmpfs tmpfs "$option"
	done
	payload report mounts
	run_ok
	expect_mount /m/nosymfollow "^tmpfs rw,([a-z]+,)*nosymfollow"
	expect_mount /m/lazytime "^tmpfs [a-z,]* rw,([a-z]+,)*lazytime"
	expect_mount /m/iversion "^tmpfs "
	expect_mount /m/defaults "^tmpfs rw,relatime"
	expect_mount /m/symfollow "^tmpfs rw,relatime"
}

test_mounts_data_is_passed_to_the_file_system()
{
	need_root
	bundle
	mount_at /m tmpfs tmpfs size=123k mode=1750 uid=5 gid=6
	payload report mounts + stat /m
	run_ok
	expect_mount /m "size=124k"
	expect stat./m "d 0:0 1750 5:6"
}

test_mounts_unknown_option()
{
	bundle
	mount_at /m tmpfs tmpfs nonsense=5
	run_fails "nonsense|invalid argument|unknown parameter"
}

test_mounts_unknown_option_is_named()
{
	only runlet : "does not name it"
	bundle
	mount_at /m tmpfs tmpfs nonsense=5
	run_fails "/m.*nonsense|nonsense.*/m"
}

test_mounts_unknown_file_system()
{
	bundle
	mount_at /m nosuchfs x
	run_fails "nosuchfs|no such device"
}

test_mounts_tmpfs_inherits_the_mode_of_the_directory()
{
	unlike crun : "1.8.1 has its own rule"
	bundle
	mkdir "$B/rootfs/keep"
	chmod 1711 "$B/rootfs/keep"
	mount_at /keep tmpfs tmpfs
	payload stat /keep
	run_ok
	expect stat./keep "d 0:0 1711 0:0"
}

test_mounts_tmpcopyup()
{
	need_root
	bundle
	mkdir -p "$B/rootfs/data/sub"
	echo content >"$B/rootfs/data/file"
	echo deeper >"$B/rootfs/data/sub/file"
	ln -s file "$B/rootfs/data/link"
	chown 0:8 "$B/rootfs/data/file"
	mount_at /data tmpfs tmpfs tmpcopyup
	payload report mounts + cat /data/file /data/sub/file + readlink /data/link + \
		stat /data/file + write /data/file changed
	run_ok
	expect_mount /data "^tmpfs "
	expect /data/file content
	expect /data/sub/file deeper
	expect link./data/link file
	expect stat./data/file "f 0:0 0644 0:8"
	equal "the file below" content "$(cat "$B/rootfs/data/file")"
}

test_mounts_bind_directory()
{
	bundle
	source_dir
	mount_at /m bind "$C/source" bind
	payload report mounts + cat /m/file + write /m/new text
	run_ok
	expect /m/file content
	exists "$C/source/new"
}

test_mounts_bind_file()
{
	bundle
	source_dir
	mount_at /etc/one-file bind "$C/source/file" bind ro
	payload cat /etc/one-file + try-open /etc/one-file w
	run_ok
	expect /etc/one-file content
	expect open./etc/one-file EROFS
}

test_mounts_bind_needs_no_type()
{
	bundle
	source_dir
	conf '.mounts += [{destination: "/a", source: $s, options: ["rbind"]},
		{destination: "/b", type: "none", source: $s, options: ["bind"]},
		{destination: "/c", type: "bind", source: $s, options: ["rbind", "ro"]}]' \
		--arg s "$C/source"
	payload cat /a/file /b/file /c/file + try-open /c/file w
	run_ok
	expect /a/file content
	expect /b/file content
	expect /c/file content
	expect open./c/file EROFS
}

test_mounts_bind_source_is_relative_to_the_bundle()
{
	bundle
	mkdir "$B/here"
	echo content >"$B/here/file"
	mount_at /m bind here bind
	payload cat /m/file
	cd / || fail "cd"
	run_ok
	expect /m/file content
}

test_mounts_bind_source_missing()
{
	bundle
	mount_at /m bind "$C/not-there" bind
	run_fails "not-there"
	missing "$C/not-there"
}

test_mounts_bind_options()
{
	need_root
	bundle
	source_dir
	mount_at /m bind "$C/source" bind ro nosuid nodev noexec noatime
	payload report mounts + try-open /m/file w
	run_ok
	expect_mount /m " ro,nosuid,nodev,noexec,noatime "
	expect open./m/file EROFS
}

test_mounts_bind_leaves_the_host_mount_alone()
{
	need_root
	bundle
	source_dir
	mount -t tmpfs tmpfs "$C/source"
	mount_at /m bind "$C/source" bind ro noexec
	payload report mounts
	run_ok
	expect_mount /m " ro,.*noexec"
	no_match "the host's mount" "$(findmnt -no OPTIONS "$C/source")" "ro,|noexec"
	umount "$C/source"
}

test_mounts_bind_clears_options()
{
	need_root
	unlike runc : "does so since 1.2"
	bundle
	source_dir
	mount -t tmpfs -o nosuid,nodev,noexec tmpfs "$C/source"
	mount_at /clear bind "$C/source" bind suid dev exec rw
	payload report mounts
	run_ok
	expect_mount /clear "^tmpfs rw,relatime"
	umount "$C/source"
}

test_mounts_rbind_takes_submounts()
{
	need_root
	bundle
	source_dir
	mount -t tmpfs tmpfs "$C/source/sub"
	echo deep >"$C/source/sub/deep"
	mount_at /r bind "$C/source" rbind
	mount_at /b bind "$C/source" bind
	payload cat /r/sub/deep /b/sub/deep
	run_ok
	expect /r/sub/deep deep
	expect /b/sub/deep '!ENOENT'
	umount "$C/source/sub"
}

test_mounts_recursive_read_only()
{
	need_root
	need_call mount_setattr
	bundle
	source_dir
	mount -t tmpfs tmpfs "$C/source/sub"
	mount_at /plain bind "$C/source" rbind ro
	mount_at /deep bind "$C/source" rbind rro
	payload try-open /plain/sub/a creat + try-open /deep/sub/b creat + try-open /deep/c creat
	run_ok
	expect open./plain/sub/a ok
	expect open./deep/sub/b EROFS
	expect open./deep/c EROFS
	umount "$C/source/sub"
}

# Where the kernel cannot do it, half of it must not be sold as the whole.
test_mounts_recursive_read_only_is_not_faked()
{
	[[ ,$ENOSYS, == *,mount_setattr,* ]] || skip "this kernel can"
	unlike crun runc : "does what it can"
	bundle
	source_dir
	mount_at /deep bind "$C/source" rbind rro
	run_fails "recursive|mount_setattr|not implemented"
}

test_mounts_recursive_words()
{
	need_root
	need_call mount_setattr
	only runlet : "does not know all of the words"
	bundle
	source_dir
	mount -t tmpfs -o nosuid,nodev,noexec,nosymfollow tmpfs "$C/source/sub"
	mount_at /clear bind "$C/source" rbind rsuid rdev rexec rsymfollow
	mount_at /set bind "$C/source" rbind rro rnosuid rnodev rnoexec rnoatime rnodiratime rnosymfollow
	mount_at /rw bind "$C/source" rbind rro rrw rrelatime rdiratime ratime
	payload report mounts
	run_ok
	expect_mount /clear/sub "^tmpfs rw,relatime"
	expect_mount /set/sub "^tmpfs ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow"
	expect_mount /rw/sub " rw,"
	umount "$C/source/sub"
}

test_mounts_data_on_a_bind_is_refused()
{
	only runlet : "changes the host's file system, or ignores it"
	bundle
	source_dir
	mount_at /m bind "$C/source" bind size=5k
	run_fails "size=5k|/m"
}

test_mounts_remount()
{
	bundle
	mount_at /m tmpfs tmpfs size=100k
	mount_at /m tmpfs tmpfs remount ro size=200k
	payload report mounts
	run_ok
	expect_mount /m "^tmpfs ro.*size=200k"
}

test_mounts_order()
{
	bundle
	source_dir
	mount_at /m tmpfs tmpfs
	mount_at /m/inner bind "$C/source" bind
	mount_at /m/inner/sub tmpfs tmpfs ro
	payload report mounts + cat /m/inner/file
	run_ok
	expect /m/inner/file content
	expect_mount /m/inner/sub "^tmpfs ro"
}

test_mounts_destination_is_created()
{
	bundle
	source_dir
	mount_at /new/deep/dir tmpfs tmpfs
	mount_at /new/deep/file bind "$C/source/file" bind
	payload stat /new/deep/dir /new/deep/file
	run_ok
	expect_match stat./new/deep/dir "^d"
	expect_match stat./new/deep/file "^f"
}

test_mounts_destination_through_symlinks_stays_inside()
{
	unlike crun : "refuses links that lead nowhere"
	bundle
	mkdir -p "$B/rootfs/real" "$C/outside"
	ln -s /real "$B/rootfs/absolute"
	ln -s ../../../../../../real "$B/rootfs/relative"
	ln -s "$C/outside" "$B/rootfs/escape"
	ln -s /not/yet "$B/rootfs/dangling"
	mount_at /absolute/a tmpfs tmpfs
	mount_at /relative/b tmpfs tmpfs
	mount_at /escape/c tmpfs tmpfs
	mount_at /../../d tmpfs tmpfs
	payload report mounts
	run_ok
	expect_mount /real/a "^tmpfs"
	expect_mount /real/b "^tmpfs"
	expect_mount "$C/outside/c" "^tmpfs"
	expect_mount /d "^tmpfs"
	equal "the directory outside" "" "$(ls "$C/outside")"
}

test_mounts_relative_destination()
{
	unlike crun : "older than the rule"
	bundle
	mount_at m tmpfs tmpfs
	payload report mounts
	run_ok
	expect_mount /m "^tmpfs"
}

test_mounts_propagation_words()
{
	unlike crun : "1.8.1 overrides them at the end"
	bundle
	mount_at /m/private tmpfs tmpfs private
	mount_at /m/shared tmpfs tmpfs shared
	mount_at /m/slave tmpfs tmpfs slave
	mount_at /m/unbindable tmpfs tmpfs unbindable
	payload report mounts
	run_ok
	expect_mount /m/private " private$"
	expect_mount /m/shared " shared:[0-9]+$"
	expect_mount /m/unbindable " unbindable$"
}

# Engines set rootfsPropagation together with the propagation of a volume.
bind_propagation()
{
	bundle "$C/$1"
	mount_at /m bind "$C/source" rbind "$1"
	conf '.linux.rootfsPropagation = $p' --arg p "$1"
	payload write /ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/ready"
	mount -t tmpfs tmpfs "$C/source/sub"
	exec_ok report mounts
	umount "$C/source/sub"
	local report=$OUT
	rt_ok delete --force "$ID"
	OUT=$report
}

test_mounts_bind_propagation()
{
	need_root
	source_dir
	mount --bind "$C/source" "$C/source"
	mount --make-shared "$C/source"
	bind_propagation rslave
	expect_mount /m "master:[0-9]+"
	expect_mount /m/sub "^tmpfs"
	bind_propagation rshared
	expect_mount /m "shared:[0-9]+"
	expect_mount /m/sub "^tmpfs"
	bind_propagation rprivate
	expect_mount /m " private$"
	no_mount /m/sub
	umount "$C/source"
}

test_mounts_default_propagation_hides_the_host()
{
	need_root
	bundle
	source_dir
	mount --bind "$C/source" "$C/source"
	mount --make-shared "$C/source"
	mount_at /m bind "$C/source" rbind
	payload write /ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/ready"
	rt_ok exec "$ID" /payload try-mkdir /m/made
	nsenter -t "$(init_pid)" -m mount -t tmpfs tmpfs /m/sub 2>/dev/null
	no_match "mounts of the host" "$(mount_points)" "^$C/source/sub"
	rt_ok delete --force "$ID"
	umount "$C/source"
}

# When the runtime works below a shared mount, nothing it mounts may appear on the host.
test_mounts_below_a_shared_mount_leak_nothing()
{
	need_root
	mkdir "$C/shared"
	mount -t tmpfs tmpfs "$C/shared"
	mount --make-shared "$C/shared"
	bundle "$C/shared/bundle"
	mount_at /m tmpfs tmpfs
	payload write /ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/ready"
	no_match "mounts of the host" "$(mount_points)" "$C/shared/bundle"
	rt_ok delete --force "$ID"
	umount "$C/shared"
}

test_mounts_rootfs_propagation()
{
	local word
	for word in private slave; do
		bundle "$C/$word"
		conf '.linux.rootfsPropagation = $w' --arg w $word
		payload report mounts
		run_ok
		expect_mount / "(private|master:[0-9]+|propagate_from:[0-9]+)"
		no_match "/" "$(got mount | awk '$1 == "/"')" "shared"
	done
	unlike runc : "shared is right since 1.3.1"
	bundle "$C/shared"
	conf '.linux.rootfsPropagation = "shared"'
	payload report mounts
	run_ok
	expect_mount / "shared:[0-9]+"
}

test_mounts_rootfs_propagation_unbindable()
{
	unlike runc crun : "not right in this version"
	bundle
	conf '.linux.rootfsPropagation = "unbindable"'
	payload report mounts
	run_ok
	expect_mount / " unbindable$"
}

test_mounts_rootfs_propagation_nonsense()
{
	unlike crun : "ignores it"
	bundle
	conf '.linux.rootfsPropagation = "nonsense"'
	run_fails "nonsense|propagation"
}

test_mounts_root_readonly()
{
	bundle
	conf '.root.readonly = true'
	payload report mounts + try-open /new creat + try-open /tmp/new creat
	run_ok
	expect_mount / " ro[ ,]"
	expect open./new EROFS
	no_match "the host's mount" "$(findmnt -nTo OPTIONS "$B")" "^ro"
}

test_mounts_root_readonly_creates_destinations_first()
{
	bundle
	conf '.root.readonly = true'
	mount_at /made tmpfs tmpfs
	payload try-open /made/new creat
	run_ok
	expect open./made/new ok
}

test_mounts_root_path_forms()
{
	bundle
	payload echo fine
	conf '.root.path = $p' --arg p "$B/rootfs"
	run_ok
	equal absolute fine "$OUT"
	conf '.root.path = "./rootfs/"'
	run_ok
	equal "with a slash" fine "$OUT"
}

test_mounts_root_path_missing()
{
	bundle
	conf '.root.path = "nowhere"'
	run_fails "nowhere"
	unlike runc : "takes it for the current directory"
	conf 'del(.root.path)'
	run_fails "root|path"
	conf 'del(.root)'
	run_fails "root"
}

test_mounts_root_path_is_a_symlink()
{
	unlike crun : "follows it"
	bundle
	mv "$B/rootfs" "$C/elsewhere"
	ln -s "$C/elsewhere" "$B/rootfs"
	run_fails "symlink|symbolic|rootfs"
}

test_mounts_no_pivot()
{
	bundle
	payload report mounts + ls /
	rt_ok run --no-pivot --bundle "$B" "$ID"
	match "the root" "$(got entry)" "^payload$"
	rt_ok run --bundle "$B" "$ID"
	match "the root" "$(got entry)" "^payload$"
}

test_mounts_masked_paths()
{
	bundle
	mkdir -p "$B/rootfs/secret-dir"
	echo secret | tee "$B/rootfs/secret-dir/file" >"$B/rootfs/secret-file"
	conf '.linux.maskedPaths += ["/secret-dir", "/secret-file", "/does/not/exist"]'
	payload ls /secret-dir + cat /secret-file + try-open /secret-dir/new creat + \
		cat /proc/timer_list + ls /sys/firmware
	run_ok
	expect ls./secret-dir 0
	expect /secret-file ""
	expect open./secret-dir/new EROFS
	expect_match /proc/timer_list '^(!ENOENT)?$'
	expect ls./sys/firmware 0
	missing "$B/rootfs/does"
}

test_mounts_masked_path_cannot_be_unmasked()
{
	bundle
	echo secret >"$B/rootfs/secret-file"
	conf '.linux.maskedPaths += ["/secret-file"]'
	payload try-umount /secret-file + cat /secret-file
	run_ok
	expect umount./secret-file EPERM
	expect /secret-file ""
}

test_mounts_readonly_paths()
{
	need_root
	bundle
	mkdir "$B/rootfs/fixed"
	echo text >"$B/rootfs/fixed-file"
	conf '.linux.readonlyPaths += ["/fixed", "/fixed-file", "/does/not/exist"]'
	payload try-open /fixed/new creat + try-open /fixed-file w + cat /fixed-file + \
		try-open /proc/sys/kernel/domainname w + try-open /proc/sysrq-trigger w + \
		try-open /new creat
	run_ok
	expect open./fixed/new EROFS
	expect open./fixed-file EROFS
	expect /fixed-file text
	expect open./proc/sys/kernel/domainname EROFS
	expect_match open./proc/sysrq-trigger '^(EROFS|ENOENT)$'
	expect open./new ok
}

# The options of a mount must survive when a path of it becomes read-only.
test_mounts_readonly_paths_keep_other_flags()
{
	unlike crun : "1.8.1 drops them"
	bundle
	conf '.mounts |= map(if .destination == "/proc" then
		.options = ["nosuid", "nodev", "noexec"] else . end)'
	payload report mounts
	run_ok
	expect_mount /proc/sys "^proc ro,nosuid,nodev,noexec"
}

test_mounts_proc_options()
{
	bundle
	conf '.mounts |= map(if .destination == "/proc" then .options = ["hidepid=2"] else . end)'
	payload report mounts
	run_ok
	expect_mount /proc "hidepid=(2|invisible)"
}

test_mounts_over_proc_are_refused()
{
	unlike crun : "allows it"
	local place
	source_dir
	for place in /proc /proc/self /proc/self/attr /proc/sys/kernel /proc/1; do
		bundle
		mount_at $place bind "$C/source" bind
		run_fails "proc"
	done
}

# lxcfs and friends live from these.
test_mounts_over_some_proc_files_are_allowed()
{
	local file
	bundle
	source_dir
	for file in cpuinfo meminfo stat uptime loadavg diskstats swaps; do
		mount_at /proc/$file bind "$C/source/file" bind
	done
	payload cat /proc/cpuinfo /proc/meminfo /proc/uptime
	run_ok
	expect /proc/cpuinfo content
	expect /proc/meminfo content
	expect /proc/uptime content
}

test_mounts_cgroup()
{
	need_v1
	bundle
	mount_at /sys/fs/cgroup cgroup cgroup nosuid noexec nodev relatime ro
	payload report mounts process + try-mkdir /sys/fs/cgroup/memory/made + \
		try-open /sys/fs/cgroup/memory/cgroup.procs r
	run_ok
	expect_mount /sys/fs/cgroup "^tmpfs r[ow],nosuid,nodev,noexec"
	expect_mount /sys/fs/cgroup/memory "^cgroup ro,nosuid,nodev,noexec.*memory"
	expect mkdir./sys/fs/cgroup/memory/made EROFS
	expect open./sys/fs/cgroup/memory/cgroup.procs ok
}

# Without a cgroup namespace the container must see its own cgroup only.
test_mounts_cgroup_shows_only_the_own_one()
{
	need_v1
	bundle
	mount_at /sys/fs/cgroup cgroup cgroup
	payload ls /sys/fs/cgroup/memory + cat /sys/fs/cgroup/memory/cgroup.procs
	run_ok
	no_match "cgroups seen" "$(got entry)" "runlet-suite"
	match "processes seen" "$(got /sys/fs/cgroup/memory/cgroup.procs)" '^[01]$'
	conf '.linux.namespaces += [{type: "cgroup"}]'
	run_ok
	no_match "cgroups seen" "$(got entry)" "runlet-suite"
	match "processes seen" "$(got /sys/fs/cgroup/memory/cgroup.procs)" '^1$'
}

test_mounts_idmap()
{
	need_root
	need_call mount_setattr
	need_call open_tree
	unlike crun runc : "older than the property, or with other words"
	bundle
	source_dir
	chown 0:0 "$C/source/file"
	chown 5:6 "$C/source/sub"
	conf '.mounts += [{destination: "/m", type: "bind", source: $s, options: ["bind", "idmap"],
		uidMappings: [{containerID: 0, hostID: 1000, size: 100}],
		gidMappings: [{containerID: 0, hostID: 2000, size: 100}]}]' --arg s "$C/source"
	payload stat /m/file /m/sub
	run_ok
	expect stat./m/file "f 0:0 0644 1000:2000"
	expect stat./m/sub "d 0:0 0755 1005:2006"
}

# The mapping of the whole tree, or of its top alone.
test_mounts_idmap_of_a_tree()
{
	need_root
	need_call mount_setattr
	need_call open_tree
	unlike crun runc : "older than the property, or with other words"
	bundle
	source_dir
	mkdir "$C/source/below"
	mount -t tmpfs tmpfs "$C/source/below" || skip "no tmpfs can be mounted"
	echo x >"$C/source/below/file"
	chown 0:0 "$C/source/file" "$C/source/below/file"
	conf '.mounts += [{destination: "/all", type: "bind", source: $s, options: ["rbind", "ridmap"],
		uidMappings: [{containerID: 0, hostID: 1000, size: 100}],
		gidMappings: [{containerID: 0, hostID: 2000, size: 100}]},
		{destination: "/top", type: "bind", source: $s, options: ["rbind", "idmap"],
		uidMappings: [{containerID: 0, hostID: 1000, size: 100}],
		gidMappings: [{containerID: 0, hostID: 2000, size: 100}]},
		{destination: "/words", type: "bind", source: $s, options: ["bind", "idmap=uids=0-3000-10;gids=0-4000-10"]}]' \
		--arg s "$C/source"
	payload stat /all/file /all/below/file /top/file /top/below/file /words/file
	rt run --bundle "$B" "$ID"
	umount "$C/source/below"
	[ "$RC" = 0 ] || fail "run gave $RC: $ERR"
	expect stat./all/file "f 0:0 0644 1000:2000"
	expect stat./all/below/file "f 0:0 0644 1000:2000"
	expect stat./top/file "f 0:0 0644 1000:2000"
	expect stat./top/below/file "f 0:0 0644 0:0"
	expect stat./words/file "f 0:0 0644 3000:4000"
}

test_mounts_idmap_of_a_file_system()
{
	need_root
	need_call mount_setattr
	need_call fsmount
	unlike crun runc : "bind mounts only, or older than the property"
	bundle
	conf '.mounts += [{destination: "/m", type: "tmpfs", source: "tmpfs", options: ["mode=1777", "idmap"],
		uidMappings: [{containerID: 0, hostID: 1000, size: 100}],
		gidMappings: [{containerID: 0, hostID: 1000, size: 100}]}]'
	payload stat /m
	rt run --bundle "$B" "$ID"
	[[ "$ERR" != *"Invalid argument"* ]] || skip "this kernel maps no ids of tmpfs"
	equal "exit status" 0 "$RC"
	expect stat./m "d 0:0 1777 1000:1000"
}

test_mounts_idmap_incomplete()
{
	need_root
	unlike crun runc : "older than the property"
	bundle
	source_dir
	conf '.mounts += [{destination: "/m", type: "bind", source: $s, options: ["bind", "idmap"],
		uidMappings: [{containerID: 0, hostID: 1000, size: 100}]}]' --arg s "$C/source"
	run_fails "idmap|gidMappings|mapping"
	conf 'del(.mounts[-1].uidMappings)'
	run_fails "idmap|mapping|user namespace"
}

test_mounts_device_links()
{
	bundle
	payload readlink /dev/fd /dev/stdin /dev/stdout /dev/stderr /dev/ptmx
	run_ok
	expect link./dev/fd /proc/self/fd
	expect link./dev/stdin /proc/self/fd/0
	expect link./dev/stdout /proc/self/fd/1
	expect link./dev/stderr /proc/self/fd/2
	expect link./dev/ptmx pts/ptmx
}

test_mounts_dev_of_the_image_is_used_when_not_mounted()
{
	bundle
	conf '.mounts |= map(select(.destination | startswith("/dev") | not))'
	payload stat /dev/null
	run_ok
	expect_match stat./dev/null "^c 1:3"
}

test_mounts_destination_is_a_file_for_a_directory()
{
	bundle
	source_dir
	mount_at /payload bind "$C/source" bind
	run_fails "payload|not a directory"
}

test_mounts_many()
{
	bundle
	conf '.mounts += [range(200) | {destination: "/many/\(.)", type: "tmpfs", source: "tmpfs",
		options: ["ro", "size=4k"]}]'
	payload report mounts
	run_ok
	equal "number of mounts" 200 "$(got mount | grep -c '^/many/[0-9]* tmpfs ro')"
}

# Nothing of the work may be visible from outside: neither mounts nor a changed root directory.
test_mounts_host_sees_nothing()
{
	sleeper
	no_match "mounts of the host" "$(mount_points)" "$B"
	equal "the /dev of the root" "" "$(ls "$B/rootfs/dev")"
	equal "the /proc of the root" "" "$(ls "$B/rootfs/proc")"
}
