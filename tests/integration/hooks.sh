# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Hooks: their order, what they are told, where they run, and what a failure does.

ALL_HOOKS=(prestart createRuntime createContainer startContainer poststart poststop)

# The payload is the hook. In the container it is at /payload, and $LOG is reached through the
# bind mount at /log; outside both are found by their host paths.
hooks_bundle()
{
	bundle
	mkdir -p "$C/log"
	chmod 777 "$C/log"
	LOG=$C/log/hooks
	conf '.mounts += [{destination: "/log", type: "bind", source: $l, options: ["bind"]}]' \
		--arg l "$C/log"
}

# add_hook WHEN WORD...   a hook that runs the payload with these words
add_hook()
{
	local when=$1 program=$PROGRAMS/payload
	shift
	[ "$when" != startContainer ] || program=/payload
	conf '.hooks[$w] += [{path: $p, args: (["hook"] + $ARGS.positional)}]' \
		--arg w "$when" --arg p "$program" --args -- "$@"
}

# log_hook WHEN   a hook that writes down that it ran, and what it was told
log_hook()
{
	case $1 in
	startContainer) add_hook "$1" hook /log/hooks "$1" ;;
	*) add_hook "$1" hook "$LOG" "$1" ;;
	esac
}

# fail_hook WHEN   a hook that writes down that it ran, and fails
fail_hook()
{
	case $1 in
	startContainer) add_hook "$1" hook /log/hooks "$1" + exit 3 ;;
	*) add_hook "$1" hook "$LOG" "$1" + exit 3 ;;
	esac
}

ran()
{
	sed -n 's/^hook=\([^ ]*\) .*/\1/p' "$LOG" 2>/dev/null | xargs
}

hook_state()
{
	sed -n "s/^state\\.$1=//p" "$LOG"
}

test_hooks_order()
{
	unlike crun runc : "run poststart early"
	hooks_bundle
	local when
	for when in "${ALL_HOOKS[@]}"; do
		log_hook "$when"
	done
	payload append /log/hooks "hook=payload pid=0"
	rt_ok create --bundle "$B" "$ID"
	equal "hooks of create" "prestart createRuntime createContainer" "$(ran)"
	rt_ok start "$ID"
	wait_status stopped
	wait_for "the poststart hook" grep -q hook=poststart "$LOG"
	match "hooks of start" "$(ran)" \
		"createContainer startContainer (payload poststart|poststart payload)"
	rt_ok delete "$ID"
	match "hooks of delete" "$(ran)" " poststop$"
}

test_hooks_poststart_follows_the_program()
{
	only runlet : "order is right in newer versions"
	hooks_bundle
	log_hook poststart
	add_hook poststart wait-file "$B/rootfs/started"
	payload write /started yes + sleep
	rt_ok create --bundle "$B" "$ID"
	rt_ok start "$ID"
	exists "$B/rootfs/started"
}

test_hooks_several_of_a_kind_in_order()
{
	hooks_bundle
	add_hook createRuntime hook "$LOG" first
	add_hook createRuntime hook "$LOG" second
	add_hook createRuntime hook "$LOG" third
	payload exit 0
	run_ok
	equal "hooks" "first second third" "$(ran)"
}

test_hooks_state()
{
	hooks_bundle
	local when state pid
	for when in "${ALL_HOOKS[@]}"; do
		log_hook "$when"
	done
	conf '.annotations = {"k": "v"}'
	payload sleep
	start_ok
	pid=$(init_pid)
	rt_ok delete --force "$ID"
	for when in "${ALL_HOOKS[@]}"; do
		state=$(hook_state "$when")
		jq -e . <<<"$state" >/dev/null || fail "the state of $when is no JSON: $state"
		equal "id for $when" "$ID" "$(jq -r .id <<<"$state")"
		[ "$KIND$when" = crunstartContainer ] ||
			equal "bundle for $when" "$B" "$(jq -r .bundle <<<"$state")"
		equal "annotation for $when" v "$(jq -r .annotations.k <<<"$state")"
		match "ociVersion for $when" "$(jq -r .ociVersion <<<"$state")" '^1\.[0-9]+'
	done
	for when in prestart createRuntime; do
		match "status for $when" "$(jq -r .status <<<"$(hook_state $when)")" '^creat(ing|ed)$'
		equal "pid for $when" "$pid" "$(jq -r .pid <<<"$(hook_state $when)")"
	done
	[ "$KIND" = runc ] ||
		equal "status for poststart" running "$(jq -r .status <<<"$(hook_state poststart)")"
	equal "pid for poststart" "$pid" "$(jq -r .pid <<<"$(hook_state poststart)")"
	equal "status for poststop" stopped "$(jq -r .status <<<"$(hook_state poststop)")"
}

