# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# config.json `process`: who the program is, what it may, what it finds.

test_process_user()
{
	need_root
	bundle
	conf '.process.user = {uid: 1000, gid: 1001, additionalGids: [5, 6, 4000]}'
	payload report ids
	run_ok
	expect uid 1000
	expect euid 1000
	expect gid 1001
	expect egid 1001
	expect groups "5 6 4000"
}

test_process_no_groups_are_inherited()
{
	need_root
	bundle
	payload report ids
	WRAP+=(setpriv --groups "7,8,9")
	run_ok
	no_match groups " $(got groups) " ' (7|8|9) '
}

test_process_umask()
{
	bundle
	payload report ids
	run_ok
	expect umask 0022
	conf '.process.user.umask = 63' # 077
	run_ok
	expect umask 0077
}

test_process_env()
{
	bundle
	conf '.process.env = ["PATH=/bin", "A=b=c", "EMPTY=", "SPACE=a b", "UTF=ä€"]'
	payload report env
	run_ok
	local variable
	for variable in PATH=/bin A=b=c EMPTY= "SPACE=a b" "UTF=ä€"; do
		got env | grep -qxF "$variable" || fail "$variable is missing"
	done
	no_match environment "$(got env)" '^(TEST|USER|XDG|PWD)='
}

test_process_env_does_not_leak_from_the_caller()
{
	bundle
	payload report env
	export RUNLET_TEST_LEAK=1
	run_ok
	no_match environment "$(got env)" LEAK
}

test_process_home_comes_from_passwd()
{
	need_root
	bundle
	printf 'root:x:0:0::/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/sh\n' >"$B/rootfs/etc/passwd"
	payload report env
	run_ok
	match environment "$(got env)" '^HOME=/root$'
	conf '.process.user = {uid: 1000, gid: 1000}'
	run_ok
	match environment "$(got env)" '^HOME=/home/u$'
}

test_process_home_that_is_set_stays()
{
	bundle
	printf 'root:x:0:0::/root:/bin/sh\n' >"$B/rootfs/etc/passwd"
	conf '.process.env += ["HOME=/elsewhere"]'
	payload report env
	run_ok
	equal HOME HOME=/elsewhere "$(got env | grep ^HOME)"
}

test_process_home_without_passwd()
{
	bundle
	payload report env
	run_ok
	match environment "$(got env)" '^HOME=/'
}

test_process_empty_home_counts_as_unset()
{
	unlike crun : "keeps the empty one"
	bundle
	printf 'root:x:0:0::/root:/bin/sh\n' >"$B/rootfs/etc/passwd"
	conf '.process.env += ["HOME="]'
	payload report env
	run_ok
	equal HOME HOME=/root "$(got env | grep ^HOME | tail -n 1)"
}

test_process_args_are_passed_exactly()
{
	bundle
	payload report argv "a b" "" 'x$y`z`' '*' "ä" "-v" "--"
	run_ok
	expect argv.0 /payload
	expect argv.3 "a b"
	expect argv.4 ""
	expect argv.5 'x$y`z`'
	expect argv.6 '*'
	expect argv.7 ä
	expect argv.9 --
}

test_process_program_is_found_in_the_containers_path()
{
	bundle
	mkdir -p "$B/rootfs/opt"
	ln "$B/rootfs/payload" "$B/rootfs/opt/tool"
	conf '.process.args = ["tool", "report", "argv"] | .process.env = ["PATH=/nowhere:/opt:/bin"]'
	run_ok
	expect argv.0 tool
	expect exe /opt/tool
}

test_process_relative_program_starts_from_cwd()
{
	bundle
	mkdir -p "$B/rootfs/opt"
	ln "$B/rootfs/payload" "$B/rootfs/opt/tool"
	conf '.process.args = ["./tool", "report", "argv"] | .process.cwd = "/opt"'
	run_ok
	expect exe /opt/tool
}

test_process_program_not_found()
{
	bundle
	conf '.process.args = ["no-such-program"]'
	run_fails 'executable file .*not found in \$PATH'
}

test_process_program_not_found_wording()
{
	only runlet runc : "other words"
	bundle
	conf '.process.args = ["no-such-program"]'
	run_fails 'exec: \\?"no-such-program\\?": executable file not found in \$PATH'
	conf '.process.args = ["/no/such/program"]'
	run_fails 'exec: \\?"/no/such/program\\?": .*no such file or directory'
}

