/* SPDX-License-Identifier: Apache-2.0 */
/* What later commands make of a state directory: containers of which only the record is real. */
#include "base/proc.h"
#include "container/gate.h"
#include "container/record.h"
#include "scratch.h"

#include <signal.h>

static struct rl_arena arena;

/* A state directory of its own for each case. */
static const char *fresh_root(const char *name)
{
	rl_arena_free(&arena);
	rl_drop(rl_arena_new(8 << 20, &arena));
	return scratch("%s", name);
}

static struct oci_record a_record(pid_t pid)
{
	struct oci_record r = {
		.id = "c1",
		.oci_version = "1.2.0",
		.bundle = "/b",
		.rootfs = "/b/rootfs",
		.created = "2026-01-02T03:04:05Z",
		.cgroup_manager = "disabled",
		.pid = pid,
	};
	char state;

	if (pid > 0)
		rl_drop(rl_proc_start_time(pid, &r.start_time, &state));
	return r;
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			pause();
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST(saved_and_loaded)
{
	const char *root = fresh_root("saved");
	struct ct_store CT_AUTO_STORE s = { 0 }, CT_AUTO_STORE again = { 0 };
	struct oci_record r = a_record(getpid()), loaded = { 0 };
	struct stat st;

	CHECK_OK(ct_store_claim(root, "c1", &s));
	CHECK_OK(ct_record_save(&s, &r));
	r.pid = getpid();
	CHECK_OK(ct_record_save(&s, &r)); /* replaces */
	CHECK_INT(scratch_count(scratch("saved/c1")), 1);
	CHECK(stat(scratch("saved/c1/status"), &st) == 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK_OK(ct_record_load(&arena, root, "c1", &again, &loaded));
	CHECK_STR(loaded.id, "c1");
	CHECK_STR(loaded.bundle, "/b");
	CHECK_INT(loaded.pid, getpid());
	CHECK(loaded.start_time == r.start_time && r.start_time > 0);
}

static rl_err load(const char *root, const char *id)
{
	struct ct_store CT_AUTO_STORE s = { 0 };
	struct oci_record r;

	return ct_record_load(&arena, root, id, &s, &r);
}

TEST(what_cannot_be_loaded)
{
	const char *root = fresh_root("broken");
	struct ct_store CT_AUTO_STORE s = { 0 };

	CHECK_FAILS(load(root, "../c1"), EINVAL, "");
	CHECK_FAILS(load(root, ".."), EINVAL, "");
	CHECK_FAILS(load(root, "a/b"), EINVAL, "");
	CHECK_FAILS(load(root, ""), EINVAL, "");
	CHECK_FAILS(load(root, "c1"), ENOENT, "container \"c1\" does not exist");
	CHECK_OK(ct_store_claim(root, "c1", &s));
	CHECK_FAILS(load(root, "c1"), EBADMSG, "container \"c1\" was not made completely");
	scratch_file("broken/c1/status", "{\"id\":");
	CHECK_FAILS(load(root, "c1"), EINVAL, "container c1: status: line 1");
	scratch_file("broken/c1/status", "[]");
	CHECK_FAILS(load(root, "c1"), EINVAL, "container c1: status: line 1: $: must be an object");
	unlink(scratch("broken/c1/status"));
	CHECK(mkfifo(scratch("broken/c1/status"), 0600) == 0);
	CHECK_FAILS(load(root, "c1"), EINVAL, "is not a regular file");
}

static int status_of(const struct ct_store *s, const struct oci_record *r)
{
	enum oci_status status;

	return rl_drop_failed(ct_status(&arena, s, r, &status)) ? -1 : (int)status;
}

TEST(the_status_is_what_is_there)
{
	const char *root = fresh_root("status");
	struct ct_store CT_AUTO_STORE s = { 0 };
	struct oci_record r = a_record(0);
	struct rl_fd RL_AUTO_FD listener = { 0 };
	pid_t pid = sleeper();

	CHECK_OK(ct_store_claim(root, "c1", &s));
	CHECK_INT(status_of(&s, &r), OCI_CREATING);
	r = a_record(pid);
	CHECK_OK(ct_gate_open(rl_fd_get(&s.dir), &listener));
	CHECK_INT(status_of(&s, &r), OCI_CREATED);
	CHECK_OK(ct_gate_remove(rl_fd_get(&s.dir)));
	CHECK_INT(status_of(&s, &r), OCI_RUNNING);
	r.start_time++; /* the pid is another process's now */
	CHECK_INT(status_of(&s, &r), OCI_STOPPED);
	r.start_time--;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK_INT(status_of(&s, &r), OCI_STOPPED);
	/* Killed while it waited at the gate. */
	rl_fd_close(&listener);
	CHECK_OK(ct_gate_open(rl_fd_get(&s.dir), &listener));
	CHECK_INT(status_of(&s, &r), OCI_STOPPED);
}

TEST(init_is_proven_by_its_start_time)
{
	pid_t pid = sleeper();
	struct oci_record r = a_record(pid);
	struct rl_fd RL_AUTO_FD pidfd = { 0 };

	CHECK_OK(ct_open_init(&r, &pidfd));
	CHECK_OK(rl_pidfd_signal(rl_fd_get(&pidfd), 0));
	rl_fd_close(&pidfd);
	r.start_time++;
	CHECK_FAILS(ct_open_init(&r, &pidfd), ESRCH, "container not running: c1");
	r.start_time--;
	r.pid = 0;
	CHECK_FAILS(ct_open_init(&r, &pidfd), ESRCH, "container not running: c1");
	r.pid = pid;
	kill(pid, SIGKILL);
	CHECK_OK(rl_pidfd_open(pid, &pidfd));
	CHECK_OK(rl_pidfd_wait(rl_fd_get(&pidfd), 10000));
	rl_fd_close(&pidfd);
	CHECK_FAILS(ct_open_init(&r, &pidfd), ESRCH, "container not running: c1"); /* a zombie */
	end(pid);
	CHECK_FAILS(ct_open_init(&r, &pidfd), ESRCH, "container not running: c1");
	CHECK(!rl_fd_has(&pidfd));
}

TEST(the_state_for_hooks)
{
	struct oci_record r = a_record(0);
	const struct rl_json *root;
	const char *text;
	size_t len;

	fresh_root("state");
	CHECK_OK(ct_state_text(&arena, &r, OCI_CREATING, 17, &text, &len));
	CHECK_INT(strlen(text), len);
	CHECK(strchr(text, '\n') == NULL);
	CHECK_OK(rl_json_parse(&arena, "state", text, len, &root));
	CHECK_STR(rl_json_get(root, "ociVersion")->text, "1.2.0");
	CHECK_STR(rl_json_get(root, "id")->text, "c1");
	CHECK_STR(rl_json_get(root, "status")->text, "creating");
	CHECK_STR(rl_json_get(root, "pid")->text, "17");
	CHECK_STR(rl_json_get(root, "bundle")->text, "/b");
}

RUN_TESTS()
