/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp listener, from the profile to an agent that answers. */
#include "child.h"
#include "config_fixture.h"
#include "container/filter.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>

/* ---- an agent ----------------------------------------------------------------------------------
 */

struct request { /* struct seccomp_notif */
	uint64_t id;
	uint32_t pid, flags;
	int32_t nr;
	uint32_t arch;
	uint64_t ip, args[6];
};

struct answer { /* struct seccomp_notif_resp */
	uint64_t id;
	int64_t value;
	int32_t error;
	uint32_t flags;
};

#define NOTIF_RECV _IOWR('!', 0, struct request)
#define NOTIF_SEND _IOWR('!', 1, struct answer)
#define CONTINUE 1u

static char path[64];
static char received[4096];

static int listen_here(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(path, sizeof(path), "/tmp/agent-%d", getpid());
	(void)unlink(path);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 1) != 0)
		abort();
	return fd;
}

/* Takes one connection: the whole message, and the descriptor that came with it. */
static int take_listener(int server)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	int connection = accept(server, NULL, NULL), listener = -1;
	size_t have = 0;

	for (;;) {
		struct iovec part = { received + have, sizeof(received) - 1 - have };
		struct msghdr m = { .msg_iov = &part,
				    .msg_iovlen = 1,
				    .msg_control = control.bytes,
				    .msg_controllen = sizeof(control.bytes) };
		ssize_t n = recvmsg(connection, &m, MSG_CMSG_CLOEXEC);

		if (n <= 0)
			break;
		have += (size_t)n;
		if (CMSG_FIRSTHDR(&m) != NULL)
			memcpy(&listener, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	}
	received[have] = '\0';
	close(connection);
	return listener;
}

/* mkdir is answered with EXDEV, everything else goes on. Until nobody is left who asks. */
static int serve(int listener)
{
	int answered = 0;

	for (;;) {
		struct pollfd p = { .fd = listener, .events = POLLIN };
		struct request q = { 0 };
		struct answer a;

		if (poll(&p, 1, 5000) != 1 || (p.revents & POLLIN) == 0)
			return answered;
		if (ioctl(listener, NOTIF_RECV, &q) != 0)
			continue;
		a = (struct answer){ .id = q.id };
		if (q.nr == SYS_mkdir)
			a.error = -EXDEV;
		else
			a.flags = CONTINUE;
		if (ioctl(listener, NOTIF_SEND, &a) == 0)
			answered++;
	}
}

/* ---- the container's side -----------------------------------------------------------------------
 */

static struct ct_filter filter;
static struct ct_notify notify;

static rl_err prepare(const char *calls)
{
	const struct oci_config *c =
		config_of("{'ociVersion':'1.0.2','root':{'path':'r'},'linux':{'seccomp':{"
			  "'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'%s',"
			  "'syscalls':[{'names':[%s],'action':'SCMP_ACT_NOTIFY'}]}}}",
			  path, calls);
	struct plan_warnings w = { 0 };
	struct plan_seccomp s;

	RL_TRY(plan_seccomp_make(&fixture_arena, c, NULL, &w, &s));
	return ct_filter_prepare(&fixture_arena, &s, NULL, &filter);
}

static int load_and_ask(void)
{
	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	EXPECT_OK(ct_filter_load(&filter, &notify));
	EXPECT(mkdir("/tmp/never", 0700) == -1 && errno == EXDEV);
	EXPECT(getpid() > 0);
	/* The helper is gone and waited for. */
	EXPECT(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return 0;
}

static void ask(const char *calls, int least_answers)
{
	struct rl_fd RL_AUTO_FD connection = { 0 };
	int server = listen_here(), listener, status, answered;
	pid_t pid;

	CHECK_OK(prepare(calls));
	CHECK_OK(ct_notify_connect(path, &connection));
	CHECK_OK(ct_notify_message(&fixture_arena, "1.2.0", 4711, "meta \"data\"",
				   "{\"id\": \"c1\", \"status\": \"creating\"}", &notify));
	notify.socket_fd = rl_fd_get(&connection);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int r = load_and_ask();

		fflush(stdout);
		_exit(r);
	}
	rl_fd_close(&connection);
	listener = take_listener(server);
	close(server);
	unlink(path);
	CHECK(listener >= 0);
	CHECK_STR(received, "{\"ociVersion\":\"1.2.0\",\"fds\":[\"seccompFd\"],\"pid\":4711,"
			    "\"metadata\":\"meta \\\"data\\\"\","
			    "\"state\":{\"id\":\"c1\",\"status\":\"creating\"}}");
	answered = serve(listener);
	close(listener);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(WEXITSTATUS(status), 0);
	CHECK(WIFEXITED(status));
	CHECK(answered >= least_answers);
}

TEST(agent_gets_the_listener_and_answers)
{
	ask("'mkdir'", 1);
}

/* Even the calls of the hand-over itself may be the agent's, but for write. */
TEST(calls_of_the_hand_over_may_be_notified)
{
	ask("'mkdir','wait4','waitid','close','sendmsg','read','recvmsg','getpid'", 3);
}

static int load_with_dead_agent(void)
{
	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	EXPECT_FAILS(ct_filter_load(&filter, &notify), EPIPE,
		     "hand the seccomp listener to its agent");
	return 0;
}

TEST(agent_that_dies_is_an_error)
{
	struct rl_fd RL_AUTO_FD connection = { 0 };
	int server = listen_here();

	CHECK_OK(prepare("'mkdir'"));
	CHECK_OK(ct_notify_connect(path, &connection));
	CHECK_OK(ct_notify_message(&fixture_arena, "1.2.0", 1, NULL, "{}", &notify));
	notify.socket_fd = rl_fd_get(&connection);
	close(accept(server, NULL, NULL));
	CHECK_CHILD(load_with_dead_agent);
	close(server);
	unlink(path);
}

TEST(agent_that_is_not_there_is_an_error)
{
	struct rl_fd RL_AUTO_FD connection = { 0 };
	char longer[200];

	close(listen_here());
	CHECK_FAILS(ct_notify_connect(path, &connection), ECONNREFUSED,
		    "connect to the seccomp agent");
	unlink(path);
	CHECK_FAILS(ct_notify_connect(path, &connection), ENOENT, "connect to the seccomp agent");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	CHECK_FAILS(ct_notify_connect(longer, &connection), ENAMETOOLONG, "listenerPath");
	CHECK_OK(prepare("'mkdir'"));
	CHECK_FAILS(ct_filter_load(&filter, NULL), ENOTCONN, "no agent");
}

static int load_fails(void)
{
	filter.flags |= 1u << 30;
	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	EXPECT_FAILS(ct_filter_load(&filter, &notify), EINVAL, "load the seccomp filter");
	EXPECT(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return 0;
}

TEST(a_filter_that_does_not_load_leaves_no_helper)
{
	struct rl_fd RL_AUTO_FD connection = { 0 };
	int server = listen_here();

	CHECK_OK(prepare("'mkdir'"));
	CHECK_OK(ct_notify_connect(path, &connection));
	CHECK_OK(ct_notify_message(&fixture_arena, "1.2.0", 1, NULL, "{}", &notify));
	notify.socket_fd = rl_fd_get(&connection);
	CHECK_CHILD(load_fails);
	close(server);
	unlink(path);
}

RUN_TESTS()