test_process_program_not_executable()
{
	bundle
	echo text >"$B/rootfs/text"
	chmod 644 "$B/rootfs/text"
	conf '.process.args = ["/text"]'
	run_fails "permission denied"
}

test_process_program_is_a_directory()
{
	bundle
	conf '.process.args = ["/etc"]'
	run_fails "permission denied|is a directory|not permitted"
}

test_process_program_of_unknown_format()
{
	bundle
	echo text >"$B/rootfs/text"
	chmod 755 "$B/rootfs/text"
	conf '.process.args = ["/text"]'
	rt run --bundle "$B" "$ID"
	differ "exit status" 0 "$RC"
	match "error text" "$ERR" "exec format error"
	no_state "$ID"
}

test_process_program_without_interpreter()
{
	bundle
	printf '#!/no/such/shell\n' >"$B/rootfs/script"
	chmod 755 "$B/rootfs/script"
	conf '.process.args = ["/script"]'
	rt run --bundle "$B" "$ID"
	differ "exit status" 0 "$RC"
	match "error text" "$ERR" "no such file or directory"
}

test_process_script()
{
	bundle
	printf '#!/payload echo\n' >"$B/rootfs/script"
	chmod 755 "$B/rootfs/script"
	conf '.process.args = ["/script"]'
	run_ok
	equal output "/script" "$OUT"
}

test_process_args_missing()
{
	local filter
	for filter in 'del(.process.args)' '.process.args = []' '.process.args = [""]'; do
		bundle
		conf "$filter"
		rt run --bundle "$B" "$ID"
		differ "exit status with $filter" 0 "$RC"
		no_state "$ID"
	done
}

test_process_cwd()
{
	bundle
	mkdir -p "$B/rootfs/a/b"
	conf '.process.cwd = "/a/b"'
	payload report process
	run_ok
	expect cwd /a/b
}

test_process_cwd_is_created()
{
	bundle
	conf '.process.cwd = "/made/for/me"'
	payload report process
	run_ok
	expect cwd /made/for/me
}

test_process_cwd_of_a_user()
{
	need_root
	bundle
	mkdir "$B/rootfs/private"
	chown 1000:1000 "$B/rootfs/private"
	chmod 700 "$B/rootfs/private"
	conf '.process.cwd = "/private" | .process.user = {uid: 1000, gid: 1000}'
	payload report process
	run_ok
	expect cwd /private
}

test_process_cwd_must_be_absolute()
{
	unlike crun : "does not check"
	bundle
	conf '.process.cwd = "tmp"'
	run_fails "cwd"
}

test_process_cwd_is_a_file()
{
	bundle
	conf '.process.cwd = "/payload"'
	run_fails "not a directory|chdir|payload"
}

test_process_rlimits()
{
	bundle
	conf '.process.rlimits = [
		{type: "RLIMIT_NOFILE", soft: 300, hard: 400},
		{type: "RLIMIT_CORE", soft: 0, hard: 1024},
		{type: "RLIMIT_NPROC", soft: 100, hard: 200},
		{type: "RLIMIT_FSIZE", soft: 1048576, hard: 2097152},
		{type: "RLIMIT_AS", soft: 4294967296, hard: 8589934592},
		{type: "RLIMIT_STACK", soft: 1048576, hard: 2097152},
		{type: "RLIMIT_CPU", soft: "MAX", hard: "MAX"}]'
	payload report rlimits
	settle
	sed -i 's/"MAX"/18446744073709551615/' "$B/config.json" # jq would round it
	run_ok
	expect rlimit.nofile 300:400
	expect rlimit.core 0:1024
	expect rlimit.nproc 100:200
	expect rlimit.fsize 1048576:2097152
	expect rlimit.as 4294967296:8589934592
	expect rlimit.stack 1048576:2097152
	expect rlimit.cpu unlimited:unlimited
}

test_process_rlimits_not_set_are_the_callers()
{
	unlike runc : "raises the soft limit for itself and passes it on"
	bundle
	conf 'del(.process.rlimits)'
	payload report rlimits
	WRAP+=(prlimit --nofile=777:888 --core=0:0)
	run_ok
	expect rlimit.nofile 777:888
	expect rlimit.core 0:0
}

