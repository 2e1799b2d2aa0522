/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A libkrun that does what it is told, so that every answer of a real one can be provoked:
 *
 *     FAKE_KRUN       "FUNCTION=RESULT ..."; krun_start_enter also takes
 *                       exit:N     the machine ran, and its program ended with N
 *                       wait       it runs until SIGTERM (status 33, as asked) or SIGKILL
 *                       N          it comes back with N, as a confidential machine does in its end
 *                       later:N    it refuses with N when it should have been running for a second
 *     FAKE_KRUN_SAYS  what krun_get_last_error says
 *     FAKE_KRUN_LOG   a file: one line a call with its arguments, then what the machine's process
 *                     is allowed to
 *
 * Built four times: as runlet's own library; as the original (ORIGINAL, and original.c: every
 * function of libkrun 1.18 and none of ours); as an older one of those (OLD); and as something that
 * is none (BROKEN).
 */
#include "libkrun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

static char script[4096], says[1024];
static int log_fd = -1, ready_fd = -1;
static const uint8_t *config;
static size_t config_len;

/* The machine's process has another environment and another root. */
__attribute__((constructor)) static void prepare(void)
{
	const char *path = getenv("FAKE_KRUN_LOG");

	(void)snprintf(script, sizeof(script), " %s", getenv("FAKE_KRUN") ?: "");
	(void)snprintf(says, sizeof(says), "%s", getenv("FAKE_KRUN_SAYS") ?: "");
	if (path != NULL)
		log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (log_fd >= 0)
		(void)vdprintf(log_fd, fmt, args);
	va_end(args);
}

/* The word behind "FUNCTION=", NULL if the script has none. */
static const char *word_for(const char *function)
{
	static char word[64];
	char key[64];
	const char *at;

	(void)snprintf(key, sizeof(key), " %s=", function);
	at = strstr(script, key);
	if (at == NULL)
		return NULL;
	(void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(at + strlen(key), " "),
		       at + strlen(key));
	return word;
}

static int32_t answer(const char *function, int32_t usual)
{
	const char *word = word_for(function);

	return word != NULL ? (int32_t)strtol(word, NULL, 10) : usual;
}

