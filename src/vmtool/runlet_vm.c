/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runlet-vm: run a command in a virtual machine whose root is a directory. Knows the library by
 * its public header only, so it is an example of its use, too. What reaches into a machine that
 * runs already is in agent_cmd.c.
 */
#include "agent_cmd.h"
#include "handlers/agent.h"
#include "libkrun.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define EXIT_VM 125

static const char usage[] =
	"usage: runlet-vm [OPTION...] [ROOT] [-- CMD [ARG...]]\n"
	"       runlet-vm exec|ps|kill|stop SOCKET ...   (see runlet-vm exec)\n"
	"Runs CMD in a virtual machine with the directory ROOT as its root, and ends with its\n"
	"exit status. Without CMD: what ROOT/.krun_config.json says, or /bin/sh.\n"
	"\n"
	"  -c, --cpus N            vCPUs (1)\n"
	"  -m, --memory MIB        RAM (512)\n"
	"  -e, --env NAME=VALUE    a variable for CMD; once one is given, only these\n"
	"  -w, --workdir DIR       in the guest\n"
	"  -v, --volume TAG=DIR    one more directory, to be mounted by its tag (TAG=DIR:ro)\n"
	"      --net KIND=PATH[:dhcp]  eth0, eth1 ...: KIND is stream (a socket of passt), dgram "
	"(of\n"
	"                          gvproxy) or tap (PATH: the device); dhcp: configured by init\n"
	"      --agent-socket PATH a unix socket for runlet-vm exec, ps, kill and stop\n"
	"      --vsock PORT=PATH   who connects to PORT of the host reaches the unix socket PATH;\n"
	"                          PORT=PATH:listen: the other way round\n"
	"  -d, --disk FILE         a raw disk image, /dev/vda and so on (FILE:ro)\n"
	"      --root-disk DEV     the root is a file system on a disk, e.g. /dev/vda1\n"
	"  -k, --kernel FILE       bzImage or vmlinux; default: the one the library finds\n"
	"      --kernel-format N   KRUN_KERNEL_FORMAT_* (0)\n"
	"      --initramfs FILE    of your own\n"
	"      --append WORDS      the whole kernel command line\n"
	"      --firmware FILE     boot this instead of a kernel\n"
	"      --serial            a serial port on stdin and stdout instead of the console\n"
	"      --console FILE      the console writes to FILE\n"
	"      --split-irqchip     IOAPIC in user space\n"
	"      --nested            show VMX or SVM\n"
	"      --unconfined        keep system calls and files that a running machine does not "
	"need\n"
	"      --log LEVEL         0 (off) to 5 (trace)\n";

enum {
	OPT_ROOT_DISK = 256,
	OPT_VSOCK,
	OPT_AGENT,
	OPT_NET,
	OPT_FORMAT,
	OPT_INITRAMFS,
	OPT_APPEND,
	OPT_FIRMWARE,
	OPT_SERIAL,
	OPT_CONSOLE,
	OPT_SPLIT,
	OPT_NESTED,
	OPT_UNCONFINED,
	OPT_LOG
};

static const struct option options[] = {
	{ "cpus", required_argument, NULL, 'c' },
	{ "memory", required_argument, NULL, 'm' },
	{ "env", required_argument, NULL, 'e' },
	{ "workdir", required_argument, NULL, 'w' },
	{ "volume", required_argument, NULL, 'v' },
	{ "vsock", required_argument, NULL, OPT_VSOCK },
	{ "net", required_argument, NULL, OPT_NET },
	{ "agent-socket", required_argument, NULL, OPT_AGENT },
	{ "disk", required_argument, NULL, 'd' },
	{ "root-disk", required_argument, NULL, OPT_ROOT_DISK },
	{ "kernel", required_argument, NULL, 'k' },
	{ "kernel-format", required_argument, NULL, OPT_FORMAT },
	{ "initramfs", required_argument, NULL, OPT_INITRAMFS },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "firmware", required_argument, NULL, OPT_FIRMWARE },
	{ "serial", no_argument, NULL, OPT_SERIAL },
	{ "console", required_argument, NULL, OPT_CONSOLE },
	{ "split-irqchip", no_argument, NULL, OPT_SPLIT },
	{ "nested", no_argument, NULL, OPT_NESTED },
	{ "unconfined", no_argument, NULL, OPT_UNCONFINED },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct request {
	uint32_t ctx;
	unsigned cpus, memory, kernel_format;
	const char *kernel, *initramfs, *append, *root_disk;
	const char *env[256];
	unsigned env_count, disk_count, net_count;
};

