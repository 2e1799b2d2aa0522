# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What is said when something is wrong: the forms that engines parse, and the errors themselves.

# One object in the log, with these members, and the same words on stderr.
one_json_error()
{
	equal "number of lines in the log" 1 "$(wc -l <"$1")"
	jq -e . "$1" >/dev/null || fail "the log is no JSON: $(cat "$1")"
	equal level error "$(jq -r .level "$1")"
	match time "$(jq -r .time "$1")" '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})$'
	match msg "$(jq -r .msg "$1")" "$2"
}

test_errors_json_log()
{
	GLOBALS+=(--log "$C/log" --log-format json)
	bundle
	conf '.process.args = ["/not-there"]'
	rt run --bundle "$B" "$ID"
	one_json_error "$C/log" "/not-there"
	match "standard error" "$ERR" "/not-there"
}

test_errors_json_log_and_stderr_say_the_same()
{
	only runlet : "says more in one of them"
	GLOBALS+=(--log "$C/log" --log-format json)
	rt_fails "nobody" state nobody
	one_json_error "$C/log" "nobody"
	match "standard error" "$ERR" "$(jq -r .msg "$C/log" | sed 's/[][\.*^$()+?{|]/./g')"
	equal members "level msg time" "$(jq -r 'keys | join(" ")' "$C/log")"
}

test_errors_json_log_quotes()
{
	GLOBALS+=(--log "$C/log" --log-format json)
	bundle
	conf '.process.args = ["/quo\"te\\back\u0001\tä"]'
	rt run --bundle "$B" "$ID"
	one_json_error "$C/log" 'quo'
}

test_errors_json_log_of_every_command()
{
	unlike crun : "not for ps"
	local verb
	for verb in start delete kill pause resume ps exec; do
		rm -f "$C/log"
		GLOBALS=(--root "$STATE" "${BASE_GLOBALS[@]}" --log "$C/log" --log-format json)
		case $verb in
		exec) rt exec nobody /payload ;;
		kill) rt kill nobody KILL ;;
		*) rt $verb nobody ;;
		esac
		differ "exit status of $verb" 0 "$RC"
		one_json_error "$C/log" "$(unknown_words)"
	done
}

test_errors_text_log()
{
	GLOBALS+=(--log "$C/log" --log-format text)
	rt_fails "." state nobody
	match "the log" "$(cat "$C/log")" "$(unknown_words)"
}

test_errors_log_is_appended()
{
	GLOBALS+=(--log "$C/log")
	echo before >"$C/log"
	rt_fails "." state nobody
	match "first line of the log" "$(head -n 1 "$C/log")" "^before$"
	match "the log" "$(cat "$C/log")" "$(unknown_words)"
}

test_errors_log_cannot_be_written()
{
	GLOBALS+=(--log "$C/no/such/directory/log")
	rt state nobody
	differ "exit status" 0 "$RC"
	match "standard error" "$ERR" "."
}

test_errors_success_writes_no_log()
{
	GLOBALS+=(--log "$C/log" --log-format json)
	bundle
	payload exit 0
	run_ok
	equal "the log" "" "$(cat "$C/log" 2>/dev/null)"
	equal "standard error" "" "$ERR"
}

test_errors_exit_status_of_the_payload_is_no_error()
{
	GLOBALS+=(--log "$C/log" --log-format json)
	bundle
	payload exit 5
	run_status 5
	equal "the log" "" "$(cat "$C/log" 2>/dev/null)"
	equal "standard error" "" "$ERR"
}

test_errors_log_format_unknown()
{
	rt --log-format nonsense state nobody
	differ "exit status" 0 "$RC"
	match "standard error" "$ERR$OUT" "nonsense|format"
}

test_errors_debug_and_log_level()
{
	bundle
	payload exit 0
	GLOBALS+=(--debug)
	run_ok
	unlike runc crun : "have no --log-level"
	GLOBALS=(--root "$STATE" "${BASE_GLOBALS[@]}" --log-level debug)
	run_ok
	GLOBALS=(--root "$STATE" "${BASE_GLOBALS[@]}" --log-level error)
	run_ok
	equal "standard error" "" "$ERR"
}

test_errors_log_level_words()
{
	unlike runc crun : "have no --log-level"
	local level
	bundle
	payload exit 0
	for level in debug warning error; do
		GLOBALS=(--root "$STATE" "${BASE_GLOBALS[@]}" --log-level "$level")
		run_ok
	done
	GLOBALS=(--root "$STATE" "${BASE_GLOBALS[@]}" --log-level nonsense)
	rt run --bundle "$B" "$ID"
	differ "exit status" 0 "$RC"
}

# ---------------------------------------------------------------------------------------- usage

