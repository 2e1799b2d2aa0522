# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# config.json `linux.seccomp`.

# seccomp JQ   a profile that allows everything but what the filter adds
seccomp()
{
	conf ".linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\",
		architectures: [\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_AARCH64\"]} + ($1)"
	[ "$(uname -m)" = x86_64 ] || conf '.linux.seccomp.architectures = ["SCMP_ARCH_AARCH64"]'
	[ "$(uname -m)" != x86_64 ] || conf '.linux.seccomp.architectures = ["SCMP_ARCH_X86_64"]'
}

# rule NAMES ACTION [MEMBERS]
rule()
{
	printf '{names: %s, action: "SCMP_ACT_%s"} + (%s)' "$1" "$2" "${3:-{\}}"
}

test_seccomp_off_by_default()
{
	bundle
	payload report status
	run_ok
	[ -n "$ENOSYS" ] || expect seccomp.mode 0
	[ -z "$ENOSYS" ] || expect seccomp.filters 1
}

test_seccomp_is_on()
{
	bundle
	seccomp '{}'
	payload report status
	run_ok
	unlike crun runc : "leave out a filter that allows everything"
	expect seccomp.mode 2
}

test_seccomp_errno()
{
	bundle
	seccomp "{syscalls: [$(rule '["times"]' ERRNO), $(rule '["kcmp"]' ERRNO '{errnoRet: 33}')]}"
	payload report status + try-syscall times + try-syscall kcmp + try-syscall getpid
	run_ok
	expect seccomp.mode 2
	expect syscall.times EPERM
	expect syscall.kcmp EDOM
	expect syscall.getpid ok
}

test_seccomp_default_errno()
{
	bundle
	seccomp '{}'
	# Allow all that there is up to a boundary, in numbers the payload needs, by naming them.
	conf '.linux.seccomp |= . + {defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 33,
		syscalls: [{action: "SCMP_ACT_ALLOW", names: ["read", "write", "writev", "open", "close",
			"fstat", "mmap", "munmap", "brk", "mprotect", "rt_sigaction", "rt_sigprocmask",
			"ioctl", "execve", "exit", "exit_group", "arch_prctl", "set_tid_address", "prctl",
			"getdents64", "lseek", "fcntl", "newfstatat", "capset", "setuid", "setgid",
			"setgroups", "setresuid", "setresgid", "chdir", "fchdir", "futex", "dup3", "openat",
			"readlink", "getcwd", "stat", "lstat", "sigaltstack", "sched_getaffinity", "epoll_ctl",
			"getpid", "gettid", "tgkill", "nanosleep", "epoll_pwait", "prlimit64", "statx",
			"set_robust_list", "rseq", "getrandom", "close_range", "umask", "execveat", "fchmod",
			"sendmsg", "sendto", "recvmsg", "recvfrom", "getuid", "capget", "statfs", "fstatfs",
			"readlinkat", "access", "faccessat", "faccessat2", "openat2", "clone", "kill", "wait4",
			"dup", "dup2", "pipe2", "poll", "ppoll", "rt_sigreturn", "setsid", "getppid",
			"pread64", "pwrite64", "membarrier", "sched_yield", "madvise", "keyctl", "seccomp",
			"unlink", "unlinkat"]}]}'
	payload try-syscall sync + try-syscall personality 0xffffffff + try-syscall getpid
	run_ok
	expect syscall.sync EDOM
	expect syscall.personality EDOM
	expect syscall.getpid ok
}

test_seccomp_several_names()
{
	bundle
	seccomp "{syscalls: [$(rule '["times", "kcmp", "no_such_call", "alarm"]' ERRNO)]}"
	payload try-syscall times + try-syscall kcmp + try-syscall alarm
	run_ok
	expect syscall.times EPERM
	expect syscall.kcmp EPERM
	expect syscall.alarm EPERM
}

