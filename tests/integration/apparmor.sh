# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# AppArmor, where the kernel has it: profiles are loaded, applied and hold.

begin_apparmor()
{
	APPARMOR=
	[ "$(id -u)" = 0 ] || return 0
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] || return 0
	command -v apparmor_parser >/dev/null || return 0
	APPARMOR=runlet-suite-$SUITE
	profile_text | apparmor_parser -r || APPARMOR=
}

end_apparmor()
{
	[ -z "$APPARMOR" ] || profile_text | apparmor_parser -R
}

# Everything but two names.
profile_text()
{
	cat <<-END
		profile $APPARMOR flags=(attach_disconnected,mediate_deleted) {
			file,
			capability,
			network,
			signal,
			umount,
			mount,
			deny /tmp/secret rw,
			deny /tmp/made/ w,
		}
	END
}

confined()
{
	[ -n "$APPARMOR" ] || skip "no AppArmor here"
	bundle
	echo secret >"$B/rootfs/tmp/secret"
	echo open >"$B/rootfs/tmp/open"
	conf '.process.apparmorProfile = $p' --arg p "${1:-$APPARMOR}"
}

test_apparmor_holds()
{
	confined
	payload cat /proc/self/attr/current + try-open /tmp/open r + try-open /tmp/secret r + \
		try-mkdir /tmp/made /tmp/other
	run_ok
	expect /proc/self/attr/current "$APPARMOR (enforce)"
	expect open./tmp/open ok
	expect open./tmp/secret EACCES
	expect mkdir./tmp/made EACCES
	expect mkdir./tmp/other ok
}

test_apparmor_without_no_new_privileges()
{
	confined
	conf '.process.noNewPrivileges = false'
	payload cat /proc/self/attr/current + try-open /tmp/secret r
	run_ok
	expect /proc/self/attr/current "$APPARMOR (enforce)"
	expect open./tmp/secret EACCES
}

test_apparmor_of_exec()
{
	confined
	payload write /tmp/ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/tmp/ready"
	exec_ok cat /proc/self/attr/current + try-open /tmp/secret r
	expect /proc/self/attr/current "$APPARMOR (enforce)"
	expect open./tmp/secret EACCES
	unlike crun runc : "has no such option, or knows no such word"
	rt_ok exec --apparmor unconfined "$ID" /payload try-open /tmp/secret r
	expect open./tmp/secret ok
}

test_apparmor_unconfined()
{
	confined unconfined
	payload cat /proc/self/attr/current + try-open /tmp/secret r
	run_ok
	expect /proc/self/attr/current unconfined
	expect open./tmp/secret ok
}

test_apparmor_with_a_user_namespace()
{
	confined
	conf '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
	chown -R 100000:100000 "$B/rootfs"
	payload cat /proc/self/attr/current + try-open /tmp/secret r
	run_ok
	expect /proc/self/attr/current "$APPARMOR (enforce)"
	expect open./tmp/secret EACCES
}

test_apparmor_missing_profile()
{
	confined "$APPARMOR-missing"
	payload exit 0
	run_fails "$APPARMOR-missing"
	equal "cgroups left" "" "$(cgroup_dirs "$CG")"
}

# The profile has no say over a machine that cannot hold it.
test_apparmor_is_not_here()
{
	only runlet : "other words"
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || skip "AppArmor is here"
	bundle
	conf '.process.apparmorProfile = "some-profile"'
	payload exit 0
	run_fails "apparmorProfile"
}