test_errors_usage()
{
	local rest
	bundle
	for rest in "" nonsense "--nonsense state x" "state" "state --nonsense x" "kill" "start" \
		"delete" "create" "exec" "exec x" "update" "pause" "resume" "ps"; do
		# shellcheck disable=SC2086 # words
		rt $rest
		[ -n "$rest" ] || continue
		differ "exit status of '$rest'" 0 "$RC"
		[ "$RC" -lt 128 ] || [ "$RC" -ge 253 ] || fail "'$rest' crashed with $RC"
	done
}

test_errors_too_many_arguments()
{
	unlike crun runc : "ignores the rest"
	local verb
	for verb in state start delete pause resume; do
		rt $verb one two
		differ "exit status of $verb" 0 "$RC"
		no_match "error text" "$ERR" "does not exist"
	done
}

test_errors_help()
{
	rt_ok --help
	match help "$OUT" "create"
	match help "$OUT" "exec"
	rt_ok create --help
	match "help of create" "$OUT" "bundle"
}

test_errors_options_of_other_runtimes_are_accepted()
{
	bundle
	payload exit 0
	only runlet : "has its own options"
	rt_ok --rootless false run --no-subreaper --bundle "$B" "$ID"
	rt_ok --rootless=auto run --bundle "$B" "$ID"
}

# --------------------------------------------------------------------------------------- config

test_errors_bundle_missing()
{
	rt_fails "nowhere|no such file" create --bundle "$C/nowhere" "$ID"
	no_state "$ID"
}

test_errors_config_missing()
{
	mkdir "$C/empty"
	rt_fails "config.json" create --bundle "$C/empty" "$ID"
	no_state "$ID"
}

test_errors_config_is_a_directory()
{
	mkdir -p "$C/bundle/config.json"
	rt_fails "." create --bundle "$C/bundle" "$ID"
	no_state "$ID"
}

test_errors_config_is_no_json()
{
	local text
	for text in '' '{' '[]' 'null' '"x"' '{"ociVersion": }' '{"ociVersion": "1.0.2"} trailing' \
		'{"a":1,}' "{'a':1}" $'{"a":"\x01"}' '{"a":01}' '{"a":"\ud800"}'; do
		mkdir -p "$C/bundle/rootfs"
		printf '%s' "$text" >"$C/bundle/config.json"
		rt create --bundle "$C/bundle" "$ID"
		[ "$RC" != 0 ] || fail "accepted: $text"
		[ "$RC" -lt 128 ] || [ "$RC" -ge 253 ] || fail "crashed with $RC: $text"
		no_state "$ID"
	done
}

test_errors_config_says_where()
{
	only runlet : "says less"
	bundle
	settle
	sed -i '3s/.*/  "process" "x",/' "$B/config.json"
	run_fails "config.json.*(line 3|:3)"
}

test_errors_config_of_a_wrong_type()
{
	local filter
	unlike crun runc : "converts some of them"
	for filter in '.process = []' '.process.args = "sh"' '.process.args = [1]' '.root = "rootfs"' \
		'.root.path = 5' '.mounts = {}' '.mounts[0].options = "ro"' '.linux = []' \
		'.linux.namespaces = "all"' '.linux.resources.memory = 5' '.process.env = {}' \
		'.process.user.uid = "x"' '.process.terminal = "yes"' '.hostname = 7' \
		'.linux.resources.pids.limit = "x"' '.hooks = []' '.annotations = []' \
		'.annotations = {"a": 1}' '.linux.seccomp = []' '.process.rlimits = {}' \
		'.linux.resources.memory.limit = 1.5' '.linux.resources.cpu.shares = -1' \
		'.linux.maskedPaths = "x"' '.ociVersion = 1'; do
		bundle
		conf "$filter"
		rt run --bundle "$B" "$ID"
		[ "$RC" != 0 ] || fail "accepted: $filter"
		no_state "$ID"
		match "error for $filter" "$ERR" "$(sed 's/^\.//; s/ .*//; s/.*[].]//; s/\[.*//' <<<"$filter")"
	done
}

test_errors_config_names_the_place()
{
	only runlet : "says less"
	bundle
	conf '.linux.resources.memory.limit = "x"'
	run_fails "linux.resources.memory.limit"
	bundle
	conf '.mounts[2].destination = 5'
	run_fails "mounts\\[2\\].destination"
}

test_errors_config_reports_every_problem()
{
	only runlet : "stops at the first"
	bundle
	conf '.process.cwd = "relative" | .process.rlimits = [{type: "RLIMIT_X", soft: 1, hard: 1}]
		| .linux.namespaces += [{type: "weird"}]'
	run_fails "process.cwd"
	match "errors" "$ERR" "RLIMIT_X"
	match "errors" "$ERR" "weird"
}

