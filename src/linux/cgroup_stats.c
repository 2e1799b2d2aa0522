/* SPDX-License-Identifier: Apache-2.0 */
/* Every number is read where its controller is, so a hybrid machine needs no case of its own. */
#include "linux/cgroup_stats.h"

#include "base/io.h"
#include "linux/cgroup_parts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- files ----------------------------------------------------------------------------------- */

/* Where a controller is. */
struct place {
	int dir_fd;
	bool v1;
};

static bool find(struct lx_cgroup *cg, const char *controller, struct place *ret)
{
	int index = lx_cg_v1(cg, controller);

	ret->v1 = index >= 0;
	if (index < 0)
		index = lx_cg_v2(cg);
	return index >= 0 && !rl_drop_failed(lx_cg_dir(cg, (size_t)index, &ret->dir_fd));
}

/* "" when the file is not there. */
static const char *text_of(struct rl_arena *a, int dir_fd, const char *file)
{
	const char *text;
	size_t len;

	return rl_drop_failed(rl_read_file(a, dir_fd, file, 1 << 20, &text, &len)) ? "" : text;
}

static uint64_t number_in(const char *text, uint64_t otherwise)
{
	if (strncmp(text, "max", 3) == 0)
		return UINT64_MAX;
	return text[0] >= '0' && text[0] <= '9' ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t number_of(int dir_fd, const char *file)
{
	char text[64];

	if (rl_drop_failed(rl_read_small(dir_fd, file, text, sizeof(text))))
		return 0;
	return number_in(text, 0);
}

/* The value behind "key " at the beginning of a line. */
static uint64_t value_of(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *at = text; (at = strstr(at, key)) != NULL; at += len)
		if ((at == text || at[-1] == '\n') && at[len] == ' ')
			return strtoull(at + len + 1, NULL, 10);
	return 0;
}

/* The value behind "key=" in a line that ends at `end`. */
static uint64_t field_of(const char *line, const char *end, const char *key)
{
	size_t len = strlen(key);

	for (const char *at = line; at + len < end; at++)
		if (strncmp(at, key, len) == 0 && at[len] == '=' && (at == line || at[-1] == ' '))
			return strtoull(at + len + 1, NULL, 10);
	return 0;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')) != NULL; text++)
		n++;
	return n;
}

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return line + (*line == '\n');
}

/* ---- pressure -------------------------------------------------------------------------------- */

static void read_pressure(struct rl_arena *a, int dir_fd, const char *file, struct lx_psi *ret)
{
	for (const char *line = text_of(a, dir_fd, file); *line != '\0'; line = next_line(line)) {
		struct lx_pressure p = { .set = true };
		unsigned long long total;
		char which[8];

		if (sscanf(line, "%7s avg10=%lf avg60=%lf avg300=%lf total=%llu", which, &p.avg10,
			   &p.avg60, &p.avg300, &total) != 5)
			continue;
		p.total = total;
		if (strcmp(which, "some") == 0)
			ret->some = p;
		else
			ret->full = p;
	}
}

/* ---- cpu ------------------------------------------------------------------------------------- */

/* Lines of cpuacct.usage_all: "CPU user system". */
static rl_err read_percpu(struct rl_arena *a, int dir_fd, struct lx_cpu_stats *ret)
{
	const char *text = text_of(a, dir_fd, "cpuacct.usage_all");
	size_t lines = count_lines(text), n = 0;
	uint64_t *total, *user, *kernel;

	if (lines < 2)
		return RL_OK;
	RL_TRY(rl_new_array(a, lines, &total));
	RL_TRY(rl_new_array(a, lines, &user));
	RL_TRY(rl_new_array(a, lines, &kernel));
	for (text = next_line(text); *text != '\0' && n < lines; text = next_line(text)) {
		unsigned long long u, k;

		if (sscanf(text, "%*u %llu %llu", &u, &k) != 2)
			continue;
		user[n] = u;
		kernel[n] = k;
		total[n++] = u + k;
	}
	ret->percpu = total;
	ret->percpu_user = user;
	ret->percpu_kernel = kernel;
	ret->cpus = n;
	return RL_OK;
}