test_seccomp_unknown_call_is_skipped()
{
	bundle
	seccomp "{syscalls: [$(rule '["no_such_call"]' KILL), $(rule '["times"]' ERRNO)]}"
	payload try-syscall times
	run_ok
	expect syscall.times EPERM
}

test_seccomp_kill()
{
	local action
	for action in KILL KILL_PROCESS KILL_THREAD; do
		bundle
		seccomp "{syscalls: [$(rule '["times"]' $action)]}"
		payload try-syscall times + echo survived
		rt run --bundle "$B" "$ID"
		equal "exit status of $action" 159 "$RC"
	done
}

test_seccomp_trap()
{
	bundle
	seccomp "{syscalls: [$(rule '["times"]' TRAP)]}"
	payload try-syscall times
	rt run --bundle "$B" "$ID"
	equal "exit status" 159 "$RC"
}

test_seccomp_log_and_allow()
{
	bundle
	seccomp "{syscalls: [$(rule '["times"]' LOG), $(rule '["kcmp"]' ALLOW)]}"
	payload try-syscall times
	run_ok
	expect syscall.times ok
}

test_seccomp_trace_without_tracer()
{
	bundle
	seccomp "{syscalls: [$(rule '["times"]' TRACE)]}"
	payload try-syscall times
	run_ok
	expect syscall.times ENOSYS
}

# op VALUE...   the outcomes of umask(VALUE) under the comparison, in order
compare()
{
	local arguments=$1 value words=()
	shift
	bundle
	seccomp "{syscalls: [$(rule '["personality"]' ERRNO "{args: $arguments, errnoRet: 33}")]}"
	for value in "$@"; do
		words+=(try-syscall personality "$value" +)
	done
	payload "${words[@]}" echo end
	run_ok
	COMPARED=$(got syscall.personality | sed 's/EDOM/no/' | xargs)
}

# Values that personality(2) takes: 0 is PER_LINUX, and 0xffffffff only asks.
test_seccomp_comparisons()
{
	local q=0xffffffff
	compare '[{index: 0, value: 4294967295, op: "SCMP_CMP_EQ"}]' $q 0
	equal EQ "no ok" "$COMPARED"
	compare '[{index: 0, value: 4294967295, op: "SCMP_CMP_NE"}]' $q 0
	equal NE "ok no" "$COMPARED"
	compare '[{index: 0, value: 4294967295, op: "SCMP_CMP_LT"}]' $q 0
	equal LT "ok no" "$COMPARED"
	compare '[{index: 0, value: 4294967295, op: "SCMP_CMP_LE"}]' $q 0
	equal LE "no no" "$COMPARED"
	compare '[{index: 0, value: 0, op: "SCMP_CMP_GT"}]' $q 0
	equal GT "no ok" "$COMPARED"
	compare '[{index: 0, value: 4294967295, op: "SCMP_CMP_GE"}]' $q 0
	equal GE "no ok" "$COMPARED"
	compare '[{index: 0, value: 240, valueTwo: 240, op: "SCMP_CMP_MASKED_EQ"}]' $q 0
	equal MASKED_EQ "no ok" "$COMPARED"
}

test_seccomp_several_arguments_mean_and()
{
	bundle
	seccomp "{syscalls: [$(rule '["getpriority"]' ERRNO '{errnoRet: 33, args: [
		{index: 0, value: 0, op: "SCMP_CMP_EQ"}, {index: 1, value: 0, op: "SCMP_CMP_EQ"}]}')]}"
	payload try-syscall getpriority 0 0 + try-syscall getpriority 0 1
	run_ok
	equal outcomes "EDOM ok" "$(got syscall.getpriority | xargs)"
}

