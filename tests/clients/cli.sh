# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What is the same for podman and docker: the words of their command lines. The suite sets ENGINE, the
# program, and its function `e` calls it with the options of the test.

inspect() { "$ENGINE" inspect --format "$2" "$1"; }

is() { [ "$(inspect "$1" "$2")" = "$3" ]; }

has_logged() { "$ENGINE" logs "$1" 2>&1 | grep -q "$2"; }

# container OPTION... -- COMMAND   one in the background, named $N, that says "up" when it is
container()
{
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	ok run -d --name "$N" "${options[@]}" bb sh -c "$2"
	wait_for "the container" has_logged "$N" up
}

# sleeper OPTION...   a container that waits, and ends with 5 when asked to
sleeper()
{
	container "$@" -- 'trap "exit 5" TERM; echo up; while :; do sleep .2; done'
}