/* A function with its parameters, how its arguments are written down, and the usual result. */
#define FAKE(name, parameters, usual, fmt, ...)      \
	int32_t name parameters                      \
	{                                            \
		note(#name fmt "\n", ##__VA_ARGS__); \
		return answer(#name, usual);         \
	}

FAKE(krun_set_log_level, (uint32_t level), 0, " %u", level)
FAKE(krun_create_ctx, (void), 0, "")
FAKE(krun_free_ctx, (uint32_t ctx), 0, " %u", ctx)
FAKE(krun_set_vm_config, (uint32_t ctx, uint8_t n, uint32_t mib), 0, " %u vcpus=%u ram=%u", ctx, n,
     mib)
FAKE(krun_get_max_vcpus, (void), 8, "")
FAKE(krun_check_nested_virt, (void), 0, "")
#ifndef BROKEN
FAKE(krun_set_root, (uint32_t ctx, const char *path), 0, " %u %s", ctx, path)
#endif
FAKE(krun_add_virtiofs2, (uint32_t ctx, const char *tag, const char *path, uint64_t window), 0,
     " %u %s %s %llu", ctx, tag, path, (unsigned long long)window)
FAKE(krun_add_disk2, (uint32_t ctx, const char *id, const char *path, uint32_t format, bool ro), 0,
     " %u %s %s format=%u ro=%d", ctx, id, path, format, ro)
FAKE(krun_set_root_disk_remount,
     (uint32_t ctx, const char *device, const char *type, const char *options), 0, " %u %s %s %s",
     ctx, device, type ?: "-", options ?: "-")
FAKE(krun_add_net_unixstream,
     (uint32_t ctx, const char *path, int fd, uint8_t *const mac, uint32_t features,
      uint32_t flags),
     0, " %u %s fd=%d mac=%02x features=%x flags=%x", ctx, path ?: "-", fd >= 0, mac[0], features,
     flags)
FAKE(krun_add_net_tap,
     (uint32_t ctx, char *name, uint8_t *const mac, uint32_t features, uint32_t flags), 0,
     " %u %s mac=%02x features=%x flags=%x", ctx, name, mac[0], features, flags)
FAKE(krun_disable_implicit_vsock, (uint32_t ctx), 0, " %u", ctx)
FAKE(krun_set_env, (uint32_t ctx, const char *const envp[]), 0, " %u %s%s%s", ctx, envp[0] ?: "-",
     envp[0] && envp[1] ? " " : "", envp[0] && envp[1] ? envp[1] : "")
FAKE(krun_set_workdir, (uint32_t ctx, const char *path), 0, " %u %s", ctx, path)
FAKE(krun_set_rlimits, (uint32_t ctx, const char *const list[]), 0, " %u %s", ctx, list[0])
FAKE(krun_set_kernel,
     (uint32_t ctx, const char *path, uint32_t format, const char *initrd, const char *words), 0,
     " %u %s format=%u %s %s", ctx, path, format, initrd ?: "-", words ?: "-")
FAKE(krun_set_nested_virt, (uint32_t ctx, bool on), 0, " %u %d", ctx, on)
FAKE(krun_set_gpu_options, (uint32_t ctx, uint32_t flags), 0, " %u %u", ctx, flags)
FAKE(krun_set_exec,
     (uint32_t ctx, const char *path, const char *const argv[], const char *const envp[]), 0,
     " %u %s %s %s", ctx, path, argv[0] ?: "-", envp[0] ?: "-")

int32_t krun_has_feature(uint64_t feature)
{
	char key[32];

	(void)snprintf(key, sizeof(key), "feature%u", (unsigned)feature);
	return answer(key, feature == KRUN_FEATURE_BLK);
}

#ifndef OLD
FAKE(krun_add_vsock_port2, (uint32_t ctx, uint32_t port, const char *path, bool listen), 0,
     " %u %u %s %d", ctx, port, path, listen)

int32_t krun_fs_add_overlay_file(uint32_t ctx, const char *tag, const char *path,
				 const uint8_t *data, size_t len, uint32_t mode, bool one_shot)
{
	note("krun_fs_add_overlay_file %u %s %s mode=%o once=%d\n", ctx, tag, path, mode, one_shot);
	config = data;
	config_len = len;
	return answer("krun_fs_add_overlay_file", 0);
}
#endif

#ifndef ORIGINAL
FAKE(krun_set_kvm_fd, (uint32_t ctx, int fd), 0, " %u %d", ctx, fcntl(fd, F_GETFD) >= 0)
FAKE(krun_set_container_config, (uint32_t ctx, const char *json), 0, " %u %s", ctx,
     strstr(json, "\"process\"") != NULL ? "with a process" : "without")
FAKE(krun_get_kernel_name, (uint32_t ctx, char *buf, size_t len), snprintf(buf, len, "/boot/fake"),
     " %u", ctx)

/* With the name of the device, as who asks it by the descriptor hears it. */
int32_t krun_add_net_tap_fd(uint32_t ctx, int fd, uint8_t *const mac, uint32_t features,
			    uint32_t flags)
{
	struct ifreq r = { 0 };
	int known = ioctl(fd, TUNGETIFF, &r);

	note("krun_add_net_tap_fd %u %s mode=%x mac=%02x features=%x flags=%x\n", ctx,
	     known == 0 ? r.ifr_name : strerror(errno), (unsigned)r.ifr_flags, mac[0], features,
	     flags);
	return answer("krun_add_net_tap_fd", 0);
}

int32_t krun_set_ready_fd(uint32_t ctx, int fd)
{
	note("krun_set_ready_fd %u\n", ctx);
	ready_fd = fd;
	return answer("krun_set_ready_fd", 0);
}

int32_t krun_get_last_error(uint32_t ctx, char *buf, size_t len)
{
	(void)ctx;
	return snprintf(buf, len, "%s", says);
}
#endif

/* ---- the machine ----------------------------------------------------------------------------- */

static void copy_lines(const char *path, const char *const prefixes[])
{
	FILE *f = fopen(path, "re");
	char line[512];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		for (size_t i = 0; prefixes[i] != NULL; i++)
			if (strncmp(line, prefixes[i], strlen(prefixes[i])) == 0)
				note("status %s", line);
	if (f != NULL)
		(void)fclose(f);
}

/* What is forbidden is tried. */
static void try_things(void)
{
	char cwd[256] = "?";
	int open_fds = 0;

	for (int fd = 3; fd < 1024; fd++)
		open_fds += fcntl(fd, F_GETFD) >= 0 && fd != log_fd;
	note("descriptors %d\n", open_fds);
	note("cwd %s\n", getcwd(cwd, sizeof(cwd)) ? cwd : strerror(errno));
	note("above %s\n", access("../config.json", F_OK) == 0 ? "reached" : "nothing");
	note("fork %s\n", fork() < 0 ? strerror(errno) : "works");
	errno = 0;
	(void)execl("/payload", "/payload", (char *)NULL);
	note("execve %s\n", strerror(errno));
	note("chroot %s\n", chroot("/") < 0 ? strerror(errno) : "works");
	note("environment %s\n", environ == NULL || environ[0] == NULL ? "empty" : environ[0]);
	if (config_len > 0)
		note("config %.*s\n", (int)config_len, (const char *)config);
}

static void asked(int number)
{
	(void)number;
	_exit(33);
}

int32_t krun_start_enter(uint32_t ctx)
{
	static const char *const wanted[] = { "Uid:",	     "Gid:",	 "Groups:",
					      "NoNewPrivs:", "CapEff:",	 "CapBnd:",
					      "CapPrm:",     "Seccomp:", NULL };
	const char *word = word_for("krun_start_enter");
	const struct timespec second = { .tv_sec = 1, .tv_nsec = 500000000 };

	note("krun_start_enter %u\n", ctx);
	if (word == NULL)
		word = "exit:0";
	if (strncmp(word, "later:", 6) == 0) {
		(void)nanosleep(&second, NULL);
		return (int32_t)strtol(word + 6, NULL, 10);
	}
	if (strncmp(word, "exit:", 5) != 0 && strcmp(word, "wait") != 0)
		return (int32_t)strtol(word, NULL, 10);
	copy_lines("/proc/self/status", wanted);
	try_things();
	if (ready_fd >= 0)
		(void)close(ready_fd);
#ifndef ORIGINAL
	(void)signal(SIGTERM, asked);
#endif
	while (strcmp(word, "wait") == 0)
		(void)pause();
	(void)asked;
	_exit((int)strtol(word + 5, NULL, 10));
}
