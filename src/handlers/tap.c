/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/tap.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define DEVICE "/dev/net/tun"
#define MODE (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)

/* dev_valid_name() of the kernel, without its names for patterns. */
bool tap_name_is_valid(const char *name)
{
	return *name != '\0' && strlen(name) < IFNAMSIZ && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && strpbrk(name, "/:% \t\n\v\f\r") == NULL;
}

/* TUNSETIFF would make one of this name. */
static rl_err check_exists(const char *name)
{
	struct ifreq r = { 0 };
	struct rl_fd RL_AUTO_FD fd = { 0 };

	memcpy(r.ifr_name, name, strlen(name));
	RL_TRY(rl_fd_from(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), &fd, "make a socket"));
	return rl_sys(ioctl(rl_fd_get(&fd), SIOCGIFINDEX, &r), "tap device %s", name);
}

static rl_err bring_up(const char name[static IFNAMSIZ])
{
	struct ifreq r = { .ifr_flags = IFF_UP };
	struct rl_fd RL_AUTO_FD fd = { 0 };

	memcpy(r.ifr_name, name, IFNAMSIZ);
	RL_TRY(rl_fd_from(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), &fd, "make a socket"));
	return rl_sys(ioctl(rl_fd_get(&fd), SIOCSIFFLAGS, &r), "bring the tap device up");
}

rl_err tap_attach(const char *name, struct rl_fd *ret_tap)
{
	struct ifreq r = { .ifr_name = "tap%d", .ifr_flags = MODE };
	struct rl_fd RL_AUTO_FD fd = { 0 };

	if (name != NULL) {
		RL_TRY(check_exists(name));
		memset(r.ifr_name, 0, sizeof(r.ifr_name));
		memcpy(r.ifr_name, name, strlen(name));
	}
	RL_TRY(rl_hint(
		rl_fd_from(open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC), &fd, "open " DEVICE),
		"the kernel's module is tun"));
	if (ioctl(rl_fd_get(&fd), TUNSETIFF, &r) < 0)
		return name != NULL ? rl_sys(-1, "attach to the tap device %s", name)
				    : rl_sys(-1, "make a tap device");
	if (name == NULL)
		RL_TRY(bring_up(r.ifr_name));
	*ret_tap = rl_fd_own(rl_fd_take(&fd));
	return RL_OK;
}
