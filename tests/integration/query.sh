# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# list, ps, spec, features, --version, plan.

test_query_list_empty()
{
	rt_ok list --format json
	match "the list" "$(tr -d ' \n' <<<"$OUT")" '^(null|\[\])$'
	rt_ok list --quiet
	equal "quiet list" "" "$OUT"
	rt_ok list
	equal "lines of the table" 1 "$(wc -l <<<"$OUT")"
}

test_query_list_json()
{
	sleeper '.annotations = {"k": "v"}'
	rt_ok list --format json
	jq -e 'type == "array" and length == 1' <<<"$OUT" >/dev/null || fail "list: $OUT"
	equal id "$ID" "$(jq -r '.[0].id' <<<"$OUT")"
	equal pid "$(init_pid)" "$(jq -r '.[0].pid' <<<"$OUT")"
	equal status running "$(jq -r '.[0].status' <<<"$OUT")"
	equal bundle "$B" "$(jq -r '.[0].bundle' <<<"$OUT")"
	match owner "$(jq -r '.[0].owner' <<<"$OUT")" "^($(id -un 2>/dev/null)|#?$(id -u))$"
	match created "$(jq -r '.[0].created' <<<"$OUT")" '^20[0-9]{2}-'
	rt_ok list -f json
	equal id "$ID" "$(jq -r '.[0].id' <<<"$OUT")"
}

test_query_list_table()
{
	sleeper
	rt_ok list
	match "head" "$(head -n 1 <<<"$OUT")" '^(ID|NAME) +PID +STATUS +BUNDLE'
	match "row" "$(sed -n 2p <<<"$OUT")" "^$ID +$(init_pid) +running +$B "
}

test_query_list_quiet()
{
	sleeper
	rt_ok list -q
	equal "the list" "$ID" "$OUT"
	rt_ok list --quiet
	equal "the list" "$ID" "$OUT"
}

test_query_list_all_states()
{
	local i
	for i in created stopped; do
		bundle "$C/$i"
		conf '.linux.cgroupsPath += $i' --arg i "-$i"
		payload exit 0
		rt_ok create --bundle "$B" "$ID-$i"
	done
	rt_ok start "$ID-stopped"
	wait_for "the end" is_status stopped "$ID-stopped"
	rt_ok list --format json
	equal states "$ID-created=created $ID-stopped=stopped" \
		"$(jq -r '[.[] | "\(.id)=\(.status)"] | sort | join(" ")' <<<"$OUT")"
}

# A directory that is no container must not hide the others.
test_query_list_ignores_strangers()
{
	only runlet : "reports an error"
	sleeper
	mkdir "$STATE/stranger"
	echo text >"$STATE/file"
	rt_ok list --quiet
	match "the list" "$OUT" "^$ID$"
	rm -rf "$STATE/stranger" "$STATE/file"
}

test_query_list_unknown_format()
{
	rt list --format nonsense
	unlike crun : "1.8.1 takes it for a table"
	differ "exit status" 0 "$RC"
}

test_query_ps()
{
	need_root
	bundle
	payload fork-tree 3
	start_ok
	wait_for "the output" grep -q ready "$COUT"
	rt_ok ps --format json "$ID"
	equal "number of pids" 4 "$(jq length <<<"$OUT")"
	jq -e 'all(type == "number")' <<<"$OUT" >/dev/null || fail "ps: $OUT"
	match "pids" " $(jq -r 'join(" ")' <<<"$OUT") " " $(init_pid) "
}

test_query_ps_table()
{
	need_root
	need_program ps
	sleeper
	rt_ok ps "$ID"
	match "head" "$(head -n 1 <<<"$OUT")" "PID"
	match "rows" "$OUT" "(^|[^0-9])$(init_pid)([^0-9]|$)"
}

test_query_ps_options()
{
	need_root
	need_program ps
	unlike crun : "passes none on"
	sleeper
	rt_ok ps "$ID" -o pid,comm
	match "head" "$(head -n 1 <<<"$OUT")" "PID +COMMAND"
	match "row" "$(sed -n 2p <<<"$OUT")" "^ *$(init_pid) +payload"
	equal "lines" 2 "$(wc -l <<<"$OUT")"
}