test_process_rlimit_unknown()
{
	bundle
	conf '.process.rlimits = [{type: "RLIMIT_NONSENSE", soft: 1, hard: 1}]'
	run_fails "RLIMIT_NONSENSE|rlimit"
}

test_process_rlimit_twice()
{
	only runlet : "takes the last one"
	bundle
	conf '.process.rlimits = [{type: "RLIMIT_CORE", soft: 1, hard: 1},
		{type: "RLIMIT_CORE", soft: 2, hard: 2}]'
	run_fails "RLIMIT_CORE"
}

test_process_rlimit_soft_above_hard()
{
	bundle
	conf '.process.rlimits = [{type: "RLIMIT_CORE", soft: 3, hard: 2}]'
	run_fails "RLIMIT_CORE|rlimit|invalid argument"
}

test_process_rlimit_beyond_the_privilege()
{
	setpriv --dump | grep -q 'Capability bounding set:.*sys_resource' &&
		skip "this host may raise every limit"
	bundle
	conf '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 1000, hard: 90000000}]'
	run_fails "NOFILE|rlimit|not permitted"
}

test_process_capabilities()
{
	need_root
	bundle
	conf '.process.capabilities = {
		bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_SYS_CHROOT"],
		permitted: ["CAP_CHOWN", "CAP_KILL"],
		effective: ["CAP_CHOWN"],
		inheritable: ["CAP_KILL"],
		ambient: []} | .process.noNewPrivileges = false | .process.user = {uid: 1, gid: 1}'
	payload report caps
	run_ok
	# execve of a file without capabilities by a user that is not root leaves the ambient set.
	expect cap.bounding "$(capmask CAP_CHOWN CAP_KILL CAP_SYS_CHROOT)"
	expect cap.inheritable "$(capmask CAP_KILL)"
	expect cap.permitted "$(capmask)"
	expect cap.effective "$(capmask)"
	expect cap.ambient "$(capmask)"
}

test_process_capabilities_of_root()
{
	bundle
	conf '.process.capabilities = {
		bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_SYS_CHROOT"],
		permitted: ["CAP_CHOWN", "CAP_KILL"],
		effective: ["CAP_CHOWN"]} | .process.noNewPrivileges = false'
	payload report caps
	run_ok
	# For uid 0 the kernel gives bounding + inheritable at execve.
	expect cap.bounding "$(capmask CAP_CHOWN CAP_KILL CAP_SYS_CHROOT)"
	expect cap.permitted "$(capmask CAP_CHOWN CAP_KILL CAP_SYS_CHROOT)"
	expect cap.inheritable "$(capmask)"
	expect cap.ambient "$(capmask)"
	expect securebits 0
}

test_process_capabilities_ambient()
{
	need_root
	bundle
	conf '(["CAP_NET_BIND_SERVICE", "CAP_KILL"] as $c | .process.capabilities = {bounding: $c,
		permitted: $c, effective: $c, inheritable: $c, ambient: ["CAP_NET_BIND_SERVICE"]})
		| .process.user = {uid: 1000, gid: 1000}'
	payload report caps + try-bind-port 80
	run_ok
	expect cap.ambient "$(capmask CAP_NET_BIND_SERVICE)"
	expect cap.effective "$(capmask CAP_NET_BIND_SERVICE)"
	expect cap.permitted "$(capmask CAP_NET_BIND_SERVICE)"
	expect cap.inheritable "$(capmask CAP_NET_BIND_SERVICE CAP_KILL)"
	expect cap.bounding "$(capmask CAP_NET_BIND_SERVICE CAP_KILL)"
}

test_process_capabilities_empty()
{
	need_root
	bundle
	conf '.process.capabilities = {}'
	payload report caps + try-chown /payload 5
	run_ok
	local set
	for set in bounding permitted effective inheritable ambient; do
		expect cap.$set "$(capmask)"
	done
	expect chown./payload EPERM
}

test_process_capabilities_absent_means_none()
{
	unlike runc : "gives none of the sets in its own way"
	bundle
	conf 'del(.process.capabilities)'
	payload report caps
	run_ok
	expect cap.effective "$(capmask)"
	expect cap.permitted "$(capmask)"
}