test_hooks_state_words()
{
	only runlet : "other words in older versions"
	hooks_bundle
	local when
	for when in "${ALL_HOOKS[@]}"; do
		log_hook "$when"
	done
	payload exit 0
	run_ok
	for when in prestart createRuntime createContainer; do
		equal "status for $when" creating "$(jq -r .status <<<"$(hook_state $when)")"
	done
	equal "status for startContainer" created "$(jq -r .status <<<"$(hook_state startContainer)")"
}

# The specification: the pid as seen by the hook's own pid namespace.
test_hooks_state_pid_inside()
{
	only runlet : "says something else"
	hooks_bundle
	log_hook createContainer
	log_hook startContainer
	payload exit 0
	run_ok
	equal "pid for startContainer" 1 "$(jq -r .pid <<<"$(hook_state startContainer)")"
	equal "pid for createContainer" 1 "$(jq -r .pid <<<"$(hook_state createContainer)")"
}

# createContainer: in the container's namespaces, but before the root changes.
test_hooks_create_container_place()
{
	hooks_bundle
	log_hook createContainer
	payload exit 0
	run_ok
	match "what the hook saw" "$(cat "$LOG")" "^hook=createContainer pid=[0-9]{1,2} "
}

test_hooks_create_container_sees_the_mounts()
{
	hooks_bundle
	conf '.mounts += [{destination: "/marked", type: "tmpfs", source: "tmpfs"}]
		| .hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c", $s]}]' \
		--arg s "cat /proc/self/mountinfo >'$C/log/mountinfo'"
	payload exit 0
	run_ok
	match "mounts at createContainer" "$(cat "$C/log/mountinfo")" "/rootfs/marked .* tmpfs"
}

# NVIDIA's hook mounts into the root at this moment.
test_hooks_create_container_can_mount()
{
	hooks_bundle
	mkdir -p "$B/rootfs/here" "$C/from"
	echo content >"$C/from/file"
	conf '.hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c", $s]}]' \
		--arg s "mount --bind '$C/from' '$B/rootfs/here'"
	payload cat /here/file
	run_ok
	expect /here/file content
}

test_hooks_runtime_hooks_run_on_the_host()
{
	hooks_bundle
	log_hook prestart
	log_hook createRuntime
	log_hook poststart
	log_hook poststop
	payload exit 0
	run_ok
	local when
	for when in prestart createRuntime poststart poststop; do
		match "where $when ran" "$(grep "^hook=$when " "$LOG")" "hostname=$(uname -n)$"
	done
}

test_hooks_start_container_runs_inside()
{
	hooks_bundle
	log_hook startContainer
	payload exit 0
	run_ok
	match "where it ran" "$(cat "$LOG")" "hook=startContainer pid=[0-9]+ hostname=testhost"
}

# At prestart and createRuntime the namespaces exist and nothing of the root is mounted yet;
# engines set up the network by the pid at this time.
test_hooks_create_runtime_finds_the_namespaces()
{
	need_root
	hooks_bundle
	cat >"$C/hook" <<-END
		#!/bin/sh
		pid=\$(jq .pid)
		readlink /proc/\$pid/ns/net >'$C/log/net'
		nsenter -t \$pid -n ip link show lo >'$C/log/lo' 2>&1
	END
	chmod 755 "$C/hook"
	conf '.hooks.createRuntime = [{path: $p}]' --arg p "$C/hook"
	payload report ns
	run_ok
	equal "network namespace" "net:[$(got ns.net)]" "$(cat "$C/log/net")"
}

test_hooks_args_and_env()
{
	hooks_bundle
	conf '.hooks.createRuntime = [{path: "/bin/sh",
		args: ["my-name", "-c", $s, "a", "b c"], env: ["ONE=1", "TWO=2 3"]}]' \
		--arg s "echo \"\$0|\$1|\$ONE|\$TWO|\$HOME\" >'$C/log/said'"
	payload exit 0
	run_ok
	equal "what the hook got" "a|b c|1|2 3|" "$(cat "$C/log/said")"
	conf '.hooks.createRuntime[0] |= del(.env)'
	WRAP+=(env "TWO=of the caller")
	run_ok
	equal "what it got without env" "a|b c||of the caller|$HOME" "$(cat "$C/log/said")"
}

test_hooks_output_does_not_mix_with_the_containers()
{
	hooks_bundle
	conf '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo from-the-hook"]}]'
	payload echo from-the-payload
	run_ok
	match "output" "$OUT" "from-the-payload"
}

hook_failure()
{
	local when=$1
	hooks_bundle
	fail_hook "$when"
	log_hook poststop
	payload write /ran yes + sleep
	rt run --bundle "$B" "$ID"
	differ "exit status" 0 "$RC"
	no_state "$ID"
	[ "$when" = poststart ] || missing "$B/rootfs/ran"
	match "hooks" "$(ran)" "^$when"
}

