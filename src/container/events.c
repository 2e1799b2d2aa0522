/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `events`: statistics at an interval and the strokes of the out-of-memory killer, until the
 * container ends. Nothing is locked: what is shown is what the kernel says at that moment.
 */
#include "base/proc.h"
#include "container/container.h"
#include "container/record.h"
#include "container/stats.h"
#include "plan/ns.h"

#include <poll.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#define ARENA_LIMIT ((size_t)64 << 20)

struct watch {
	const struct oci_record *record;
	const struct ct_event_options *options;
	struct lx_cgroup cgroup;
	struct rl_fd init;
	struct lx_cgroup_oom oom;
	bool has_oom;
};

static void close_watch(struct watch *w)
{
	if (w->has_oom)
		lx_cgroup_oom_close(&w->oom);
	rl_fd_close(&w->init);
	lx_cgroup_close(&w->cgroup);
}

#define AUTO_WATCH __attribute__((cleanup(close_watch)))

/* ---- one line -------------------------------------------------------------------------------- */

static rl_err emit(struct watch *w, const char *type, const struct ct_stats *stats)
{
	struct rl_json_writer RL_AUTO_JSON json = { 0 };
	const char *text;
	size_t len;

	RL_TRY(rl_json_begin(&json, false));
	rl_json_object(&json);
	rl_json_put(&json, "type", type);
	rl_json_put(&json, "id", w->record->id);
	if (stats != NULL) {
		rl_json_key(&json, "data");
		ct_stats_put(&json, stats);
	}
	rl_json_object_end(&json);
	RL_TRY(rl_json_end(&json, &text, &len));
	return w->options->emit(w->options->context, text, len);
}

static rl_err read_rdt(const struct watch *w, struct rl_arena *a, struct lx_rdt_stats *ret)
{
	const char *root;

	RL_TRY(lx_rdt_find(a, "/proc/self/mountinfo", &root));
	if (root == NULL)
		return RL_OK;
	return lx_rdt_stats(a, root, w->record->rdt_group, w->record->rdt_monitor, ret);
}

static rl_err emit_stats(struct watch *w)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	struct ct_stats stats = { 0 };

	RL_TRY(rl_arena_new(ARENA_LIMIT, &a));
	RL_TRY(lx_cgroup_stats(&a, &w->cgroup, &stats.cgroup));
	if (w->record->namespaces & CLONE_NEWNET)
		RL_TRY(lx_net_stats(&a, w->record->pid, &stats.interfaces, &stats.interface_count));
	if (w->record->rdt_group != NULL)
		RL_TRY(read_rdt(w, &a, &stats.rdt));
	return emit(w, "stats", &stats);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A machine without the memory controller has no such event. */
static rl_err watch_oom(struct watch *w)
{
	rl_err e = lx_cgroup_oom_open(&w->cgroup, &w->oom);

	w->has_oom = !rl_failed(e);
	if (rl_is(e, RL_E(EOPNOTSUPP)) || rl_is(e, RL_E(ENOENT))) {
		rl_drop(e);
		return RL_OK;
	}
	return e;
}

/* Every kill is an event of its own, as version 1 has them. *ret_over: the cgroup is empty. */
static rl_err report_oom(struct watch *w, bool *ret_over)
{
	uint64_t kills;

	RL_TRY(lx_cgroup_oom_read(&w->oom, &kills, ret_over));
	for (; kills > 0; kills--)
		RL_TRY(emit(w, "oom", NULL));
	return RL_OK;
}

static rl_err follow(struct watch *w)
{
	int64_t next = now_ms() + w->options->interval_ms;
	bool over = false;

	while (!over) {
		struct pollfd p[] = {
			{ rl_fd_get(&w->init), POLLIN, 0 },
			{ w->has_oom ? rl_fd_get(&w->oom.fd) : -1, POLLIN, 0 },
		};
		int64_t left = next - now_ms();
		int n = poll(p, 2, left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left);

		if (n < 0 && errno != EINTR)
			return rl_sys(-1, "wait for events");
		if (n < 0)
			continue;
		/* The last stroke may be what ended it. */
		if (w->has_oom && (p[1].revents != 0 || p[0].revents != 0))
			RL_TRY(report_oom(w, &over));
		over |= p[0].revents != 0;
		if (over || now_ms() < next)
			continue;
		RL_TRY(emit_stats(w));
		next += w->options->interval_ms;
		if (next < now_ms())
			next = now_ms() + w->options->interval_ms;
	}
	return RL_OK;
}

rl_err ct_events(struct rl_arena *a, const char *root, const char *id,
		 const struct ct_event_options *options)
{
	struct watch AUTO_WATCH w = { .options = options };
	struct ct_store CT_AUTO_STORE store = { 0 };
	struct oci_record record;

	RL_TRY(ct_record_load(a, root, id, &store, &record));
	w.record = &record;
	RL_TRY(ct_open_init(&record, &w.init));
	if (record.cgroup_count == 0)
		return rl_hint(rl_refuse(RL_E(ENOTSUP),
					 "container %s has no cgroup, which statistics need", id),
			       "create it with a cgroup manager");
	RL_TRY(ct_record_cgroup(a, &record, &w.cgroup));
	if (options->once)
		return emit_stats(&w);
	ct_store_close(&store);
	RL_TRY(watch_oom(&w));
	return follow(&w);
}
