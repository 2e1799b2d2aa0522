# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Containers whose program is a WebAssembly module. Debian 12 has no engine: libraries with the
# engines' functions, which are told what to answer (tests/wasm), stand for them.

WASM_FAKES=$PROGRAMS/../wasm

# A bundle for a module; `wasm wasmtime` for another engine than wasmedge.
wasm()
{
	local engine=${1:-wasmedge}
	only runlet : "has no such handler"
	[ -e "$WASM_FAKES/fake-$engine.so" ] || skip "needs the fake libraries"
	unset RUNLET_LIBWASMEDGE RUNLET_LIBWASMTIME RUNLET_LIBIWASM
	choose_engine "$engine"
	export FAKE_WASM='' FAKE_WASM_LOG=$C/wasm.log
	bundle
	module /app.wasm
	conf '.process.args = ["/app.wasm", "one", "two words"]'
	annotate_wasm "$engine"
}

choose_engine()
{
	case $1 in
	wasmedge) export RUNLET_LIBWASMEDGE=$WASM_FAKES/fake-wasmedge.so ;;
	wasmtime) export RUNLET_LIBWASMTIME=$WASM_FAKES/fake-wasmtime.so ;;
	wamr) export RUNLET_LIBIWASM=$WASM_FAKES/fake-wamr.so ;;
	esac
}

annotate_wasm()
{
	conf '.annotations["run.oci.handler"] = $v' --arg v "$1"
}

# module PATH [BYTES]   a file of the rootfs; nobody may execute it
module()
{
	mkdir -p "$B/rootfs$(dirname "$1")"
	printf '%b' "${2-\\0asm\\1\\0\\0\\0}" >"$B/rootfs$1"
	chmod 644 "$B/rootfs$1"
}

wasm_log()
{
	tr -d '\0' <"$C/wasm.log" 2>/dev/null
}

# The calls of one function, or notes of one name: what follows the name, one a line.
noted()
{
	wasm_log | sed -n "s/^$1 //p"
}

started()
{
	wasm_log | grep -q '^start$'
}

# wasm_says STATUS WHAT   run ends like this, with exactly this line on stderr and in the log
wasm_says()
{
	rm -f "$C/wasm.log" "$C/log"
	GLOBALS=(--root "$STATE" "${BASE_GLOBALS[@]}" --log "$C/log" --log-format json)
	rt run --bundle "$B" "$ID"
	equal "exit status" "$1" "$RC"
	equal "standard error" "$2" "$(head -n 1 <<<"$ERR")"
	equal "lines in the log" 1 "$(wc -l <"$C/log")"
	equal "the log" "error: $2" "$(jq -r '.level + ": " + .msg' "$C/log")"
	no_state "$ID"
}

# ------------------------------------------------------------------------------- what is run

# What every engine is asked for, in the words of none.
runs_a_module()
{
	wasm "$1"
	conf '.process.env = ["PATH=/bin", "A=b=c", "EMPTY="]'
	FAKE_WASM=start=exit:42
	run_status 42
	match "what it writes" "$OUT" '^module runs$'
	equal "arguments" "0 /app.wasm
1 one
2 two words
count 3" "$(noted argument)"
	equal "environment" "0 PATH=/bin
1 A=b=c
2 EMPTY=
3 HOME=/" "$(noted variable)"
	equal "what is open" "$2" "$(noted preopen)"
	equal "its own environment" empty "$(noted environment)"
	[ "$(wasm_log | grep -c '^start$')" = 1 ] || fail "it was not run once"
}

test_wasm_by_wasmtime()
{
	runs_a_module wasmtime "/:/ 3 3 1"
	equal "the module" "1 len=8 magic=1" "$(noted wasmtime_module_new)"
	equal "streams" "stdin 1
stdout 1
stderr 1" "$(noted stream)"
	equal "call" "1 args=0 results=0" "$(noted wasmtime_func_call)"
}

test_wasm_by_wasmedge()
{
	runs_a_module wasmedge "/:/ 1"
	equal "the module" "1 len=8 magic=1" "$(noted module)"
	equal "call" "1 _start args=0 results=0" "$(noted WasmEdge_VMExecute)"
}

test_wasm_by_wamr()
{
	runs_a_module wamr "/ 1"
	equal "the module" "len=8 magic=asm" "$(noted wasm_runtime_load)"
	equal "call" "1 argc=3 /app.wasm" "$(noted wasm_application_execute_main)"
}

