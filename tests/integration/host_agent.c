// SPDX-License-Identifier: Apache-2.0
//
// The other end of SECCOMP_RET_USER_NOTIF: receives the descriptor and answers the calls.

#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE 1
#endif

static void answer_all(int listener, int error)
{
	struct pollfd ready = { .fd = listener, .events = POLLIN };
	struct seccomp_notif call;

	while (poll(&ready, 1, 10000) > 0 && (ready.revents & POLLIN)) {
		memset(&call, 0, sizeof call);
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0)
			continue;
		struct seccomp_notif_resp answer = {
			.id = call.id,
			.error = -error,
			.flags = error == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0,
		};
		printf("agent.call=%d\n", call.data.nr);
		fflush(stdout);
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

// agent SOCKET ERRNO: answers every call with this error, or lets it go on when ERRNO is 0.
int host_agent(int argc, char **argv)
{
	char state[65536];
	int listener;

	if (argc < 2)
		return 64;
	int connection = accept4(host_socket(argv[0], SOCK_STREAM), NULL, NULL, SOCK_CLOEXEC);
	if (connection < 0 || host_receive(connection, state, sizeof state, &listener) < 0)
		return 70;
	for (char *line = strchr(state, '\n'); line != NULL; line = strchr(line, '\n'))
		*line = ' ';
	printf("agent.state=%s\nagent.fd=%d\n", state, listener >= 0);
	struct pollfd end = { .fd = connection, .events = POLLIN };
	printf("agent.closed=%d\n", poll(&end, 1, 1000) == 1 && (end.revents & POLLHUP) != 0);
	fflush(stdout);
	if (listener >= 0)
		answer_all(listener, atoi(argv[1]));
	return 0;
}
