/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/agent_core.h"

#include "guest/blob.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(HDL_AGENT_PORT == GST_AGENT_PORT, "one port");

/* From the request to the first instruction: a loaded machine has to read the program first. */
#define START_MS 60000u

static struct agent_deadline deadline(const struct hdl_agent_at *at)
{
	return agent_deadline_in(at->wait_ms ? at->wait_ms : HDL_AGENT_WAIT_MS);
}

/* ---- Requests with one answer ---- */

static rl_err ask(const struct hdl_agent_at *at, enum gst_agent_type type, const void *bytes,
		  size_t len)
{
	struct agent_deadline until = deadline(at);
	struct rl_fd RL_AUTO_FD fd = { 0 };
	struct agent_input in = { 0 };
	struct agent_message m;

	RL_TRY(agent_connect(at, until, &fd));
	RL_TRY(agent_send_frame(rl_fd_get(&fd), type, bytes, len, until));
	RL_TRY(agent_wait_frame(rl_fd_get(&fd), &in, until, &m));
	if (m.type == GST_AGENT_FAILED)
		return agent_failure(&m);
	return m.type == GST_AGENT_DONE ? RL_OK : agent_unexpected(&m);
}

static rl_err send_signal(const struct hdl_agent_at *at, uint32_t pid, int signal)
{
	struct gst_agent_signal wire;

	gst_put32(wire.pid, pid);
	gst_put32(wire.signal, (uint32_t)signal);
	return ask(at, GST_AGENT_SIGNAL, &wire, sizeof(wire));
}

rl_err hdl_agent_signal(const struct hdl_agent_at *at, uint32_t pid, int signal)
{
	if (pid == GST_AGENT_PID_ALL)
		return rl_fail(RL_E(ESRCH), "process %u of the guest", pid);
	return send_signal(at, pid, signal);
}

rl_err hdl_agent_signal_all(const struct hdl_agent_at *at, int signal)
{
	return send_signal(at, GST_AGENT_PID_ALL, signal);
}

rl_err hdl_agent_resize(const struct hdl_agent_at *at, uint32_t pid, uint16_t rows,
			uint16_t columns)
{
	struct gst_agent_resize wire;

	gst_put32(wire.pid, pid);
	gst_put16(wire.rows, rows);
	gst_put16(wire.columns, columns);
	return ask(at, GST_AGENT_RESIZE, &wire, sizeof(wire));
}

rl_err hdl_agent_shutdown(const struct hdl_agent_at *at)
{
	return ask(at, GST_AGENT_SHUTDOWN, NULL, 0);
}

/* ---- The list of processes ---- */

/* Grows by doubling; what it leaves behind stays in the arena until that is freed. */
struct list {
	struct hdl_agent_ps *item;
	size_t count, room;
};

static rl_err list_add(struct list *l, struct rl_arena *a, struct hdl_agent_ps **ret)
{
	if (l->count == GST_AGENT_PROCESSES_MAX)
		return rl_refuse(RL_E(EOVERFLOW), "the guest names more than %u processes",
				 GST_AGENT_PROCESSES_MAX);
	if (l->count == l->room) {
		size_t room = l->room ? l->room * 2 : 64;
		struct hdl_agent_ps *bigger;

		RL_TRY(rl_new_array(a, room, &bigger));
		if (l->count > 0)
			memcpy(bigger, l->item, l->count * sizeof(*bigger));
		l->item = bigger;
		l->room = room;
	}
	*ret = &l->item[l->count++];
	return RL_OK;
}

/* Arguments joined by blanks: each ends with a NUL, the last one may be cut. */
static rl_err copy_command(struct rl_arena *a, const uint8_t *from, size_t len, const char *name,
			   const char **ret)
{
	uint8_t joined[GST_AGENT_TEXT_MAX];
	char *text;

	if (len == 0)
		return rl_arena_fmt(a, ret, "[%s]", name);
	for (size_t i = 0; i < len; i++)
		joined[i] = from[i] == '\0' ? ' ' : from[i];
	while (len > 1 && joined[len - 1] == ' ')
		len--;
	RL_TRY(rl_arena_get(a, len + 1, 1, &text));
	agent_printable(text, joined, len);
	*ret = text;
	return RL_OK;
}