test_seccomp_same_argument_twice_means_or()
{
	bundle
	seccomp "{syscalls: [$(rule '["getpriority"]' ERRNO '{errnoRet: 33, args: [
		{index: 1, value: 1, op: "SCMP_CMP_EQ"}, {index: 1, value: 2, op: "SCMP_CMP_EQ"}]}')]}"
	payload try-syscall getpriority 0 1 + try-syscall getpriority 0 2 + try-syscall getpriority 0 0
	run_ok
	equal outcomes "EDOM EDOM ok" "$(got syscall.getpriority | xargs)"
}

# 64 bits count, not 32.
test_seccomp_wide_values()
{
	bundle
	seccomp "{syscalls: [$(rule '["getpriority"]' ERRNO '{errnoRet: 33, args: [
		{index: 2, value: 4294967296, op: "SCMP_CMP_EQ"}]}')]}"
	payload try-syscall getpriority 0 0 0x100000000 + try-syscall getpriority 0 0 0 + \
		try-syscall getpriority 0 0 0x100000001
	run_ok
	equal outcomes "EDOM ok ok" "$(got syscall.getpriority | xargs)"
}

# A program that probes for a call newer than the profile must see ENOSYS, not EPERM, or it
# never tries the older one.
test_seccomp_calls_newer_than_the_profile()
{
	unlike crun : "answers EPERM"
	bundle
	seccomp '{}'
	conf '.linux.seccomp.defaultAction = "SCMP_ACT_ERRNO" | .linux.seccomp.syscalls = [
		{action: "SCMP_ACT_ALLOW", names: ["read", "write", "writev", "open", "close", "fstat",
		"mmap", "munmap", "brk", "mprotect", "rt_sigaction", "rt_sigprocmask", "ioctl", "execve",
		"exit_group", "arch_prctl", "set_tid_address", "prctl", "getdents64", "fcntl",
		"newfstatat", "capset", "setuid", "setgid", "setgroups", "setresuid", "setresgid",
		"chdir", "fchdir", "futex", "openat", "readlink", "getcwd", "stat", "lstat",
		"sigaltstack", "epoll_ctl", "epoll_pwait", "getpid", "gettid", "tgkill", "nanosleep",
		"prlimit64", "statx", "rseq", "getrandom", "umask", "sendmsg", "sendto", "recvmsg",
		"recvfrom", "getuid", "capget", "statfs", "fstatfs", "readlinkat", "access", "faccessat",
		"lseek", "kill", "dup", "dup2", "dup3", "poll", "rt_sigreturn", "setsid", "getppid",
		"pread64", "keyctl", "seccomp", "sched_yield", "madvise", "clone", "wait4", "execveat",
		"fchmod", "unlink", "unlinkat", "exit", "set_robust_list", "sched_getaffinity", "pipe2",
		"pidfd_open"]}]'
	payload try-syscall 999 + try-syscall 443 + try-syscall sync
	run_ok
	expect syscall.999 ENOSYS
	expect syscall.443 ENOSYS
	expect syscall.sync EPERM
}

test_seccomp_stacks_with_no_new_privileges_off()
{
	need_root
	bundle
	seccomp "{syscalls: [$(rule '["times"]' ERRNO)]}"
	conf '.process.noNewPrivileges = false | .process.user = {uid: 1000, gid: 1000}'
	payload report caps + try-syscall times
	run_ok
	expect nnp 0
	expect syscall.times EPERM
}

test_seccomp_applies_to_exec()
{
	sleeper ".linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\",
		syscalls: [$(rule '["times"]' ERRNO '{errnoRet: 33}')]}"
	exec_ok report status + try-syscall times
	expect seccomp.mode 2
	expect syscall.times EDOM
}

