/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/agent_core.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define CLIENT_SECONDS 10 /* a client that does not read gets no list */

/* At most size - 1 bytes of a file below /proc/PID; -1 if the process is gone. */
static ssize_t slurp(int dir, const char *name, char *buf, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	buf[len] = '\0';
	return (ssize_t)len;
}

/* The fields behind the name, which is the process's own choice: proc(5), from `state` on. */
static bool parse_stat(char *text, struct gst_agent_process *p, const char **ret_name,
		       uint32_t *ret_name_len)
{
	static const long tick_ms = 1000 / 100; /* USER_HZ, of every architecture but one */
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	unsigned long long utime, stime, start;
	long rss;
	int ppid;
	char state;

	if (open == NULL || close == NULL || close < open ||
	    sscanf(close + 1,
		   " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d "
		   "%llu %*u %ld",
		   &state, &ppid, &utime, &stime, &start, &rss) != 6)
		return false;
	gst_put32(p->ppid, (uint32_t)ppid);
	gst_put32(p->state, (uint8_t)state);
	gst_put64(p->cpu_ms, (utime + stime) * (unsigned long long)tick_ms);
	gst_put64(p->start_ms, start * (unsigned long long)tick_ms);
	gst_put64(p->rss_kib, (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE) / 1024);
	*ret_name = open + 1;
	*ret_name_len = (uint32_t)(close - open - 1);
	return true;
}

static bool send_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool send_frame(int fd, enum gst_agent_type type, const void *bytes, uint32_t len)
{
	uint8_t all[sizeof(struct gst_agent_frame) + sizeof(struct gst_agent_process) +
		    GST_AGENT_TEXT_MAX];
	struct gst_agent_frame f = { 0 };

	gst_put16(f.type, (uint16_t)type);
	gst_put32(f.length, len);
	memcpy(all, &f, sizeof(f));
	if (len > 0)
		memcpy(all + sizeof(f), bytes, len);
	return send_all(fd, all, sizeof(f) + len);
}

/* False: the client is gone. A process that is gone is left out. */
static bool send_process(int fd, int proc, const char *number)
{
	struct {
		struct gst_agent_process p;
		char text[GST_AGENT_TEXT_MAX];
	} m = { 0 };
	char stat_text[1024];
	const char *name;
	uint32_t len = 0;
	struct stat st;
	ssize_t n = -1;
	int dir = openat(proc, number, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return true;
	if (fstat(dir, &st) == 0 && slurp(dir, "stat", stat_text, sizeof(stat_text)) > 0 &&
	    parse_stat(stat_text, &m.p, &name, &len)) {
		len = len < 256 ? len : 256;
		memcpy(m.text, name, len);
		n = slurp(dir, "cmdline", m.text + len, sizeof(m.text) - len);
	}
	close(dir);
	if (n < 0)
		return true;
	gst_put32(m.p.pid, (uint32_t)strtoul(number, NULL, 10));
	gst_put32(m.p.uid, st.st_uid);
	gst_put32(m.p.name_length, len);
	return send_frame(fd, GST_AGENT_PROCESS, &m, (uint32_t)sizeof(m.p) + len + (uint32_t)n);
}

_Noreturn void agent_list(int fd)
{
	struct timeval patience = { .tv_sec = CLIENT_SECONDS };
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = proc < 0 ? NULL : fdopendir(proc);
	uint32_t left = GST_AGENT_PROCESSES_MAX;
	bool fine = d != NULL;

	(void)fcntl(fd, F_SETFL, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	for (struct dirent *e; fine && left > 0 && (e = readdir(d)) != NULL;) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		fine = send_process(fd, proc, e->d_name);
		left--;
	}
	if (fine)
		(void)send_frame(fd, GST_AGENT_DONE, NULL, 0);
	_exit(0);
}