static rl_err take_process(const struct agent_message *m, struct list *l, struct rl_arena *a)
{
	const struct gst_agent_process *w = (const void *)m->body;
	const uint8_t *text = m->body + sizeof(*w);
	size_t len = m->length - sizeof(*w), name_len = gst_get32(w->name_length);
	uint32_t state = gst_get32(w->state);
	struct hdl_agent_ps *p = NULL;
	char *name = NULL;

	if (name_len > len)
		return agent_unexpected(m);
	RL_TRY(list_add(l, a, &p));
	RL_TRY(rl_arena_get(a, name_len + 1, 1, &name));
	agent_printable(name, text, name_len);
	*p = (struct hdl_agent_ps){
		.pid = gst_get32(w->pid),
		.ppid = gst_get32(w->ppid),
		.uid = gst_get32(w->uid),
		.state = (char)((state >= 'A' && state <= 'Z') || (state >= 'a' && state <= 'z')
					? state
					: '?'),
		.cpu_ms = gst_get64(w->cpu_ms),
		.start_ms = gst_get64(w->start_ms),
		.rss_kib = gst_get64(w->rss_kib),
		.name = name,
	};
	return copy_command(a, text + name_len, len - name_len, name, &p->command);
}

rl_err hdl_agent_list(const struct hdl_agent_at *at, struct rl_arena *a,
		      const struct hdl_agent_ps **ret, size_t *ret_count)
{
	struct agent_deadline until = deadline(at);
	struct rl_fd RL_AUTO_FD fd = { 0 };
	struct agent_input in = { 0 };
	struct agent_message m;
	struct list l = { 0 };

	RL_TRY(agent_connect(at, until, &fd));
	RL_TRY(agent_send_frame(rl_fd_get(&fd), GST_AGENT_LIST, NULL, 0, until));
	for (;;) {
		RL_TRY(agent_wait_frame(rl_fd_get(&fd), &in, until, &m));
		if (m.type != GST_AGENT_PROCESS)
			break;
		RL_TRY(take_process(&m, &l, a), "processes of the guest");
	}
	if (m.type == GST_AGENT_FAILED)
		return agent_failure(&m);
	if (m.type != GST_AGENT_DONE)
		return agent_unexpected(&m);
	*ret = l.item;
	*ret_count = l.count;
	return RL_OK;
}

/* ---- Starting a process ---- */

static void put_user(struct gst_blob *b, const struct hdl_agent_process *p)
{
	struct gst_user wire;

	gst_put32(wire.uid, p->uid);
	gst_put32(wire.gid, p->gid);
	gst_put32(wire.umask, p->umask);
	gst_blob_record(b, GST_USER, &wire, sizeof(wire));
}

static void put_groups(struct gst_blob *b, const struct hdl_agent_process *p)
{
	struct gst_record head = { 0 };
	uint8_t le[4], zeroes[8] = { 0 };

	gst_put16(head.type, GST_GROUPS);
	gst_put32(head.length, (uint32_t)(p->group_count * sizeof(le)));
	gst_blob_put(b, &head, sizeof(head));
	for (size_t i = 0; i < p->group_count; i++) {
		gst_put32(le, p->groups[i]);
		gst_blob_put(b, le, sizeof(le));
	}
	gst_blob_put(b, zeroes, p->group_count % 2 * sizeof(le));
}

static void put_caps(struct gst_blob *b, const struct hdl_agent_caps *c)
{
	struct gst_caps wire;

	gst_put64(wire.bounding, c->bounding);
	gst_put64(wire.effective, c->effective);
	gst_put64(wire.permitted, c->permitted);
	gst_put64(wire.inheritable, c->inheritable);
	gst_put64(wire.ambient, c->ambient);
	gst_blob_record(b, GST_CAPS, &wire, sizeof(wire));
}

static void put_process(struct gst_blob *b, const struct hdl_agent_process *p)
{
	gst_blob_begin(b);
	for (const char *const *arg = p->args; *arg; arg++)
		gst_blob_string(b, GST_ARG, *arg);
	for (const char *const *env = p->env; env && *env; env++)
		gst_blob_string(b, GST_ENV, *env);
	gst_blob_string(b, GST_CWD, p->cwd ? p->cwd : "/");
	put_user(b, p);
	put_groups(b, p);
	if (p->caps)
		put_caps(b, p->caps);
	for (size_t i = 0; i < p->rlimit_count; i++)
		gst_blob_limit(b, p->rlimits[i].resource, p->rlimits[i].soft, p->rlimits[i].hard);
	if (p->oom_score_adj)
		gst_blob_number(b, GST_OOM_SCORE, (uint32_t)*p->oom_score_adj);
	gst_blob_number(b, GST_FLAGS, p->no_new_privileges ? GST_F_NO_NEW_PRIVS : 0);
	gst_blob_end(b);
}