test_seccomp_bad_profiles()
{
	local profile
	for profile in '{defaultAction: "SCMP_ACT_NONSENSE"}' \
		'{defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_NONSENSE"]}' \
		'{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["times"], action: "NONSENSE"}]}' \
		'{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["times"],
			action: "SCMP_ACT_ERRNO", args: [{index: 0, value: 1, op: "SCMP_CMP_NONSENSE"}]}]}'; do
		bundle
		conf ".linux.seccomp = $profile"
		run_fails "."
	done
	only runlet : "less strict"
	for profile in '{}' '{defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_NONSENSE"]}' \
		'{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: [], action: "SCMP_ACT_ERRNO"}]}' \
		'{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["times"],
			action: "SCMP_ACT_ALLOW", errnoRet: 5}]}' \
		'{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["times"],
			action: "SCMP_ACT_ERRNO", args: [{index: 6, value: 1, op: "SCMP_CMP_EQ"}]}]}'; do
		bundle
		conf ".linux.seccomp = $profile"
		payload exit 0
		rt run --bundle "$B" "$ID"
		# Refused, or the part without meaning is named.
		[ "$RC" != 0 ] || match "standard error for $profile" "$ERR" "seccomp"
	done
}

test_seccomp_flags()
{
	unlike crun runc : "1.8.1 and 1.1.5 know other flags, or none"
	bundle
	seccomp "{flags: [\"SECCOMP_FILTER_FLAG_LOG\"], syscalls: [$(rule '["times"]' ERRNO)]}"
	payload try-syscall times
	run_ok
	expect syscall.times EPERM
	bundle
	seccomp "{flags: [], syscalls: [$(rule '["times"]' ERRNO)]}"
	payload try-syscall times
	run_ok
	expect syscall.times EPERM
	bundle
	seccomp "{flags: [\"SECCOMP_FILTER_FLAG_TSYNC\", \"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"],
		syscalls: [$(rule '["times"]' ERRNO)]}"
	payload try-syscall times
	run_ok
	expect syscall.times EPERM
}

# 32-bit and x32 calls must not slip through a filter that names one architecture.
test_seccomp_other_abi()
{
	[ "$(uname -m)" = x86_64 ] || skip "x86-64 only"
	bundle
	seccomp "{syscalls: [$(rule '["times"]' ERRNO '{errnoRet: 33}')]}"
	# times by its x32 number
	payload try-syscall $((0x40000000 + 100)) + echo survived
	rt run --bundle "$B" "$ID"
	[ "$RC" = 0 ] || equal "exit status" 159 "$RC"
	[ "$RC" != 0 ] || no_match outcome "$(got syscall.$((0x40000000 + 100)))" "^ok$"
}

test_seccomp_number_minus_one()
{
	bundle
	seccomp "{syscalls: [$(rule '["times"]' ERRNO)]}"
	payload try-syscall -1 + try-syscall 4000
	run_ok
	differ "outcome of -1" ok "$(got syscall.-1)"
	expect syscall.4000 ENOSYS
}

test_seccomp_cache_does_not_mix_profiles()
{
	bundle
	local errno name
	for errno in 33 1 33 22; do
		seccomp "{syscalls: [$(rule '["times"]' ERRNO "{errnoRet: $errno}")]}"
		payload try-syscall times
		run_ok
		case $errno in
		1) name=EPERM ;;
		22) name=EINVAL ;;
		33) name=EDOM ;;
		esac
		expect syscall.times $name
	done
	# Names that look the same when they are joined.
	seccomp "{syscalls: [$(rule '["times", "kcmp"]' ERRNO)]}"
	payload try-syscall times + try-syscall kcmp
	run_ok
	expect syscall.kcmp EPERM
	seccomp "{syscalls: [$(rule '["times"]' ERRNO), $(rule '["kcmp"]' ERRNO '{errnoRet: 33}')]}"
	payload try-syscall times + try-syscall kcmp
	run_ok
	expect syscall.times EPERM
	expect syscall.kcmp EDOM
}