test_query_ps_includes_exec()
{
	need_root
	sleeper
	rt_ok exec --detach --pid-file "$C/pid" "$ID" /payload sleep
	rt_ok ps -f json "$ID"
	match "pids" " $(jq -r 'join(" ")' <<<"$OUT") " " $(cat "$C/pid") "
}

test_query_spec()
{
	mkdir "$C/new"
	rt_ok spec --bundle "$C/new"
	jq -e '.ociVersion and .process.args and .root.path == "rootfs" and .linux.namespaces' \
		"$C/new/config.json" >/dev/null || fail "the config: $(cat "$C/new/config.json")"
	unlike runc : "has no --file"
	rt_ok spec --bundle "$C/new" --file other.json
	cmp "$C/new/config.json" "$C/new/other.json" || fail "--file makes another one"
}

test_query_spec_in_the_current_directory()
{
	mkdir "$C/new"
	cd "$C/new" || fail cd
	rt_ok spec
	exists config.json
}

test_query_spec_does_not_overwrite()
{
	mkdir "$C/new"
	echo precious >"$C/new/config.json"
	rt_fails "exist" spec --bundle "$C/new"
	equal "the file" precious "$(cat "$C/new/config.json")"
}

test_query_spec_runs()
{
	need_root
	bundle
	settle
	rm "$B/config.json"
	rt_ok spec --bundle "$B"
	conf '.linux.cgroupsPath = $cg | .process.terminal = false' --arg cg "$CG"
	payload report caps mounts
	run_ok
	expect nnp 1
	expect_mount /proc "^proc"
	expect_mount /sys "^sysfs ro"
	expect cap.bounding "$(capmask CAP_AUDIT_WRITE CAP_KILL CAP_NET_BIND_SERVICE)"
}

test_query_spec_rootless()
{
	unlike crun : "1.8.1 ignores the option"
	mkdir "$C/new"
	rt_ok spec --rootless --bundle "$C/new"
	jq -e '(.linux.namespaces | any(.type == "user")) and (.linux.uidMappings | length == 1)
		and (.linux.namespaces | any(.type == "network") | not)
		and (.linux.resources | not)' "$C/new/config.json" >/dev/null ||
		fail "the config: $(cat "$C/new/config.json")"
}

test_query_features()
{
	rt features
	[ "$RC" = 0 ] || unlike crun : "1.8.1 has no such command"
	equal "exit status" 0 "$RC"
	equal "standard error" "" "$ERR"
	jq -e . <<<"$OUT" >/dev/null || fail "no JSON: $OUT"
	jq -e '(.ociVersionMin | type == "string") and (.ociVersionMax | type == "string")
		and (.hooks | index("createContainer")) and (.mountOptions | index("rbind"))
		and (.linux.namespaces | index("mount")) and (.linux.capabilities | index("CAP_KILL"))
		and .linux.cgroup.v1 and .linux.seccomp.enabled
		and (.linux.seccomp.actions | index("SCMP_ACT_ERRNO"))' <<<"$OUT" >/dev/null ||
		fail "features: $OUT"
}

test_query_features_of_the_newer_specification()
{
	only runlet : "older"
	rt_ok features
	match "ociVersionMax" "$(jq -r .ociVersionMax <<<"$OUT")" '^1\.[23]\.'
	jq -e '(.linux.mountExtensions.idmap.enabled | type == "boolean")
		and (.linux.cgroup | has("v2") and has("systemd"))
		and (.linux.seccomp | has("operators") and has("archs") and has("knownFlags"))
		and (.linux | has("apparmor") and has("selinux"))
		and (.potentiallyUnsafeConfigAnnotations | type == "array")' <<<"$OUT" >/dev/null ||
		fail "features: $OUT"
	local option
	for option in async atime bind defaults dev diratime dirsync exec iversion lazytime loud \
		noatime nodev nodiratime noexec noiversion nolazytime norelatime nostrictatime nosuid \
		private rbind relatime remount ro rprivate rshared rslave runbindable rw shared silent \
		slave strictatime suid sync unbindable rro rnosuid tmpcopyup nosymfollow; do
		jq -e '.mountOptions | index($o)' --arg o $option <<<"$OUT" >/dev/null ||
			fail "the mount option $option is not listed"
	done
}

