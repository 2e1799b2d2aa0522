# shellcheck shell=bash disable=SC2154,SC2054 # rig_* come from common.sh; QEMU's options have commas
# The machine: QEMU and virtiofsd, watched from the first to the last, and nothing left of them.

readonly rig_virtiofsd=/usr/lib/qemu/virtiofsd
# TCG does not intercept XSETBV and a nested KVM would lose the guest's XCR0: no XSAVE, nor what needs it.
readonly rig_cpu=max,-la57,-xsave,-pku,-avx,-avx2

# rig_machine run|shell|suite [OPTION...] [--] [CMD...]
rig_machine() {
	local mode=$1 share cpus=2 mem=3072 limit=600 bare='' user=root nested='' verbose='' image
	share=$(dirname -- "$(dirname -- "$rig_dir")")
	shift
	[[ $mode != shell ]] || limit=0
	while [[ ${1-} = -* ]]; do
		case $1 in
		--bare) bare=1 ;;
		--user) user=tester ;;
		--nested) nested=1 ;;
		-v) verbose=1 ;;
		--timeout) limit=$(number "$@") && shift || exit 2 ;;
		--mem) mem=$(number "$@") && shift || exit 2 ;;
		--cpus) cpus=$(number "$@") && shift || exit 2 ;;
		-p)
			[[ -d ${2-} ]] || bad_usage "-p wants a directory"
			share=$2
			shift
			;;
		--)
			shift
			break
			;;
		*) bad_usage "no such option: $1" ;;
		esac
		shift
	done
	share=$(realpath -- "$share")
	[[ $share != *,* ]] || bad_usage "virtiofsd cannot share a directory with a comma in its name"
	case $mode in
	run) [[ $# -gt 0 ]] || bad_usage "run what?" ;;
	shell)
		[[ $# -eq 0 ]] || bad_usage "a shell takes no command"
		[[ -t 0 && -t 1 ]] || bad_usage "a shell needs a terminal"
		set -- bash -l
		;;
	suite)
		[[ $# -gt 0 ]] || bad_usage "which suite?"
		local file
		file=$(realpath -- "$1")
		[[ -f $file && $file = "$share"/* ]] || bad_usage "$1 is not a file in $share"
		set -- "/src/${file#"$share"/}" "${@:2}"
		;;
	esac

	need_root
	find_image
	if [[ ! -x $rig_virtiofsd ]] || ! command -v qemu-system-x86_64 >/dev/null; then
		host_packages
	fi

	trap machine_end EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	sweep
	work=$(mktemp -d "${TMPDIR:-/tmp}/runlet-rig.XXXXXX")
	cd "$work" || exit "$rig_failed" # paths of sockets are short then
	exec {work_lock}<.
	flock "$work_lock"
	prepare_job "$@"
	start_virtiofsd
	start_qemu
	watch_machine
	[[ $mode = suite ]] || exit "$verdict"
	count_cases "$verdict"
}

# sweep: away with the directories of rigs that were killed; a living one holds a lock on its own
sweep() {
	find "${TMPDIR:-/tmp}/" -maxdepth 1 -name 'runlet-rig.*' -type d -mmin +2 -exec flock -n {} rm -rf {} ';'
}

bad_usage() {
	say "$* (see: rig help)"
	exit 2
}

# number OPTION VALUE
number() {
	[[ ${2-} =~ ^[0-9]+$ ]] || bad_usage "$1 wants a number"
	echo "$2"
}

# What the guest's main reads
prepare_job() {
	local tty=
	[[ $mode != shell ]] || tty="sane $(stty size | sed 's/\(.*\) \(.*\)/rows \1 cols \2/')"
	printf '%s=%q\n' user "$user" nested "$nested" share "$share" tty "$tty" term "${TERM-}" >options
	{
		printf 'exec'
		printf ' %q' "$@"
		echo
	} >job
	: >out
	: >err
	: >status
	: >console
}

# Its socket is made here and handed over: given a path, virtiofsd would leave a lock file in /run.
start_virtiofsd() {
	local i
	# shellcheck disable=SC2016 # Perl's variables
	setpriv --pdeathsig KILL perl -MSocket -e '
		$^F = 9; # descriptors up to this one survive exec
		my $s;
		socket($s, AF_UNIX, SOCK_STREAM, 0) && bind($s, pack_sockaddr_un("src.new")) && listen($s, 1) &&
			rename("src.new", "src.sock") or die "src.sock: $!";
		exec(@ARGV, "--fd=" . fileno($s)) or die "$ARGV[0]: $!"' \
		"$rig_virtiofsd" -f -o source="$share" -o sandbox=chroot -o xattr -o cache=auto >virtiofsd.log 2>&1 &
	virtiofsd=$!
	for ((i = 0; i < 500; i++)); do
		[[ ! -S src.sock ]] || return 0
		alive "$virtiofsd" || break
		nap .02
	done
	cat virtiofsd.log >&2
	die "virtiofsd does not start"
}

start_qemu() {
	local append="root=/dev/nvme0n1 rw console=ttyS0 panic=-1 reboot=t softlockup_panic=1 watchdog_thresh=30 mitigations=off"
	append+=" init_on_alloc=0 cryptomgr.notests no_timer_check"
	append+=" apparmor=1 lsm=landlock,lockdown,yama,apparmor,bpf"
	[[ -n $verbose ]] || append+=" quiet"
	[[ -z $bare ]] || append+=" init=/usr/lib/rig/init"
	append+=" ${RUNLET_RIG_APPEND-}"
	local -a args=(
		-nodefaults -no-user-config -display none -no-reboot
		-machine q35,smbus=off,memory-backend=mem -accel tcg,thread=multi -cpu "$rig_cpu${nested:+,+svm,+npt}" -smp "$cpus"
		-m "$mem" -object "memory-backend-memfd,id=mem,size=${mem}M,share=on"
		-kernel "$image/vmlinux" -append "$append"
		-drive "if=none,id=root,file=$image/root.img,format=raw,snapshot=on,cache=unsafe" -device nvme,drive=root,serial=root
		-chardev "socket,id=src,path=src.sock" -device vhost-user-fs-pci,chardev=src,tag=src,queue-size=1024
		-serial file:console -serial file:status
		-fw_cfg name=opt/runlet/options,file=options -fw_cfg name=opt/runlet/job,file=job
	)
	# shellcheck disable=SC2206 # several words
	args+=(${RUNLET_RIG_QEMU-})
	if [[ $mode = shell ]]; then
		terminal=$(stty -g)
		args+=(-chardev "serial,id=tty,mux=on,path=$(tty)" -serial chardev:tty -mon chardev=tty)
	else
		# Files, not pipes: they take what comes at once, so that nothing is in flight when the machine ends.
		args+=(-device virtio-serial-pci
			-chardev file,id=out,path=out -device virtserialport,chardev=out,name=rig.out
			-chardev file,id=err,path=err -device virtserialport,chardev=err,name=rig.err)
	fi
	setpriv --pdeathsig KILL qemu-system-x86_64 "${args[@]}" </dev/null >qemu.log 2>&1 &
	qemu=$!
	if [[ $mode != shell ]]; then
		follow out &
		followers+=($!)
		follow err >&2 &
		followers+=($!)
	fi
	if [[ -n $verbose ]]; then
		follow console >&2 &
		followers+=($!)
	fi
}

follow() { exec setpriv --pdeathsig KILL tail -q -c +1 -s .1 --pid="$qemu" -f -- "$1"; }

alive() { kill -0 "$1" 2>/dev/null; }

# nap SECONDS, without a process: nothing ever comes from this pipe
nap() {
	[[ -n ${nothing-} ]] || exec {nothing}<> <(:)
	read -r -t "$1" -u "$nothing" || :
}

# watch_machine: wait for the end; sets verdict
watch_machine() {
	local state=booting beats=0 heard=$SECONDS deadline=$((SECONDS + ${RUNLET_RIG_BOOT_TIMEOUT:-180})) gone='' f
	verdict=
	while alive "$qemu"; do
		nap .1
		read_status
		case $state in
		booting)
			if [[ -n $started ]]; then
				state=running
				deadline=$((SECONDS + limit))
			elif ((SECONDS >= deadline)); then
				lost "the machine did not boot in ${RUNLET_RIG_BOOT_TIMEOUT:-180} s"
				return
			fi
			;;
		running)
			if [[ -n $ended ]]; then
				state=ending
				deadline=$((SECONDS + 10))
			elif ((limit > 0 && SECONDS >= deadline)); then
				out_of_time
				return
			fi
			;;
		ending) ((SECONDS < deadline)) || break ;;
		esac
		for f in "${followers[@]}"; do
			alive "$f" || gone=1
		done
		# Nobody reads the output any more: end as by SIGPIPE.
		[[ -z $gone ]] || ! alive "$qemu" || exit 141
	done
	kill_qemu
	drain
	read_status
	if [[ $ended = rc=* ]]; then
		verdict=${ended#rc=}
	elif [[ -n $ended ]]; then
		lost "the machine could not run the command: ${ended#failed }"
	elif grep -q 'Kernel panic' console; then
		lost "the machine's kernel panicked: $(sed -n 's/.*Kernel panic - not syncing: //p' console | head -n 1 | tr -d '\r')"
	elif [[ -s qemu.log ]]; then
		cat qemu.log >&2
		lost "QEMU failed"
	elif [[ -n $started ]]; then
		lost "the machine went down before the command ended"
	else
		lost "the machine went down before it had booted"
	fi
}

# read_status: what the guest has written. Sets started, ended, and when it was last heard
read_status() {
	local line n=0
	started='' ended=''
	while read -r line; do # of complete lines
		n=$((n + 1))
		case $line in
		start) started=1 ;;
		rc=* | failed*) ended=$line ;;
		esac
	done <status
	[[ $n -eq $beats ]] || heard=$SECONDS
	beats=$n
}

# out_of_time: does the command take too long, or is the machine dead?
out_of_time() {
	if ((SECONDS - heard > 60)); then
		lost "the machine hangs: not a sign of life for $((SECONDS - heard)) s"
	elif grep -qE 'BUG:|Call Trace|Oops' console; then
		lost "time-out: the command did not end in $limit s; the kernel is in trouble"
	else
		kill_qemu
		drain
		say "time-out: the command did not end in $limit s"
		verdict=$rig_timed_out
	fi
}

# lost WHY: the machine failed, not the command
lost() {
	kill_qemu
	drain
	if [[ -s console ]]; then
		say "the last lines of its console:"
		# A panic has a long tail: from where it begins.
		{ grep -m 1 -A 20 -E 'Kernel panic|BUG:|Oops' console || tail -n 20 console; } | sed -e 's/\r//g' -e 's/\x1b\[[0-9;?]*[A-Za-z]//g' -e 's/^/    | /' >&2
	fi
	say "$1"
	verdict=$rig_failed
}

kill_qemu() {
	[[ -n ${qemu-} ]] || return 0
	kill -KILL "$qemu" 2>/dev/null || :
	wait "$qemu" 2>/dev/null || :
}

# drain: let the followers print the rest; they end with QEMU
drain() {
	[[ ${#followers[@]} -eq 0 ]] || wait "${followers[@]}" || :
	followers=()
}

followers=()

machine_end() {
	local p
	trap '' HUP INT TERM
	set +e
	kill_qemu
	for p in "${followers[@]}" ${virtiofsd-}; do
		kill -KILL "$p" 2>/dev/null || :
		wait "$p" 2>/dev/null || :
	done
	[[ -z ${terminal-} ]] || stty "$terminal" 2>/dev/null || : # it complains of a pty's speed, and restores the rest
	if [[ -n ${work-} ]]; then
		cd /
		rm -rf "$work"
	fi
}

# count_cases STATUS: of the suite's output, and judge it
count_cases() {
	local passed failed skipped
	read -r passed failed skipped < <(awk '/^ok /{o++} /^not ok /{n++} /^skip /{s++} END {print o+0, n+0, s+0}' out)
	if [[ $1 -ne 0 && $failed -eq 0 ]]; then
		say "the suite ended with status $1 and no case failed: counted as one failure"
		failed=1
	elif [[ $((passed + failed + skipped)) -eq 0 ]]; then
		say "the suite ran no case: counted as one failure"
		failed=1
	fi
	[[ $(tail -n 1 out) = "$passed passed, $failed failed, $skipped skipped" ]] ||
		echo "$passed passed, $failed failed, $skipped skipped"
	[[ $1 -lt $rig_timed_out || $1 -gt $rig_failed ]] || exit "$1"
	[[ $failed -eq 0 ]] || exit 1
	exit 0
}
