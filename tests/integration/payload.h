// SPDX-License-Identifier: Apache-2.0
//
// The program that runs inside the containers of the integration tests and says what it sees.
//
//     payload COMMAND [ARGUMENT]... [+ COMMAND [ARGUMENT]...]...
//
// Every answer is one line `key=value` on stdout, so that a shell can read it. Nothing is linked
// but a static libc: the container's root needs no other file.
#pragma once

#include <stddef.h>

struct payload_command {
	const char *name;
	// Runs with the words after the command's name; an exit status other than 0 ends the chain.
	int (*run)(int argc, char **argv);
	const char *arguments;
};

extern const struct payload_command payload_report_commands[];
extern const struct payload_command payload_try_commands[];
extern const struct payload_command payload_act_commands[];
extern const struct payload_command payload_attack_commands[];

// ENOENT, EPERM, ... for `error`; a number where it has no name here.
const char *payload_errno_name(int error);

// Prints `key=ok`, or `key=ERRNO` from errno when `result` is negative.
void payload_outcome(const char *key, long result);

// Reads a whole small file into a static buffer without the last newline; NULL with errno set.
const char *payload_slurp(const char *path);