test_hooks_failure_of_prestart()
{
	hook_failure prestart
}

test_hooks_failure_of_create_runtime()
{
	hook_failure createRuntime
}

test_hooks_failure_of_create_container()
{
	hook_failure createContainer
}

test_hooks_failure_of_start_container()
{
	hook_failure startContainer
}

test_hooks_failure_of_poststart()
{
	unlike crun runc : "a warning in older versions"
	hook_failure poststart
}

# Whatever hook fails, what the earlier ones made must be unmade.
test_hooks_failure_still_runs_poststop()
{
	unlike crun runc : "not for each of them"
	local when
	for when in prestart createRuntime createContainer startContainer; do
		rm -rf "$C/log" "$C/bundle"
		hook_failure $when
		match "hooks after a failing $when" "$(ran)" " poststop$"
	done
}

test_hooks_failure_is_named()
{
	only runlet : "less precise"
	hooks_bundle
	fail_hook createRuntime
	payload exit 0
	run_fails "createRuntime.*3"
	match "error text" "$ERR" "payload"
}

test_hooks_failure_of_start_leaves_a_clean_host()
{
	unlike crun runc : "start has ended by then"
	hooks_bundle
	fail_hook startContainer
	payload sleep
	rt_ok create --bundle "$B" "$ID"
	rt start "$ID"
	differ "exit status" 0 "$RC"
	[ ! -e "$STATE/$ID" ] || rt_ok delete --force "$ID"
	no_state "$ID"
}

test_hooks_failure_of_poststop_is_a_warning()
{
	unlike runc : "does not go on"
	hooks_bundle
	fail_hook poststop
	add_hook poststop hook "$LOG" second
	payload exit 0
	start_ok
	wait_status stopped
	rt_ok delete "$ID"
	no_state "$ID"
	match "hooks" "$(ran)" "poststop second"
}

test_hooks_missing_program()
{
	hooks_bundle
	conf '.hooks.createRuntime = [{path: "/no/such/hook"}]'
	payload exit 0
	run_fails "/no/such/hook|no such file|hook"
}

test_hooks_relative_path()
{
	hooks_bundle
	unlike crun runc : "does not look"
	conf '.hooks.createRuntime = [{path: "bin/sh"}]'
	payload exit 0
	run_fails "createRuntime|absolute|bin/sh"
}

test_hooks_timeout()
{
	hooks_bundle
	conf '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "60"], timeout: 1}]'
	payload exit 0
	PATIENCE=15
	run_fails "."
}

test_hooks_timeout_kills_what_ignores_signals()
{
	unlike crun : "waits for the reader of the pipe"
	hooks_bundle
	cat >"$C/hook" <<-END
		#!/bin/sh
		trap '' TERM INT HUP
		while :; do sleep 1; done
	END
	chmod 755 "$C/hook"
	conf '.hooks.createRuntime = [{path: $p, timeout: 1}]' --arg p "$C/hook"
	payload exit 0
	PATIENCE=15
	run_fails "."
}

test_hooks_timeout_not_reached()
{
	hooks_bundle
	conf '.hooks.createRuntime = [{path: "/bin/true", timeout: 5}]'
	payload exit 4
	run_status 4
}

test_hooks_timeout_nonsense()
{
	unlike crun runc : "does not look"
	local timeout
	for timeout in 0 -1 '"x"'; do
		hooks_bundle
		conf ".hooks.createRuntime = [{path: \"/bin/true\", timeout: $timeout}]"
		payload exit 0
		run_fails "timeout"
	done
}

# A hook that does not read its stdin must not break the runtime.
test_hooks_closed_stdin()
{
	hooks_bundle
	conf '.annotations = {"big": ("x" * 200000)}
		| .hooks.createRuntime = [{path: "/bin/true"}]
		| .hooks.poststop = [{path: "/bin/true"}]'
	payload exit 0
	run_ok
}

test_hooks_get_no_descriptors()
{
	hooks_bundle
	add_hook createRuntime report fds
	conf '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", $s]}]' \
		--arg s "ls -l /proc/self/fd >'$C/log/fds'"
	payload exit 0
	WRAP+=("$PROGRAMS/host" with-fds 30 5 /)
	run_ok
	no_match "descriptors of the hook" "$(cat "$C/log/fds")" " (3[0-9]|[4-9]) -> .*(state|cgroup|rootfs|ns)"
	unlike runc crun : "pass on what the caller had"
	no_match "descriptors of the hook" "$(cat "$C/log/fds")" " 3[0-4] ->"
}

test_hooks_get_the_container_id_that_deletes_itself()
{
	hooks_bundle
	log_hook poststop
	payload exit 0
	run_ok
	equal "hooks" poststop "$(ran)"
}