test_seccomp_cache_is_not_trusted_blindly()
{
	only runlet : "the cache is the runtime's own"
	bundle
	seccomp "{syscalls: [$(rule '["times"]' ERRNO)]}"
	payload try-syscall times
	run_ok
	local file
	# Whatever is kept below --root: damaged, it must not weaken the filter.
	find "$STATE" -type f | while read -r file; do
		: >"$file"
	done
	rt run --bundle "$B" "$ID"
	[ "$RC" != 0 ] || expect syscall.times EPERM
	find "$STATE" -type f | while read -r file; do
		printf 'x' | dd of="$file" bs=1 seek=8 conv=notrunc 2>/dev/null
	done
	rt run --bundle "$B" "$ID"
	[ "$RC" != 0 ] || expect syscall.times EPERM
}

# ----------------------------------------------------------------------------------------- notify

# agent ERRNO   listens for a seccomp descriptor and answers its calls
agent()
{
	AGENT=$C/agent.sock
	"$PROGRAMS/host" agent "$AGENT" "$1" >"$C/agent" 2>&1 &
	echo $! >>"$C/helpers"
	wait_for "the agent" test -S "$AGENT"
}

test_seccomp_notify()
{
	bundle
	agent 33
	seccomp "{listenerPath: \"$AGENT\", listenerMetadata: \"meta\",
		syscalls: [$(rule '["times"]' NOTIFY)]}"
	payload try-syscall times + try-syscall getpid
	run_ok
	expect syscall.times EDOM
	expect syscall.getpid ok
	OUT=$(cat "$C/agent")
	expect agent.fd 1
	local state
	state=$(got agent.state)
	jq -e . <<<"$state" >/dev/null || fail "the agent got no JSON: $state"
	equal fds seccompFd "$(jq -r '.fds | join(" ")' <<<"$state")"
	equal metadata meta "$(jq -r .metadata <<<"$state")"
	equal id "$ID" "$(jq -r .state.id <<<"$state")"
	match pid "$(jq -r .pid <<<"$state")" '^[1-9][0-9]*$'
	match ociVersion "$(jq -r .ociVersion <<<"$state")" '^[01]\.'
	unlike crun runc : "keep the connection"
	expect agent.closed 1
}

# The filter of the container holds for `exec` as well, and so does its agent.
test_seccomp_notify_exec()
{
	unlike crun : "exec has no agent"
	bundle
	agent 33
	seccomp "{listenerPath: \"$AGENT\", listenerMetadata: \"meta\",
		syscalls: [$(rule '["times"]' NOTIFY)]}"
	payload write /ready yes + sleep
	start_ok
	wait_for "the container" test -e "$B/rootfs/ready"
	rm "$AGENT"
	rt_fails "agent.sock" exec "$ID" /payload echo hello
	agent 33
	exec_ok try-syscall times + try-syscall getpid
	expect syscall.times EDOM
	expect syscall.getpid ok
	OUT=$(cat "$C/agent")
	expect agent.fd 1
	local state
	state=$(got agent.state)
	equal metadata meta "$(jq -r .metadata <<<"$state")"
	equal id "$ID" "$(jq -r .state.id <<<"$state")"
	equal status running "$(jq -r .state.status <<<"$state")"
	equal "pid of init" "$(init_pid)" "$(jq -r .state.pid <<<"$state")"
	differ "pid of the process" "$(init_pid)" "$(jq -r .pid <<<"$state")"
	match "pid of the process" "$(jq -r .pid <<<"$state")" '^[1-9][0-9]*$'
}

test_seccomp_notify_continue()
{
	bundle
	agent 0
	seccomp "{listenerPath: \"$AGENT\", syscalls: [$(rule '["times"]' NOTIFY)]}"
	payload try-syscall times + report fds
	run_ok
	expect syscall.times ok
	equal "descriptors" "0 1 2" "$(sed -n 's/^fd\.\([0-9]*\)=.*/\1/p' <<<"$OUT" | xargs)"
}

test_seccomp_notify_needs_a_listener()
{
	unlike crun : "goes on without"
	bundle
	seccomp "{syscalls: [$(rule '["times"]' NOTIFY)]}"
	run_fails "listener|notify|seccomp"
	bundle
	seccomp "{listenerPath: \"$C/nobody\", syscalls: [$(rule '["times"]' NOTIFY)]}"
	run_fails "nobody|listener|connect|no such file|seccomp"
}

