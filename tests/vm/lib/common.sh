# shellcheck shell=bash disable=SC2034 # used by the files that source this one
# What every part of the rig uses: messages, the failure status, the cache directory.

readonly rig_failed=125 rig_timed_out=124
rig_cache=${RUNLET_RIG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/runlet/rig}

say() { echo "rig: $*" >&2; }

# die MESSAGE...: the rig itself failed, whatever CMD would have said
die() {
	say "$@"
	exit "$rig_failed"
}

need_root() {
	[[ $EUID -eq 0 ]] || die "must be run as root: it shares a directory by virtiofs and builds a root file system"
}
