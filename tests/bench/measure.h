// SPDX-License-Identifier: Apache-2.0
//
// Measuring one command: its wall-clock time, or (separately, because looking disturbs) its system
// calls and its memory.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum {
	// What measure_wait() gives for a command that was killed because it took too long.
	MEASURE_TIMED_OUT = 1000,
	// After this many seconds a command counts as hanging.
	MEASURE_PATIENCE = 60,
	// Most commands that measure_many() keeps running at a time.
	MEASURE_WIDTH = 64,
};

struct measure_probe {
	unsigned long syscalls; // made by the command and all its descendants, from execve to exit
	long peak_rss_kib;	// resident set of the largest of these processes
};

// Commands read from /dev/null, write to /dev/null, and append their errors to the file `log`.
bool measure_open(const char *log);

pid_t measure_spawn(const char *const argv[]);

// Waits for `pid` and reaps whatever else ends meanwhile, as the init of a machine would: the
// containers' first processes become our children when the runtime that made them exits.
// Gives the exit status, 128 + signal, or MEASURE_TIMED_OUT.
int measure_wait(pid_t pid);

double measure_now_ms(void);
int measure_time(const char *const argv[], double *ret_ms);

// The time for all of `count` commands, `width` of them at a time; the worst exit status.
int measure_many(const char *const *const commands[], unsigned count, unsigned width,
		 double *ret_ms);

int measure_probe(const char *const argv[], struct measure_probe *ret);

// Kills and reaps every child that is left; gives their number.
unsigned measure_reap(void);

// The first line that a command prints, without the newline.
bool measure_first_line(const char *const argv[], char *line, size_t size);