test_seccomp_notify_on_write_is_refused()
{
	unlike crun : "hangs"
	bundle
	agent 0
	seccomp "{listenerPath: \"$AGENT\", syscalls: [$(rule '["write"]' NOTIFY)]}"
	run_fails "write|notify"
}

# --------------------------------------------------------------------------------------- plug-ins

# A bundle with calls that the plug-in of this suite answers.
plugin_bundle()
{
	only runlet : "1.8.1 serves attached containers only; runc has none"
	[ -e "$PROGRAMS/seccomp-plugin.so" ] || skip "no plug-in was built"
	bundle "$@"
	seccomp "{syscalls: [$(rule '["times", "getppid", "alarm", "sync"]' NOTIFY)]}"
	conf '.annotations += {"run.oci.seccomp.plugins": $p}' --arg p "$PROGRAMS/seccomp-plugin.so"
}

plugin_ended()
{
	[ "$(tail -n 1 "$B/plugin")" = stop ]
}

test_seccomp_plugins()
{
	plugin_bundle
	payload try-syscall times + try-syscall getppid + try-syscall alarm + try-syscall getpid + try-syscall sync
	run_ok
	expect syscall.times EDOM
	expect syscall.getppid ok
	expect syscall.alarm ENOTSUP
	expect syscall.getpid ok
	expect syscall.sync ENXIO
	wait_for "the end of the plug-in" plugin_ended
	equal "what it was told" "$ID asked stop" "$(xargs <"$B/plugin")"
}

test_seccomp_plugins_in_a_list()
{
	plugin_bundle
	cp "$PROGRAMS/seccomp-plugin.so" "$C/second.so"
	conf '.annotations["run.oci.seccomp.plugins"] += ":" + $p' --arg p "$C/second.so"
	payload try-syscall times + try-syscall alarm
	run_ok
	expect syscall.times EDOM
	expect syscall.alarm ENOTSUP
	wait_for "the end of both plug-ins" sh -c "[ \$(grep -c stop '$B/plugin') = 2 ]"
	equal "what they were told" "$ID $ID asked asked stop stop" "$(xargs <"$B/plugin")"
}

test_seccomp_plugins_of_a_detached_container()
{
	plugin_bundle
	payload write /tmp/ready yes + wait-file /tmp/go + try-syscall times + sleep
	start_ok
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
	touch "$B/rootfs/tmp/go"
	wait_for "the answer" grep -q syscall.times=EDOM "$COUT"
	exec_ok try-syscall times + try-syscall getppid
	expect syscall.times EDOM
	expect syscall.getppid ok
	rt_ok delete --force "$ID"
	wait_for "the end of both plug-ins" sh -c "[ \$(grep -c stop '$B/plugin') = 2 ]"
}

test_seccomp_plugins_bad()
{
	plugin_bundle
	payload exit 0
	conf '.annotations["run.oci.seccomp.plugins"] = "/nowhere/plugin.so"'
	run_fails 'seccomp.plugins.*plugin.so'
	conf '.annotations["run.oci.seccomp.plugins"] = "relative/plugin.so"'
	run_fails 'not an absolute path'
	conf '.annotations["run.oci.seccomp.plugins"] = "libc.so.6"'
	run_fails 'has no run_oci_seccomp_notify_handle_request'
	conf '.annotations["run.oci.seccomp.plugins"] = ""'
	run_fails 'no plug-in is named'
	plugin_bundle "$C/refuse"
	payload exit 0
	run_fails 'start the plug-in.*not permitted'
	plugin_bundle "$C/both"
	payload exit 0
	conf '.linux.seccomp.listenerPath = "/run/x"'
	run_fails 'listener as well'
}