test_process_capability_unknown_is_a_warning()
{
	unlike crun : "takes it for an error"
	bundle
	conf '.process.capabilities.bounding += ["CAP_OF_THE_FUTURE"]
		| .process.capabilities.effective += ["CAP_OF_THE_FUTURE"]
		| .process.capabilities.permitted += ["CAP_OF_THE_FUTURE"]'
	payload report caps
	run_ok
	expect cap.bounding "$(capmask CAP_AUDIT_WRITE CAP_KILL CAP_NET_BIND_SERVICE)"
	match "standard error" "$ERR" "CAP_OF_THE_FUTURE"
}

test_process_no_new_privileges()
{
	bundle
	payload report caps
	run_ok
	expect nnp 1
	conf '.process.noNewPrivileges = false'
	run_ok
	expect nnp 0
}

test_process_no_new_privileges_stops_set_user_id()
{
	need_root
	bundle
	cp "$B/rootfs/payload" "$B/rootfs/setuid"
	chmod 4755 "$B/rootfs/setuid"
	conf '.process.user = {uid: 1000, gid: 1000} | .process.args = ["/setuid", "report", "ids"]'
	run_ok
	expect euid 1000
	conf '.process.noNewPrivileges = false'
	run_ok
	expect euid 0
}

test_process_oom_score_adj()
{
	bundle
	conf '.process.oomScoreAdj = 321'
	payload report process
	run_ok
	expect oom 321
	conf 'del(.process.oomScoreAdj)'
	run_ok
	expect oom "$(cat /proc/self/oom_score_adj)"
}

test_process_is_a_session_leader()
{
	bundle
	payload report process
	run_ok
	expect pid 1
	expect sid 1
	expect pgid 1
	expect ppid 0
}

test_process_signals_are_reset()
{
	bundle
	payload report status
	WRAP+=("$PROGRAMS/host" ignoring 13)
	run_ok
	unlike runc crun : "keep what the caller blocked or ignored"
	expect sig.blocked 0000000000000000
	expect sig.ignored 0000000000000000
}

test_process_affinity_is_reset()
{
	[ "$(nproc)" -gt 1 ] || skip "needs two processors"
	unlike crun runc : "older than the rule"
	bundle
	payload report status
	local all
	all=$(sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)
	WRAP+=(taskset -c 0)
	run_ok
	expect cpus "$all"
}

test_process_session_keyring()
{
	bundle
	payload report keyring
	run_ok
	local inside outside
	inside=$(got keyring)
	outside=$("$PROGRAMS/payload" report keyring | sed -n 's/^keyring=//p')
	differ keyring "$outside" "$inside"
	rt_ok run --no-new-keyring --bundle "$B" "$ID"
	differ "keyring with --no-new-keyring" "$inside" "$(got keyring)"
}

test_process_hostname_and_domainname()
{
	bundle
	conf '.hostname = "some-host"'
	payload report process
	run_ok
	expect hostname some-host
	unlike crun runc : "older than domainname"
	conf '.domainname = "example.org"'
	run_ok
	expect hostname some-host
	expect domainname example.org
}

test_process_user_minus_one()
{
	only runlet : "takes -1 for a user"
	local filter
	for filter in '.uid = 4294967295' '.gid = 4294967295' '.additionalGids = [4294967295]' \
		'.uid = -1' '.gid = -1' '.uid = 4294967296' '.uid = "0"' '.uid = 1.5'; do
		bundle
		conf ".process.user |= ($filter)"
		run_fails "uid|gid|user"
	done
}

test_process_large_environment()
{
	bundle
	conf '.process.env += [range(2000) | "VARIABLE_\(.)=\("x" * 100)"]'
	payload report env
	run_ok
	equal "number of variables" 2000 "$(got env | grep -c ^VARIABLE_)"
}

test_process_stdio_is_the_callers()
{
	unlike runc : "copies through pipes"
	bundle
	payload report fds
	run_ok
	expect fd.0 /dev/null
	match "descriptor 1" "$(got fd.1)" "out"
	expect_match fd.2 "err"
}

test_process_scheduler()
{
	unlike crun runc : "older than the property"
	bundle
	conf '.process.scheduler = {policy: "SCHED_BATCH", nice: 7}'
	payload report process
	run_ok
	expect sched 3
	expect nice 7
}