test_wasm_exit_status()
{
	local engine
	for engine in wasmtime wasmedge wamr; do
		wasm "$engine"
		FAKE_WASM=start=return run_ok
		FAKE_WASM=start=exit:0 run_ok
		FAKE_WASM=start=exit:1 run_status 1
		FAKE_WASM=start=exit:255 run_status 255
		# As exit(3) has it: eight bits.
		FAKE_WASM=start=exit:259 run_status 3
	done
}

test_wasm_trap()
{
	local engine
	for engine in wasmtime wasmedge wamr; do
		wasm "$engine"
		FAKE_WASM=start=trap
		case $engine in
		wasmtime) wasm_says 134 "wasmtime: the module trapped: wasm trap: unreachable" ;;
		wasmedge) wasm_says 134 "wasmedge: the module trapped: unreachable" ;;
		wamr) wasm_says 134 "wamr: the module trapped: Exception: unreachable" ;;
		esac
	done
}

test_wasm_refused_by_the_engine()
{
	local function
	wasm wasmtime
	FAKE_WASM=wasmtime_module_new=fails
	wasm_says 1 "wasmtime: compile the module: it was told to fail in two lines"
	FAKE_WASM=wasmtime_linker_module=fails
	wasm_says 1 "wasmtime: link the module: it was told to fail in two lines"
	FAKE_WASM=wasi_config_preopen_dir=fails
	wasm_says 1 "wasmtime: open the root for the module"
	for function in wasm_engine_new wasmtime_context_set_wasi wasmtime_linker_define_wasi \
		wasmtime_linker_get_default; do
		rm -f "$C/wasm.log"
		FAKE_WASM=$function=fails run_status 1
		! started || fail "$function failed, and it was run"
	done
	wasm wasmedge
	FAKE_WASM=WasmEdge_VMLoadWasmFromBytes=fails
	wasm_says 1 "wasmedge: load the module: it was told to fail"
	FAKE_WASM=WasmEdge_VMValidate=fails
	wasm_says 1 "wasmedge: validate the module: it was told to fail"
	FAKE_WASM=WasmEdge_VMInstantiate=fails
	wasm_says 1 "wasmedge: instantiate the module: it was told to fail"
	wasm wamr
	FAKE_WASM=wasm_runtime_load=fails
	wasm_says 1 "wamr: load the module: it was told to fail"
	FAKE_WASM=wasm_runtime_instantiate=fails
	wasm_says 1 "wamr: instantiate the module: it was told to fail"
	FAKE_WASM=wasm_runtime_lookup_wasi_start_function=fails
	wasm_says 1 "wamr: the module has no function _start"
}

# ------------------------------------------------------------------------------- who is chosen

test_wasm_is_any_engine()
{
	wasm wamr
	annotate_wasm wasm
	export RUNLET_LIBWASMEDGE=/nowhere/e.so RUNLET_LIBWASMTIME=/nowhere/t.so
	FAKE_WASM=start=exit:4 run_status 4
	choose_engine wasmtime
	rm "$C/wasm.log"
	FAKE_WASM=start=exit:5 run_status 5
	noted wasmtime_func_call | grep -q . || fail "wasmtime comes before WAMR"
	choose_engine wasmedge
	rm "$C/wasm.log"
	FAKE_WASM=start=exit:6 run_status 6
	noted WasmEdge_VMExecute | grep -q . || fail "WasmEdge comes before the others"
}

test_wasm_variants_of_images()
{
	wasm
	conf 'del(.annotations) | .annotations["module.wasm.image/variant"] = "compat"'
	FAKE_WASM=start=exit:7 run_status 7
	conf '.annotations["module.wasm.image/variant"] = "compat-smart"'
	FAKE_WASM=start=exit:8 run_status 8
	payload exit 9
	rm "$C/wasm.log"
	run_status 9
	conf 'del(.annotations) | .annotations["run.oci.handler"] = "wasm-smart"'
	run_status 9
	conf 'del(.annotations) | .annotations["module.wasm.image/variant"] = "other"'
	run_status 9
	match "warning" "$ERR" 'module.wasm.image/variant.*ignored: .*other'
	[ ! -e "$C/wasm.log" ] || fail "an engine was loaded for a program"
}

test_wasm_not_for_a_sandbox()
{
	wasm
	payload exit 5
	conf '.annotations["io.kubernetes.cri.container-type"] = "sandbox"'
	run_status 5
	conf 'del(.annotations["io.kubernetes.cri.container-type"])
		| .annotations["io.kubernetes.cri-o.ContainerType"] = "sandbox"'
	run_status 5
	[ ! -e "$C/wasm.log" ] || fail "the sandbox became a module"
}