/* The one place where a call's failure is looked at: says why and ends. */
static void must(uint32_t ctx, int32_t result)
{
	char text[2048];

	if (result >= 0)
		return;
	if (krun_get_last_error(ctx, text, sizeof(text)) <= 0)
		(void)snprintf(text, sizeof(text), "%s", strerror(-result));
	(void)fprintf(stderr, "runlet-vm: %s\n", text);
	exit(EXIT_VM);
}

static unsigned number(const char *text, unsigned max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n > max) {
		(void)fprintf(stderr, "runlet-vm: \"%s\" is not a number up to %u\n", text, max);
		exit(EXIT_USAGE);
	}
	return (unsigned)n;
}

/* Cuts a final `tail` off. */
static bool ends_in(char *text, const char *tail)
{
	size_t len = strlen(text), n = strlen(tail);

	if (len < n || strcmp(text + len - n, tail) != 0)
		return false;
	text[len - n] = '\0';
	return true;
}

static bool read_only(char *text)
{
	return ends_in(text, ":ro");
}

static void add_volume(uint32_t ctx, char *text)
{
	char *path = strchr(text, '=');
	bool ro = read_only(text);

	if (path == NULL) {
		(void)fprintf(stderr, "runlet-vm: \"%s\" is not TAG=DIR\n", text);
		exit(EXIT_USAGE);
	}
	*path++ = '\0';
	must(ctx, krun_add_virtiofs3(ctx, text, path, 0, ro));
}

static void add_vsock(uint32_t ctx, char *text)
{
	bool listens = ends_in(text, ":listen");
	char *path = strchr(text, '=');

	if (path == NULL) {
		(void)fprintf(stderr, "runlet-vm: \"%s\" is not PORT=PATH\n", text);
		exit(EXIT_USAGE);
	}
	*path++ = '\0';
	must(ctx, krun_add_vsock_port2(ctx, number(text, UINT32_MAX), path, listens));
}

static void add_disk(struct request *r, char *text)
{
	char id[20];
	bool ro = read_only(text);

	(void)snprintf(id, sizeof(id), "disk%u", r->disk_count++);
	must(r->ctx, krun_add_disk(r->ctx, id, text, ro));
}

static void add_net(struct request *r, char *text)
{
	/* Locally administered. */
	uint8_t mac[6] = { 0x5a, 0x94, 0xef, 0xe4, 0x0c, (uint8_t)(0xee + r->net_count++) };
	const uint32_t tap = NET_FEATURE_CSUM | NET_FEATURE_GUEST_CSUM | NET_FEATURE_GUEST_TSO4 |
			     NET_FEATURE_GUEST_TSO6 | NET_FEATURE_HOST_TSO4 | NET_FEATURE_HOST_TSO6;
	uint32_t flags = ends_in(text, ":dhcp") ? NET_FLAG_DHCP_CLIENT : 0;
	char *path = strchr(text, '=');

	if (path)
		*path++ = '\0';
	if (path && strcmp(text, "stream") == 0) {
		must(r->ctx,
		     krun_add_net_unixstream(r->ctx, path, -1, mac, COMPAT_NET_FEATURES, flags));
	} else if (path && strcmp(text, "dgram") == 0) {
		must(r->ctx, krun_add_net_unixgram(r->ctx, path, -1, mac, COMPAT_NET_FEATURES,
						   flags | NET_FLAG_VFKIT));
	} else if (path && strcmp(text, "tap") == 0) {
		must(r->ctx, krun_add_net_tap(r->ctx, path, mac, tap, flags));
	} else {
		(void)fprintf(stderr, "runlet-vm: \"%s\" is not stream, dgram or tap=PATH\n", text);
		exit(EXIT_USAGE);
	}
}

static void add_env(struct request *r, const char *text)
{
	if (r->env_count + 1 == sizeof(r->env) / sizeof(r->env[0])) {
		(void)fprintf(stderr, "runlet-vm: too many variables\n");
		exit(EXIT_USAGE);
	}
	r->env[r->env_count++] = text;
}