test_errors_config_version()
{
	unlike crun : "1.8.1 refuses later ones"
	local version
	bundle
	payload exit 0
	for version in 1.0.0 1.0.2 1.1.0 1.2.1 1.3.0 1.0.2-dev; do
		conf '.ociVersion = $v' --arg v $version
		run_ok
	done
	only runlet : "checks more or less of it"
	conf '.ociVersion = "2.0.0"'
	rt_ok --debug run --bundle "$B" "$ID"
	match warning "$ERR" "ociVersion.*2\.0\.0.*major"
	conf 'del(.ociVersion)'
	run_fails "ociVersion"
	conf '.ociVersion = "nonsense"'
	run_fails "ociVersion"
}

test_errors_config_unknown_properties_are_ignored()
{
	bundle
	conf '.future = {x: [1]} | .process.future = 1 | .linux.future = "x" | .mounts[0].future = {}
		| .linux.resources.future = {a: 1} | .solaris = {} | .zos = {} | .freebsd = {}'
	payload exit 0
	run_ok
}

test_errors_config_deep_nesting()
{
	bundle
	payload exit 0
	settle
	local deep
	deep=$(printf '%050000d' 0 | tr 0 '[')
	printf '{"ociVersion":"1.0.2","x":%s' "$deep" >"$B/config.json"
	rt run --bundle "$B" "$ID"
	[ "$RC" != 0 ] || fail "accepted"
	[ "$RC" -lt 128 ] || [ "$RC" -ge 253 ] || fail "crashed with $RC"
}

test_errors_config_big()
{
	bundle
	conf '.annotations = ([range(3000) | {key: "k\(.)", value: ("v" * 300)}] | from_entries)'
	payload exit 0
	run_ok
}

test_errors_config_broken_utf8()
{
	unlike runc : "replaces it"
	bundle
	payload exit 0
	settle
	sed -i 's/testhost/test\xff\xfehost/' "$B/config.json"
	rt run --bundle "$B" "$ID"
	differ "exit status" 0 "$RC"
	[ "$RC" -lt 128 ] || [ "$RC" -ge 253 ] || fail "crashed with $RC"
}

test_errors_config_duplicate_keys()
{
	only runlet : "takes the last one"
	bundle
	payload exit 0
	settle
	sed -i 's/"hostname": "testhost",/"hostname": "one", "hostname": "two",/' "$B/config.json"
	run_fails "hostname"
}

test_errors_failed_create_leaves_nothing()
{
	local filter
	for filter in '.process.args = ["/nope"]' '.mounts += [{destination: "/x", type: "nosuchfs"}]' \
		'.root.path = "nope"' '.linux.namespaces += [{type: "user", path: "/nope"}]' \
		'.process.cwd = "/payload"' '.hooks.createRuntime = [{path: "/bin/false"}]' \
		'.hooks.createContainer = [{path: "/bin/false"}]'; do
		bundle
		conf "$filter"
		rt create --bundle "$B" "$ID"
		[ "$RC" != 0 ] || fail "accepted: $filter"
		no_state "$ID"
		[ -z "$(leftovers)" ] || sleep 0.3
		equal "processes after $filter" "" "$(leftovers)"
	done
}

test_errors_root_must_not_be_the_root()
{
	only runlet : "does not look"
	GLOBALS=(--root / "${BASE_GLOBALS[@]}")
	bundle
	rt create --bundle "$B" "$ID"
	[ ! -e "/$ID" ] || rt delete --force "$ID"
	differ "exit status" 0 "$RC"
	missing "/$ID"
}

test_errors_root_is_relative_to_the_caller()
{
	unlike crun : "resolves it in the bundle"
	bundle
	payload exit 0
	cd "$C" || fail cd
	GLOBALS=(--root state "${BASE_GLOBALS[@]}")
	run_ok
	missing "$B/state"
}

test_errors_root_is_created()
{
	bundle
	payload sleep
	GLOBALS=(--root "$C/state-deep/er" "${BASE_GLOBALS[@]}")
	rt_ok create --bundle "$B" "$ID"
	exists "$C/state-deep/er/$ID"
	rt_ok delete --force "$ID"
}

# On the terminal's side an error after `start` can only be told by the container's stderr.
test_errors_late_failure_is_told()
{
	bundle
	printf '#!/payload\n' >"$B/rootfs/late"
	chmod 755 "$B/rootfs/late"
	conf '.process.args = ["/late"]'
	rt_ok create --bundle "$B" "$ID"
	rm "$B/rootfs/payload"
	rt start "$ID"
	local told=$ERR
	sleep 0.2
	told+=$(cat "$C"/err.* "$C"/out.*)
	match "what was told" "$told" "late.*(no such file|not found)|(no such file|not found).*late"
}