test_query_version()
{
	rt_ok --version
	match "first line" "$(head -n 1 <<<"$OUT")" '^(runlet|crun|runc) version [^ ]'
	match "versions" "$OUT" '^spec: 1\.'
	match "versions" "$OUT" '^commit: '
	equal "standard error" "" "$ERR"
	rt_ok -v
	match "first line" "$(head -n 1 <<<"$OUT")" ' version '
}

# Whatever is claimed is taken: none of the words makes an error or a warning.
test_query_features_are_recognized()
{
	only runlet : "has no such command"
	rt_ok features
	local features=$OUT version
	bundle
	payload exit 0
	for version in $(jq -r '.ociVersionMin, .ociVersionMax' <<<"$features"); do
		conf '.ociVersion = $v' --arg v "$version"
		run_ok
		equal "standard error for $version" "" "$ERR"
	done
	conf '.process.capabilities = ($f.linux.capabilities as $c | {bounding: $c, permitted: $c, effective: $c,
			inheritable: $c, ambient: $c})
		| .hooks = ($f.hooks | map({(.): [{path: "/bin/true"}]}) | add)
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: $f.linux.seccomp.archs,
			flags: $f.linux.seccomp.supportedFlags, listenerPath: "/run/listener",
			syscalls: ([$f.linux.seccomp.actions[] | {names: ["times"], action: .}]
				+ [$f.linux.seccomp.operators[] | {names: ["times"], action: "SCMP_ACT_ERRNO",
					args: [{index: 0, value: 1, valueTwo: 1, op: .}]}])}
		| .linux.namespaces = [$f.linux.namespaces[] | {type: .}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings
		| .mounts += [$f.mountOptions[] | {destination: ("/m/" + .), source: "/tmp", options: [.]}
			| if IN(.options[0]; "tmpcopyup") then .type = "tmpfs" else .options += ["bind"] end]' \
		--argjson f "$features"
	rt_ok plan "$B"
	no_match "the plan" "$OUT" "unknown|is no "
	equal "warnings" "" "$(grep -E '^warning' <<<"$OUT" | grep -vE \
		'the runtime itself does not have|this kernel does not|is a property of the file system')"
	equal "annotations without a mention" "" "$(jq -r '.potentiallyUnsafeConfigAnnotations as $u
		| ("run.oci.handler", "org.systemd.property.", "org.criu.config", "krun.", "run.oci.hooks.stdout") as $a
		| select($u | index($a) | not) | $a' <<<"$features")"
}

test_query_plan()
{
	only runlet : "has no such command"
	bundle
	rt_ok plan "$B"
	local first=$OUT
	rt_ok plan "$B"
	equal "the second plan" "$first" "$OUT"
	match "the plan" "$OUT" "/payload"
	match "the plan" "$OUT" "pivot|mount"
	equal "standard error" "" "$ERR"
	equal "the state directory" "" "$(ls -A "$STATE")"
}

test_query_plan_touches_nothing()
{
	only runlet : "has no such command"
	bundle
	conf '.mounts += [{destination: "/made", type: "tmpfs"}] | .hooks.createRuntime =
		[{path: "/bin/touch", args: ["touch", $f]}]' --arg f "$C/touched"
	rt_ok plan "$B"
	missing "$B/rootfs/made"
	missing "$C/touched"
	missing "$(cgdir memory)"
}

test_query_plan_refuses_what_create_refuses()
{
	only runlet : "has no such command"
	bundle
	conf '.process.cwd = "relative"'
	rt_fails "process.cwd" plan "$B"
}

# A runtime that nobody asked to do anything must not need its state directory.
test_query_commands_without_state()
{
	GLOBALS=(--root "$C/no/such/place" "${BASE_GLOBALS[@]}")
	rt_ok --version
	rt_ok list --quiet
	equal "the list" "" "$OUT"
}

# run keeps nothing locked while its program runs.
test_query_attached_run_can_be_changed()
{
	need_controller freezer
	bundle
	payload write /ready yes + sleep
	(
		wait_for "the container" test -e "$B/rootfs/ready"
		rt_ok pause "$ID"
		rt_ok resume "$ID"
		rt_ok delete --force "$ID"
	) &
	run_status 137
	wait $! || fail "a command on a running container failed"
	no_state "$ID"
}
