/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine without an operating system as a process: what bare.c offers to the cases.
 */
#pragma once

#include "libkrun.h"

#include <sys/types.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#define STARTED_WRONG 250 /* the child's way to say: start returned, see the pipe */

struct result {
	int status;	/* exit status, or 1000 + signal */
	int returned;	/* what krun_start_enter returned, if it did */
	char out[4096]; /* the serial port */
	char err[4096]; /* stderr, or the last error after a refused start */
};

struct machine {
	uint32_t ctx;
	int serial; /* where its serial port writes */
};

/* In the process that becomes the machine. */
typedef void configure_fn(struct machine *m);
/* In the test, while it runs. */
typedef void meanwhile_fn(pid_t pid, int out_fd);

/* A setter that has to succeed. */
void must(int32_t result);
/* The path of a guest's file. */
char *guest(const char *name);
/* One vCPU, 32 MiB, a serial port, and this guest. */
void boot(struct machine *m, const char *name);
/* Called in the process of the next machines, before the library has seen anything; NULL: nothing.
 */
extern void (*before_context)(void);
struct result run(configure_fn *configure, meanwhile_fn *meanwhile);
/* Reads until `text` has come. */
void wait_for(int fd, const char *text);
/* One line of the report. `r`: shown if it is bad, may be NULL. */
void verdict(const char *name, int good, const struct result *r);

void check_runs(void);	   /* bare_runs.c */
void check_refusals(void); /* bare_refusals.c */
void check_rest(void);	   /* bare_rest.c */