/* The whole frame's body, in memory that the caller frees. */
static rl_err make_request(const struct hdl_agent_process *p, bool with_stdin, uint8_t **ret,
			   size_t *ret_len)
{
	struct gst_blob b = { 0 };
	struct gst_agent_exec *head;

	if (p->args == NULL || p->args[0] == NULL)
		return rl_refuse(RL_E(EINVAL), "there is no command");
	if (p->detach && p->terminal)
		return rl_refuse(RL_E(EINVAL), "a detached process has no terminal");
	put_process(&b, p);
	if (b.used + sizeof(*head) > GST_AGENT_EXEC_MAX)
		return rl_refuse(
			RL_E(E2BIG),
			"arguments and environment take %zu bytes, at most %u are possible", b.used,
			GST_AGENT_EXEC_MAX);
	head = calloc(1, b.used + sizeof(*head));
	if (head == NULL)
		return rl_nomem();
	gst_put32(head->flags, (p->terminal ? GST_AGENT_F_TERMINAL : 0u) |
				       (with_stdin ? GST_AGENT_F_STDIN : 0u) |
				       (p->detach ? GST_AGENT_F_DETACH : 0u));
	gst_put16(head->rows, p->rows);
	gst_put16(head->columns, p->columns);
	b = (struct gst_blob){ .bytes = (uint8_t *)(head + 1) };
	put_process(&b, p);
	*ret = (uint8_t *)head;
	*ret_len = b.used + sizeof(*head);
	return RL_OK;
}

static rl_err request_start(struct hdl_agent_session *s, const uint8_t *bytes, size_t len,
			    int *ret_status)
{
	struct agent_deadline until = agent_deadline_in(START_MS);
	struct agent_message m;

	RL_TRY(agent_send_frame(rl_fd_get(&s->fd), GST_AGENT_EXEC, bytes, len, until));
	RL_TRY(agent_wait_frame(rl_fd_get(&s->fd), &s->in, until, &m));
	if (m.type == GST_AGENT_FAILED) {
		uint32_t status = gst_get32(((const struct gst_agent_failed *)m.body)->status);

		if (status == GST_STATUS_NOT_EXECUTABLE || status == GST_STATUS_NOT_FOUND)
			*ret_status = (int)status;
		return agent_failure(&m);
	}
	if (m.type != GST_AGENT_STARTED)
		return agent_unexpected(&m);
	s->pid = gst_get32(m.body);
	return RL_OK;
}

static rl_err start(const struct hdl_agent_at *at, const struct hdl_agent_process *p,
		    bool with_stdin, struct hdl_agent_session *s, int *ret_status)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	rl_err e;

	RL_TRY(make_request(p, with_stdin && !p->detach, &bytes, &len));
	e = agent_connect(at, deadline(at), &s->fd);
	if (!rl_failed(e))
		e = request_start(s, bytes, len, ret_status);
	free(bytes);
	return e;
}

rl_err hdl_agent_start(const struct hdl_agent_at *at, const struct hdl_agent_process *p,
		       bool with_stdin, struct hdl_agent_session **ret, int *ret_status)
{
	struct hdl_agent_session *s = calloc(1, sizeof(*s));
	int status = GST_STATUS_SETUP;
	rl_err e = s ? RL_OK : rl_nomem();

	if (s) {
		s->with_stdin = with_stdin && !p->detach;
		s->detached = p->detach;
		e = start(at, p, with_stdin, s, &status);
	}
	if (!rl_failed(e)) {
		*ret = s;
		return RL_OK;
	}
	hdl_agent_free(s);
	if (ret_status)
		*ret_status = status;
	return e;
}

uint32_t hdl_agent_pid(const struct hdl_agent_session *s)
{
	return s->pid;
}

void hdl_agent_free(struct hdl_agent_session *s)
{
	if (s == NULL)
		return;
	rl_fd_close(&s->fd);
	free(s);
}
