# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Annotations that change what is done, by what the container has of it. Those of handlers, systemd, CRIU
# and plug-ins are in the themes of these.

annotated()
{
	unlike runc : "does not have them"
	bundle
	conf '.annotations[$k] = $v' --arg k "$1" --arg v "$2"
}

test_annotations_hook_output()
{
	annotated run.oci.hooks.stdout "$C/out"
	conf '.annotations["run.oci.hooks.stderr"] = $e
		| .hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo said; echo complained >&2"]}]
		| .hooks.poststop = [{path: "/bin/sh", args: ["sh", "-c", "echo over"]}]' --arg e "$C/err"
	echo before >"$C/out"
	payload exit 0
	run_ok
	equal "standard output of hooks" "before said over" "$(xargs <"$C/out")"
	equal "standard error of hooks" complained "$(xargs <"$C/err")"
	equal "our own" "" "$OUT$ERR"
}

# The caller's supplementary groups, which are no group of the configuration.
test_annotations_keep_original_groups()
{
	need_root
	need_program setpriv
	annotated run.oci.keep_original_groups 1
	payload report ids
	WRAP=(setpriv --groups 4321 "${BASE_WRAP[@]}")
	run_ok
	match "groups" "$(got groups)" '(^| )4321( |$)'
	conf 'del(.annotations)'
	run_ok
	no_match "groups" "$(got groups)" 4321
	WRAP=("${BASE_WRAP[@]}")
}

test_annotations_pidfd_receiver()
{
	only runlet : "has no such annotation, or answers otherwise"
	annotated run.oci.pidfd_receiver "$C/pidfd.sock"
	payload sleep
	"$PROGRAMS/host" pidfd "$C/pidfd.sock" >"$C/pidfd" &
	echo $! >>"$C/helpers"
	wait_for "the listener" test -S "$C/pidfd.sock"
	rt_ok create --bundle "$B" "$ID"
	wait_for "the pidfd" grep -q pidfd= "$C/pidfd"
	equal "process of the pidfd" "pidfd=$(init_pid)" "$(cat "$C/pidfd")"
}

# bpf CODE JT JF K   one instruction of classic BPF, in the byte order of x86-64 and aarch64
bpf()
{
	local k=$4
	printf '%b' "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x\\x%02x\\x%02x\\x%02x\\x%02x' \
		$(($1 & 255)) $(($1 >> 8)) "$2" "$3" $((k & 255)) $((k >> 8 & 255)) $((k >> 16 & 255)) $((k >> 24 & 255)))"
}

# Instead of a profile: times(2) is ENOSPC, the rest is allowed.
test_annotations_seccomp_program()
{
	[ "$(uname -m)" = x86_64 ] || skip "numbers of another architecture"
	annotated run.oci.seccomp_bpf_data \
		"$({ bpf 32 0 0 0 && bpf 21 0 1 100 && bpf 6 0 0 $((0x50000 | 28)) && bpf 6 0 0 $((0x7fff0000)); } | base64 -w 0)"
	conf '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: []}'
	payload try-syscall times + try-syscall getpid
	run_ok
	expect syscall.times ENOSPC
	expect syscall.getpid ok
	conf '.annotations["run.oci.seccomp_bpf_data"] = "no base64!"'
	run_fails 'run.oci.seccomp_bpf_data'
}

test_annotations_seccomp_unknown_calls()
{
	annotated run.oci.seccomp_fail_unknown_syscall 1
	conf '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
		syscalls: [{names: ["no_such_call"], action: "SCMP_ACT_ERRNO"}]}'
	payload exit 0
	run_fails 'no_such_call'
	conf 'del(.annotations)'
	run_ok
}

test_annotations_seccomp_receiver()
{
	only runlet : "1.8.1 says nothing of its state"
	annotated run.oci.seccomp.receiver "$C/agent.sock"
	"$PROGRAMS/host" agent "$C/agent.sock" 33 >"$C/agent" 2>&1 &
	echo $! >>"$C/helpers"
	wait_for "the agent" test -S "$C/agent.sock"
	conf '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["times"], action: "SCMP_ACT_NOTIFY"}]}'
	payload try-syscall times + try-syscall getpid
	run_ok
	expect syscall.times EDOM
	expect syscall.getpid ok
	conf 'del(.annotations)'
	run_fails 'listenerPath: is missing'
	"$PROGRAMS/host" agent "$C/other.sock" 33 >"$C/agent" 2>&1 &
	echo $! >>"$C/helpers"
	wait_for "the agent" test -S "$C/other.sock"
	WRAP+=(env RUN_OCI_SECCOMP_RECEIVER="$C/other.sock")
	run_ok
	expect syscall.times EDOM
}

# A further child, made when the cgroup namespace is there: the limits are above it, out of reach.
test_annotations_delegate_cgroup()
{
	only runlet : "1.8.1 makes it elsewhere"
	need_v2 pids
	annotated run.oci.delegate-cgroup mine
	conf '.linux.resources.pids.limit = 50 | .linux.namespaces += [{type: "cgroup"}]'
	payload write /tmp/ready yes + sleep
	start_ok
	wait_for "the container to start" test -e "$B/rootfs/tmp/ready"
	match "cgroup of init" "$(cat "/proc/$(init_pid)/cgroup")" "^0::$CG/mine$"
	equal "limit above" 50 "$(cgvalue "" pids.max)"
	equal "limit of its own" max "$(cat "$(cgdir "")/mine/pids.max" 2>/dev/null || echo max)"
	rt_ok delete --force "$ID"
	equal "cgroups left" "" "$(cgroup_dirs "$CG")"
	annotated run.oci.delegate-cgroup ../out
	payload exit 0
	run_fails 'delegate-cgroup'
}

# On a machine of version 2 alone, for images with an old systemd.
test_annotations_force_cgroup_v1()
{
	only runlet : "1.8.1 wants its directory to be there"
	need_v2
	annotated run.oci.systemd.force_cgroup_v1 /sys/fs/cgroup
	payload cat /proc/self/mountinfo
	run_ok
	match "mounts" "$OUT" ' /sys/fs/cgroup .* - cgroup cgroup .*name=systemd'
}