test_process_scheduler_deadline()
{
	need_root
	unlike crun runc : "older than the property"
	need_program chrt
	chrt --deadline --sched-runtime 100000 --sched-deadline 500000 --sched-period 1000000 0 true 2>/dev/null ||
		skip "this host admits no deadlines"
	bundle
	conf '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 100000, deadline: 500000, period: 1000000}'
	payload write /tmp/ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/tmp/ready"
	match scheduling "$(chrt --pid "$(init_pid)" | tr "\n" " ")" "SCHED_DEADLINE.* 100000/500000/1000000"
}

test_process_io_priority()
{
	unlike crun runc : "older than the property"
	bundle
	conf '.process.ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0}'
	payload report process
	run_ok
	expect ioprio $((3 << 13))
}

test_process_personality()
{
	[ "$(uname -m)" = x86_64 ] || skip "x86-64 only"
	unlike runc : "older than the property"
	bundle
	conf '.linux.personality = {domain: "LINUX32"}'
	payload report process
	run_ok
	expect machine i686
	conf '.linux.personality = {domain: "NONSENSE"}'
	run_fails "personality|NONSENSE"
}

test_process_starts_in_512_kib()
{
	need_controller memory
	unlike runc : "needs megabytes"
	bundle
	conf '.linux.resources.memory = {limit: 524288}'
	payload echo small
	run_ok
	equal output small "$OUT"
}

# ---------------------------------------------------------------------------------- memory policy

# The kernel shows the policy of the process with each of its mappings.
policy()
{
	got /proc/self/numa_maps | awk '{ print $2 }' | sort -u | xargs
}

need_numa()
{
	only runlet : "1.8.1 and 1.1.5 do not have it"
	[ -e /proc/self/numa_maps ] || skip "this kernel was built without NUMA"
}

test_process_memory_policy()
{
	need_numa
	bundle
	conf '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0"}'
	payload cat /proc/self/numa_maps
	run_ok
	equal policy bind:0 "$(policy)"
}

test_process_memory_policy_modes()
{
	need_numa
	local mode nodes shown
	while read -r mode nodes shown; do
		bundle
		conf '.linux.memoryPolicy = {mode: $m} + if $n == "-" then {} else {nodes: $n} end' \
			--arg m "MPOL_$mode" --arg n "$nodes"
		payload cat /proc/self/numa_maps
		run_ok
		equal "policy of $mode" "$shown" "$(policy)"
	done <<-'END'
		DEFAULT - default
		INTERLEAVE 0 interleave:0
		PREFERRED 0 prefer:0
		LOCAL - local
	END
}

test_process_memory_policy_flags()
{
	need_numa
	bundle
	conf '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}'
	payload cat /proc/self/numa_maps
	run_ok
	equal policy bind=static:0 "$(policy)"
}

test_process_memory_policy_of_exec()
{
	need_numa
	sleeper '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0"}'
	exec_ok cat /proc/self/numa_maps
	equal policy bind:0 "$(policy)"
}

test_process_memory_policy_bad()
{
	need_numa
	local policy why
	while read -r why policy; do
		bundle
		conf ".linux.memoryPolicy = $policy"
		payload exit 0
		run_fails "$why"
	done <<-'END'
		memoryPolicy {"mode": "MPOL_NONSENSE"}
		memoryPolicy {"mode": "MPOL_BIND"}
		memoryPolicy {"mode": "MPOL_BIND", "nodes": "1000"}
		memoryPolicy {"mode": "MPOL_BIND", "nodes": "x"}
		memoryPolicy {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_X"]}
	END
}

# Their list stands in front of the capabilities in /proc/PID/status, and may be long.
test_process_caller_with_many_groups()
{
	need_root
	need_program setpriv
	bundle
	payload report ids caps
	run_ok
	local caps=$OUT
	WRAP+=(setpriv --groups "$(seq -s, 100000 103000)")
	run_ok
	equal "ids and capabilities" "$caps" "$OUT"
}

# ------------------------------------------------------------------------------------------- RDT

test_process_rdt_without_resctrl()
{
	only runlet : "other words"
	grep -q " - resctrl " /proc/self/mountinfo && skip "resctrl is mounted here"
	bundle
	conf '.linux.intelRdt = {closID: "guaranteed", l3CacheSchema: "L3:0=f"}'
	payload exit 0
	run_fails 'intelRdt: no resctrl'
}
