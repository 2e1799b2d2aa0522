/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/net.h"

#include "base/fd.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Any socket will do for the ioctl; a datagram one of AF_UNIX exists in every kernel. */
rl_err lx_net_loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct rl_fd RL_AUTO_FD fd = { 0 };

	RL_TRY(rl_fd_from(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), &fd,
			  "make a socket to bring lo up"));
	return rl_sys(ioctl(rl_fd_get(&fd), SIOCSIFFLAGS, &request), "bring lo up");
}