test_wasm_by_name_of_the_program()
{
	wasm
	conf 'del(.annotations)'
	ln -sf "$RUNTIME" "$C/crun-wasmedge"
	RUNTIME=$C/crun-wasmedge FAKE_WASM=start=exit:7 run_status 7
	annotate_wasm wasmtime
	RUNTIME=$C/crun-wasmedge run_status 1
	match "error" "$ERR" 'was called as "wasmedge"'
}

test_wasm_without_a_library()
{
	wasm wasmtime
	export RUNLET_LIBWASMTIME=/nowhere/libwasmtime.so
	wasm_says 1 'handler "wasmtime": load the engine: /nowhere/libwasmtime.so: cannot open shared object file: No such file or directory'
	match "hint" "$ERR" 'hint: install .*RUNLET_LIBWASMTIME'
	annotate_wasm wasm
	export RUNLET_LIBWASMEDGE=/nowhere/1 RUNLET_LIBIWASM=/nowhere/2
	wasm_says 1 'handler "wasm": load the engine: /nowhere/1: cannot open shared object file: No such file or directory; /nowhere/libwasmtime.so: cannot open shared object file: No such file or directory; /nowhere/2: cannot open shared object file: No such file or directory'
	annotate_wasm wasmtime
	export RUNLET_LIBWASMTIME=$WASM_FAKES/fake-nothing.so
	wasm_says 1 "handler \"wasmtime\": $WASM_FAKES/fake-nothing.so has no function wasm_engine_new"
	annotate_wasm wasmer
	wasm_says 1 'handler "wasmer": not known to this program'
}

# ------------------------------------------------------------------------------- the module

test_wasm_bad_modules()
{
	wasm
	module /app.wasm 'no module'
	wasm_says 1 'module /app.wasm: it is no WebAssembly module'
	module /app.wasm ''
	wasm_says 1 'module /app.wasm: it is no WebAssembly module'
	module /app.wasm '\0asm\r\0\1\0'
	wasm_says 1 'module /app.wasm: it is a component, not a module'
	module /app.wat '(module)'
	conf '.process.args = ["/app.wat"]'
	wasm_says 1 'module /app.wat: wasmedge does not read the text format'
	module /app.aot '\0aot\1\0\0\0'
	conf '.process.args = ["/app.aot"]'
	wasm_says 1 "module /app.aot: wasmedge does not read what WAMR's compiler makes"
}

test_wasm_text_and_compiled()
{
	wasm wasmtime
	module /app.WAT '(module)'
	conf '.process.args = ["/app.WAT"]'
	FAKE_WASM=start=exit:3 run_status 3
	equal "the text" "(module)" "$(noted wasmtime_wat2wasm)"
	equal "the module" "1 len=8 magic=1" "$(noted wasmtime_module_new)"
	FAKE_WASM=wasmtime_wat2wasm=fails
	wasm_says 1 "wasmtime: read the text: it was told to fail in two lines"
	wasm wamr
	module /app.aot '\0aot\1\0\0\0'
	conf '.process.args = ["/app.aot"]'
	FAKE_WASM=start=exit:3 run_status 3
	equal "the module" "len=8 magic=aot" "$(noted wasm_runtime_load)"
}

test_wasm_where_the_module_is()
{
	wasm
	module /work/deep/b.wasm
	module /opt/bin/c.wasm
	export FAKE_WASM=start=exit:2
	conf '.process.cwd = "/work" | .process.args = ["deep/b.wasm"]'
	run_status 2
	equal "working directory" /work "$(noted cwd)"
	conf '.process.args = ["./deep/b.wasm"]'
	run_status 2
	conf '.process.env = ["PATH=/bin:/opt/bin"] | .process.args = ["c.wasm"]'
	run_status 2
	conf '.process.cwd = "/work/deep" | .process.args = ["b.wasm"]'
	run_status 2
	ln -s /opt/bin/c.wasm "$B/rootfs/link.wasm"
	conf '.process.args = ["/link.wasm"]'
	run_status 2
	conf '.process.args = ["/missing.wasm"]'
	rt create --bundle "$B" "$ID"
	equal "exit status of create" 1 "$RC"
	match "error" "$ERR" 'module "/missing.wasm": no such file or directory'
	no_state "$ID"
}