static rl_err read_cpu(struct rl_arena *a, struct lx_cgroup *cg, struct lx_cpu_stats *ret)
{
	const uint64_t tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	struct place at;
	const char *text;

	if (find(cg, "cpuacct", &at) && at.v1) {
		ret->total = number_of(at.dir_fd, "cpuacct.usage");
		text = text_of(a, at.dir_fd, "cpuacct.stat");
		ret->user = value_of(text, "user") * tick;
		ret->kernel = value_of(text, "system") * tick;
		RL_TRY(read_percpu(a, at.dir_fd, ret));
	}
	if (!find(cg, "cpu", &at))
		return RL_OK;
	text = text_of(a, at.dir_fd, "cpu.stat");
	ret->periods = value_of(text, "nr_periods");
	ret->throttled_periods = value_of(text, "nr_throttled");
	if (at.v1) {
		ret->throttled_time = value_of(text, "throttled_time");
		return RL_OK;
	}
	ret->total = value_of(text, "usage_usec") * 1000;
	ret->user = value_of(text, "user_usec") * 1000;
	ret->kernel = value_of(text, "system_usec") * 1000;
	ret->throttled_time = value_of(text, "throttled_usec") * 1000;
	read_pressure(a, at.dir_fd, "cpu.pressure", &ret->psi);
	return RL_OK;
}