static void use_serial(uint32_t ctx)
{
	must(ctx, krun_disable_implicit_console(ctx));
	must(ctx, krun_add_serial_console_default(ctx, STDIN_FILENO, STDOUT_FILENO));
	must(ctx, krun_set_kernel_console(ctx, "ttyS0"));
}

static void take_option(struct request *r, int option, char *value)
{
	uint32_t ctx = r->ctx;

	switch (option) {
	case 'c':
		r->cpus = number(value, 255);
		break;
	case 'm':
		r->memory = number(value, UINT32_MAX);
		break;
	case 'e':
		add_env(r, value);
		break;
	case 'w':
		must(ctx, krun_set_workdir(ctx, value));
		break;
	case 'v':
		add_volume(ctx, value);
		break;
	case OPT_VSOCK:
		add_vsock(ctx, value);
		break;
	case OPT_NET:
		add_net(r, value);
		break;
	case OPT_AGENT:
		must(ctx, krun_add_vsock_port2(ctx, HDL_AGENT_PORT, value, true));
		break;
	case 'd':
		add_disk(r, value);
		break;
	case OPT_ROOT_DISK:
		r->root_disk = value;
		break;
	case 'k':
		r->kernel = value;
		break;
	case OPT_FORMAT:
		r->kernel_format = number(value, UINT32_MAX);
		break;
	case OPT_INITRAMFS:
		r->initramfs = value;
		break;
	case OPT_APPEND:
		r->append = value;
		break;
	case OPT_FIRMWARE:
		must(ctx, krun_set_firmware(ctx, value));
		break;
	case OPT_SERIAL:
		use_serial(ctx);
		break;
	case OPT_CONSOLE:
		must(ctx, krun_set_console_output(ctx, value));
		break;
	case OPT_SPLIT:
		must(ctx, krun_split_irqchip(ctx, true));
		break;
	case OPT_NESTED:
		must(ctx, krun_set_nested_virt(ctx, true));
		break;
	case OPT_UNCONFINED:
		must(ctx, krun_set_confinement(ctx, 0));
		break;
	case OPT_LOG:
		must(ctx, krun_set_log_level(number(value, 5)));
		break;
	case 'h':
		(void)fputs(usage, stdout);
		exit(0);
	default:
		(void)fputs(usage, stderr);
		exit(EXIT_USAGE);
	}
}

int main(int argc, char **argv)
{
	int status = agent_command(argc, argv);
	struct request r = { .cpus = 1, .memory = 512 };
	const char *root = NULL;
	int32_t ctx;
	int option;

	if (status >= 0)
		return status;
	ctx = krun_create_ctx();
	must(KRUN_LAST_ERROR_ANY, ctx);
	r.ctx = (uint32_t)ctx;
	must(r.ctx, krun_set_confinement(r.ctx, KRUN_CONFINE_CALLS | KRUN_CONFINE_FILES));
	while ((option = getopt_long(argc, argv, "+c:m:e:w:v:d:k:h", options, NULL)) != -1)
		take_option(&r, option, optarg);
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0)
		root = argv[optind++];
	if (root && optind < argc && strcmp(argv[optind], "--") == 0)
		optind++;

	must(r.ctx, krun_set_vm_config(r.ctx, (uint8_t)r.cpus, r.memory));
	if (r.kernel)
		must(r.ctx,
		     krun_set_kernel(r.ctx, r.kernel, r.kernel_format, r.initramfs, r.append));
	if (root)
		must(r.ctx, krun_set_root(r.ctx, root));
	if (r.root_disk)
		must(r.ctx, krun_set_root_disk_remount(r.ctx, r.root_disk, NULL, NULL));
	if (optind < argc)
		must(r.ctx,
		     krun_set_exec(r.ctx, argv[optind], (const char *const *)argv + optind + 1,
				   r.env_count ? r.env : NULL));
	else if (r.env_count)
		must(r.ctx, krun_set_env(r.ctx, r.env));
	/* Comes back only if the machine could not be started, and has said why by then. */
	(void)krun_start_enter(r.ctx);
	return EXIT_VM;
}
