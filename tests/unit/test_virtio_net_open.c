/* SPDX-License-Identifier: Apache-2.0 */
/* What a network device is connected to: sockets by name, tap devices, and what is refused. */
#include "net_fixture.h"

static int listener(const char *path, int type)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    (type == SOCK_STREAM && listen(fd, 1) != 0))
		return -1;
	return fd;
}

TEST(by_path)
{
	char dir[] = "/tmp/net.XXXXXX", stream[64], dgram[64], local[128];
	struct vmm_net_config c = plain;
	struct sockaddr_un from;
	socklen_t len = sizeof(from);
	int s, d;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(stream, sizeof(stream), "%s/s", dir);
	snprintf(dgram, sizeof(dgram), "%s/d", dir);
	s = listener(stream, SOCK_STREAM);
	d = listener(dgram, SOCK_DGRAM);
	env = (struct vmm_virtio_env){ .loop = fake_loop_new() };
	c.path = stream;
	CHECK_OK(vmm_net_new(&env, &c, &dev));
	dev->ops->free(dev);
	c.kind = VMM_NET_DGRAM;
	c.path = dgram;
	c.vfkit = true;
	CHECK_OK(vmm_net_new(&env, &c, &dev));
	/* It has an address, so that it can be answered, and takes it away. */
	CHECK_INT(recvfrom(d, got, sizeof(got), 0, (struct sockaddr *)&from, &len), 4);
	snprintf(local, sizeof(local), "%s", from.sun_path);
	CHECK(strncmp(local, "/tmp/krun-net-", 14) == 0 && access(local, F_OK) == 0);
	dev->ops->free(dev);
	CHECK(access(local, F_OK) != 0);
	close(s);
	close(d);
	CHECK_FAILS(vmm_net_new(&env, &c, &dev), ECONNREFUSED, "connect to /tmp/net.");
	unlink(stream);
	unlink(dgram);
	CHECK_FAILS(vmm_net_new(&env, &c, &dev), ENOENT, "connect to /tmp/net.");
	rmdir(dir);
	fake_loop_free(env.loop);
}

TEST(what_cannot_be_opened)
{
	char long_path[200];
	struct vmm_net_config c = plain;
	int file = open("/dev/null", O_RDWR | O_CLOEXEC);
	int pair[2];

	env = (struct vmm_virtio_env){ .loop = fake_loop_new() };
	CHECK_INT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
	memset(long_path, 'p', sizeof(long_path));
	long_path[199] = '\0';
	c.path = long_path;
	CHECK_FAILS(vmm_net_new(&env, &c, &dev), ENAMETOOLONG, "199 bytes");
	c.path = NULL;
	c.fd = file;
	CHECK_FAILS(vmm_net_new(&env, &c, &dev), ENOTSOCK, "descriptor");
	c.fd = 9999;
	CHECK_FAILS(vmm_net_new(&env, &c, &dev), EBADF, "descriptor 9999");
	c.fd = pair[0];
	CHECK_FAILS(vmm_net_new(&env, &c, &dev), EPROTOTYPE, "no socket of a stream");
	c.kind = VMM_NET_TAP;
	c.path = "no-such-tap";
	CHECK_FAILS(vmm_net_new(&env, &c, &dev), ENODEV, "tap device no-such-tap");
	c.path = "a-name-that-is-too-long";
	CHECK_FAILS(vmm_net_new(&env, &c, &dev), EINVAL, "is no name of an interface");
	c.path = "";
	CHECK_FAILS(vmm_net_new(&env, &c, &dev), EINVAL, "is no name of an interface");
	c.path = NULL;
	c.fd = 9999;
	CHECK_FAILS(vmm_net_new(&env, &c, &dev), EBADF, "tap device: descriptor 9999");
	c.fd = file;
	CHECK_FAILS(vmm_net_new(&env, &c, &dev), EBADFD, "is no attached tap device");
	close(file);
	close(pair[0]);
	close(pair[1]);
	fake_loop_free(env.loop);
}

/* A tap device of a network namespace of our own, and what is on its other side. -1: no right. */
static int make_tap(int mode)
{
	struct ifreq r = { .ifr_name = "tap0", .ifr_flags = (short)mode };
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(0x88b5) };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0)
		return -1;
	proxy = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, at.sll_protocol);
	if (proxy < 0 || ioctl(proxy, SIOCGIFINDEX, &r) < 0)
		return -1;
	at.sll_ifindex = r.ifr_ifindex;
	r.ifr_flags = IFF_UP;
	if (ioctl(proxy, SIOCSIFFLAGS, &r) < 0 ||
	    bind(proxy, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -1;
	return fd;
}

static int an_attached_tap(void)
{
	struct vmm_net_config c = plain;
	uint8_t frame[100];
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		return SKIPPED;
	fd = make_tap(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
	if (fd < 0)
		return SKIPPED;
	c.kind = VMM_NET_TAP;
	EXPECT(start_on(c, fd, MERGEABLE, SLOTS));
	memset(frame, 0xff, sizeof(frame));
	frame[12] = 0x88; /* for experiments: nobody else speaks it */
	frame[13] = 0xb5;
	EXPECT(send_frame(frame, sizeof(frame)));
	EXPECT(recv(proxy, got, sizeof(got), 0) == sizeof(frame));
	EXPECT(memcmp(got, frame, sizeof(frame)) == 0);
	frame[20] = 1;
	EXPECT(send(proxy, frame, sizeof(frame), 0) == sizeof(frame));
	EXPECT(fake_loop_settle(env.loop));
	/* What the kernel says on a new interface comes first. */
	for (int i = 0; i < SLOTS && guest_gets() >= 0; i++)
		if (memcmp(got, frame, sizeof(frame)) == 0)
			return 0;
	EXPECT(!"the frame came");
}

TEST(a_tap_device_by_its_descriptor)
{
	CHECK_CHILD(an_attached_tap);
}

static int a_tap_without_header(void)
{
	struct vmm_net_config c = plain;

	if (unshare(CLONE_NEWNET) < 0)
		return SKIPPED;
	env = (struct vmm_virtio_env){ .loop = fake_loop_new() };
	c.kind = VMM_NET_TAP;
	c.fd = make_tap(IFF_TAP | IFF_NO_PI);
	if (c.fd < 0)
		return SKIPPED;
	EXPECT_FAILS(vmm_net_new(&env, &c, &dev), EBADFD,
		     "tap device tap0: needs IFF_NO_PI and IFF_VNET_HDR");
	return 0;
}

TEST(a_tap_device_of_another_kind)
{
	CHECK_CHILD(a_tap_without_header);
}

/* What rests on an offload that is not asked for is not offered. */

RUN_TESTS()