static void read_cpuset_v1(struct rl_arena *a, int dir_fd, struct lx_cpuset_stats *ret)
{
	const struct {
		const char *file;
		uint64_t *to;
	} files[] = {
		{ "cpuset.cpu_exclusive", &ret->cpu_exclusive },
		{ "cpuset.mem_hardwall", &ret->mem_hardwall },
		{ "cpuset.mem_exclusive", &ret->mem_exclusive },
		{ "cpuset.memory_migrate", &ret->memory_migrate },
		{ "cpuset.memory_spread_page", &ret->memory_spread_page },
		{ "cpuset.memory_spread_slab", &ret->memory_spread_slab },
		{ "cpuset.memory_pressure", &ret->memory_pressure },
		{ "cpuset.sched_load_balance", &ret->sched_load_balance },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		*files[i].to = strtoull(text_of(a, dir_fd, files[i].file), NULL, 10);
	ret->sched_relax_domain_level =
		strtoll(text_of(a, dir_fd, "cpuset.sched_relax_domain_level"), NULL, 10);
}

static void read_cpuset(struct rl_arena *a, struct lx_cgroup *cg, struct lx_cpuset_stats *ret)
{
	struct place at;
	char *end;

	ret->cpus = ret->mems = "";
	if (!find(cg, "cpuset", &at))
		return;
	/* What counts is what is in effect, which version 1 calls by another name. */
	ret->cpus =
		text_of(a, at.dir_fd, at.v1 ? "cpuset.effective_cpus" : "cpuset.cpus.effective");
	ret->mems =
		text_of(a, at.dir_fd, at.v1 ? "cpuset.effective_mems" : "cpuset.mems.effective");
	if ((end = strchr(ret->cpus, '\n')) != NULL)
		*end = '\0';
	if ((end = strchr(ret->mems, '\n')) != NULL)
		*end = '\0';
	if (at.v1)
		read_cpuset_v1(a, at.dir_fd, ret);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static rl_err read_raw(struct rl_arena *a, const char *text, struct lx_memory_stats *ret)
{
	size_t lines = count_lines(text);
	struct lx_named_value *items;

	if (lines == 0)
		return RL_OK;
	RL_TRY(rl_new_array(a, lines, &items));
	for (; *text != '\0' && ret->raw_count < lines; text = next_line(text)) {
		size_t name = strcspn(text, " ");
		struct lx_named_value *item = &items[ret->raw_count];

		RL_TRY(rl_arena_strn(a, text, name, &item->name));
		item->value = strtoull(text + name, NULL, 10);
		ret->raw_count++;
	}
	ret->raw = items;
	return RL_OK;
}

/* memory.limit_in_bytes and its like; the kernel's number for "no limit" is the largest page. */
static void read_usage_v1(int dir_fd, const char *prefix, struct lx_memory_usage *ret)
{
	char file[64];

	snprintf(file, sizeof(file), "%s.limit_in_bytes", prefix);
	ret->limit = number_of(dir_fd, file);
	if (ret->limit >= 0x7ffffffffffff000u - 0xffff)
		ret->limit = UINT64_MAX;
	snprintf(file, sizeof(file), "%s.usage_in_bytes", prefix);
	ret->usage = number_of(dir_fd, file);
	snprintf(file, sizeof(file), "%s.max_usage_in_bytes", prefix);
	ret->max = number_of(dir_fd, file);
	snprintf(file, sizeof(file), "%s.failcnt", prefix);
	ret->failcnt = number_of(dir_fd, file);
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a == UINT64_MAX || b == UINT64_MAX ? UINT64_MAX : a + b;
}

static void read_memory_v2(struct rl_arena *a, int dir_fd, const char *stat,
			   struct lx_memory_stats *ret)
{
	const char *events = text_of(a, dir_fd, "memory.events");

	ret->cache = value_of(stat, "file");
	ret->memory.limit = number_of(dir_fd, "memory.max");
	ret->memory.usage = number_of(dir_fd, "memory.current");
	ret->memory.max = number_of(dir_fd, "memory.peak"); /* Linux 5.19 */
	ret->memory.failcnt = value_of(events, "max");
	ret->swap.limit = sum(ret->memory.limit, number_of(dir_fd, "memory.swap.max"));
	ret->swap.usage = sum(ret->memory.usage, number_of(dir_fd, "memory.swap.current"));
	ret->kernel.usage = value_of(stat, "kernel"); /* Linux 5.18 */
	ret->kernel_tcp.usage = value_of(stat, "sock");
	read_pressure(a, dir_fd, "memory.pressure", &ret->psi);
}

static rl_err read_memory(struct rl_arena *a, struct lx_cgroup *cg, struct lx_memory_stats *ret)
{
	struct place at;
	const char *stat;

	if (!find(cg, "memory", &at))
		return RL_OK;
	stat = text_of(a, at.dir_fd, "memory.stat");
	if (at.v1) {
		ret->cache = value_of(stat, "cache");
		read_usage_v1(at.dir_fd, "memory", &ret->memory);
		read_usage_v1(at.dir_fd, "memory.memsw", &ret->swap);
		read_usage_v1(at.dir_fd, "memory.kmem", &ret->kernel);
		read_usage_v1(at.dir_fd, "memory.kmem.tcp", &ret->kernel_tcp);
	} else if (stat[0] != '\0') {
		read_memory_v2(a, at.dir_fd, stat, ret);
	}
	return read_raw(a, stat, ret);
}

/* ---- io -------------------------------------------------------------------------------------- */

/* "8:0 Read 4096" a line, and one "Total 4096" without a device at the end. */
static rl_err read_io_v1(struct rl_arena *a, int dir_fd, const char *file, struct lx_io_list *ret)
{
	const char *text = text_of(a, dir_fd, file);
	size_t lines = count_lines(text), n = 0;
	struct lx_io_entry *items;

	if (lines == 0)
		return RL_OK;
	RL_TRY(rl_new_array(a, lines, &items));
	for (; *text != '\0' && n < lines; text = next_line(text)) {
		unsigned long long major, minor, value;
		char op[16];

		if (sscanf(text, "%llu:%llu %15s %llu", &major, &minor, op, &value) != 4)
			continue;
		items[n] = (struct lx_io_entry){ major, minor, "", value };
		RL_TRY(rl_arena_str(a, op, &items[n].op));
		n++;
	}
	*ret = (struct lx_io_list){ items, n };
	return RL_OK;
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" a line. */
static rl_err read_io_v2(struct rl_arena *a, int dir_fd, struct lx_io_stats *ret)
{
	static const char *const ops[] = { "Read", "Write", "Discard" };
	static const char *const bytes[] = { "rbytes", "wbytes", "dbytes" };
	static const char *const counts[] = { "rios", "wios", "dios" };
	const char *text = text_of(a, dir_fd, "io.stat");
	size_t lines = count_lines(text), n = 0;
	struct lx_io_entry *size, *operations;

	read_pressure(a, dir_fd, "io.pressure", &ret->psi);
	if (lines == 0)
		return RL_OK;
	RL_TRY(rl_new_array(a, lines * 3, &size));
	RL_TRY(rl_new_array(a, lines * 3, &operations));
	for (; *text != '\0'; text = next_line(text)) {
		const char *end = text + strcspn(text, "\n");
		unsigned long long major, minor;

		if (sscanf(text, "%llu:%llu", &major, &minor) != 2)
			continue;
		for (int i = 0; i < 3; i++, n++) {
			size[n] = (struct lx_io_entry){ major, minor, ops[i],
							field_of(text, end, bytes[i]) };
			operations[n] = (struct lx_io_entry){ major, minor, ops[i],
							      field_of(text, end, counts[i]) };
		}
	}
	ret->bytes = (struct lx_io_list){ size, n };
	ret->operations = (struct lx_io_list){ operations, n };
	return RL_OK;
}

static rl_err read_io(struct rl_arena *a, struct lx_cgroup *cg, struct lx_io_stats *ret)
{
	struct place at;

	if (!find(cg, "blkio", &at))
		return RL_OK;
	if (!at.v1)
		return read_io_v2(a, at.dir_fd, ret);
	/* A BFQ in use counts by itself. */
	RL_TRY(read_io_v1(a, at.dir_fd, "blkio.bfq.io_service_bytes_recursive", &ret->bytes));
	RL_TRY(read_io_v1(a, at.dir_fd, "blkio.bfq.io_serviced_recursive", &ret->operations));
	if (ret->bytes.count > 0)
		return RL_OK;
	RL_TRY(read_io_v1(a, at.dir_fd, "blkio.throttle.io_service_bytes_recursive", &ret->bytes));
	return read_io_v1(a, at.dir_fd, "blkio.throttle.io_serviced_recursive", &ret->operations);
}

/* ---- pids, hugetlb --------------------------------------------------------------------------- */

static void read_pids(struct lx_cgroup *cg, struct lx_pids_stats *ret)
{
	struct place at;

	if (!find(cg, "pids", &at))
		return;
	ret->current = number_of(at.dir_fd, "pids.current");
	ret->limit = number_of(at.dir_fd, "pids.max");
	if (ret->limit == UINT64_MAX)
		ret->limit = 0;
}

static void read_hugetlb_size(struct rl_arena *a, const struct place *at,
			      struct lx_hugetlb_stats *s)
{
	char file[96];
	/* The limit is on reservations where the kernel has them (Linux 5.7), so are the numbers.
	 */
	const char *kind = ".rsvd";

	snprintf(file, sizeof(file), "hugetlb.%s.rsvd.%s", s->size,
		 at->v1 ? "limit_in_bytes" : "max");
	if (faccessat(at->dir_fd, file, F_OK, 0) < 0)
		kind = "";
	snprintf(file, sizeof(file), "hugetlb.%s%s.%s", s->size, kind,
		 at->v1 ? "usage_in_bytes" : "current");
	s->usage = number_of(at->dir_fd, file);
	if (!at->v1) {
		snprintf(file, sizeof(file), "hugetlb.%s.events", s->size);
		s->failcnt = value_of(text_of(a, at->dir_fd, file), "max");
		return;
	}
	snprintf(file, sizeof(file), "hugetlb.%s%s.max_usage_in_bytes", s->size, kind);
	s->max = number_of(at->dir_fd, file);
	snprintf(file, sizeof(file), "hugetlb.%s%s.failcnt", s->size, kind);
	s->failcnt = number_of(at->dir_fd, file);
}

/* The sizes are those of the files: "hugetlb.2MB.max", or "hugetlb.2MB.limit_in_bytes". */
static rl_err read_hugetlb(struct rl_arena *a, struct lx_cgroup *cg, struct lx_cgroup_stats *ret)
{
	struct lx_hugetlb_stats *items;
	struct place at;
	struct dirent *d;
	DIR *dir;
	rl_err e = RL_OK;
	int fd;

	if (!find(cg, "hugetlb", &at))
		return RL_OK;
	RL_TRY(rl_new_array(a, 16, &items));
	fd = openat(at.dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir != NULL && ret->hugetlb_count < 16 && (d = readdir(dir)) != NULL) {
		struct lx_hugetlb_stats *s = &items[ret->hugetlb_count];
		char size[16], rest[32];

		if (sscanf(d->d_name, "hugetlb.%15[^.].%31s", size, rest) != 2 ||
		    strcmp(rest, at.v1 ? "limit_in_bytes" : "max") != 0)
			continue;
		e = rl_arena_str(a, size, &s->size);
		if (rl_failed(e))
			break;
		read_hugetlb_size(a, &at, s);
		ret->hugetlb_count++;
	}
	if (dir != NULL)
		closedir(dir);
	ret->hugetlb = items;
	return e;
}

rl_err lx_cgroup_stats(struct rl_arena *a, struct lx_cgroup *cg, struct lx_cgroup_stats *ret)
{
	struct lx_cgroup_stats s = { 0 };

	RL_TRY(read_cpu(a, cg, &s.cpu));
	read_cpuset(a, cg, &s.cpuset);
	RL_TRY(read_memory(a, cg, &s.memory));
	read_pids(cg, &s.pids);
	RL_TRY(read_io(a, cg, &s.io));
	RL_TRY(read_hugetlb(a, cg, &s));
	*ret = s;
	return RL_OK;
}