# The image says where its module is, and may lie: nothing but a file beneath its root is read.
test_wasm_module_cannot_be_elsewhere()
{
	wasm
	printf '\0asm\1\0\0\0' >"$C/outside.wasm"
	chmod 644 "$C/outside.wasm"
	ln -s "../../../../../../../../..$C/outside.wasm" "$B/rootfs/up.wasm"
	conf '.process.args = ["/up.wasm"]'
	run_status 1
	match "error" "$ERR" 'no such file or directory'
	mkfifo "$B/rootfs/fifo.wasm"
	conf '.process.args = ["/fifo.wasm"]'
	run_status 1
	match "error" "$ERR" 'is not a regular file'
	conf '.process.args = ["/dev"]'
	run_status 1
	match "error" "$ERR" 'is not a regular file'
	exec 9<"$C/outside.wasm"
	local fd
	for fd in 3 4 5 6 7 8 9 10 11; do
		conf '.process.args = ["/proc/self/fd/'$fd'"]'
		run_status 1
	done
	exec 9<&-
	! started || fail "a module from outside was run"
}

# ------------------------------------------------------------------------------- what it may

test_wasm_is_confined_like_a_program()
{
	wasm
	need_root
	conf '.process.user = {"uid": 1000, "gid": 1001, "additionalGids": [1002]}
		| .process.noNewPrivileges = true
		| .process.capabilities = {"bounding": ["CAP_KILL"]}
		| .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
			{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}'
	run_ok
	match "user" "$(wasm_log | grep 'status Uid:')" '1000.1000.1000.1000'
	match "group" "$(wasm_log | grep 'status Gid:')" '1001.1001.1001.1001'
	match "groups" "$(wasm_log | grep 'status Groups:')" '1002'
	match "no_new_privs" "$(wasm_log | grep 'status NoNewPrivs:')" '1$'
	match "seccomp" "$(wasm_log | grep 'status Seccomp:')" '2$'
	match "capabilities" "$(wasm_log | grep 'status CapEff:')" '0000000000000000$'
	match "bounding set" "$(wasm_log | grep 'status CapBnd:')" '0000000000000020$'
	match "name" "$(wasm_log | grep 'status Name:')" 'app.wasm$'
	equal "the profile" "No space left on device" "$(noted mkdir)"
	equal "descriptors" 0 "$(noted descriptors)"
}

# Without no_new_privs and without CAP_SYS_ADMIN the filter is loaded early.
test_wasm_with_an_early_filter()
{
	wasm
	need_root
	conf '.process.user = {"uid": 1000, "gid": 1000} | .process.noNewPrivileges = false
		| .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
			{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}'
	run_ok
	match "seccomp" "$(wasm_log | grep 'status Seccomp:')" '2$'
	equal "the profile" "No space left on device" "$(noted mkdir)"
	chmod 600 "$B/rootfs/app.wasm"
	run_status 1
	match "error" "$ERR" '[Pp]ermission denied'
}

# What it finds at /proc/self/exe is a sealed copy, nobody's file.
test_wasm_cannot_reach_the_runtime()
{
	wasm
	run_ok
	match "executable" "$(noted exe | head -n 1)" 'memfd:'
	match "opened for writing" "$(noted 'exe is')" 'Operation not permitted|Text file busy'
}

test_wasm_lifecycle()
{
	wasm
	FAKE_WASM=start=wait
	rt_ok create --bundle "$B" "$ID"
	equal "status" created "$(status)"
	! started || fail "create runs the module"
	rt_ok start "$ID"
	wait_for "the module" started
	rt exec "$ID" /payload exit 0
	equal "exec" 255 "$RC"
	match "exec" "$ERR" 'runs a WebAssembly module .handler wasmedge.: no other program'
	rt checkpoint --image-path "$C/image" "$ID"
	[ "$RC" != 0 ] || fail "it was checkpointed"
	rt_ok state "$ID"
	# A module has no handlers for signals: that it ends is the runtime's doing.
	rt_ok kill "$ID" TERM
	wait_status stopped
	rt_ok delete "$ID"
	no_state "$ID"
}

test_wasm_signal_is_the_status()
{
	wasm
	FAKE_WASM=start=wait
	settle
	"$RUNTIME" "${GLOBALS[@]}" run --bundle "$B" "$ID" >/dev/null 2>"$C/err" </dev/null &
	local run=$! status=0
	wait_for "the module" started
	rt_ok kill "$ID" INT
	wait $run || status=$?
	equal "exit status" 130 "$status"
}

test_wasm_is_passed_no_descriptors()
{
	wasm
	rt run --preserve-fds 1 --bundle "$B" "$ID" 3</dev/null
	equal "exit status" 1 "$RC"
	match "error" "$ERR" 'a WebAssembly module cannot be passed descriptors'
	no_state "$ID"
}
