/* SPDX-License-Identifier: Apache-2.0 */
/* What init makes of its configuration: the blob, options of mounts, JSON. */
#include "test.h"

#include "guest/config.h"
#include "guest/container.h"
#include "guest/device.h"
#include "guest/fail.h"
#include "guest/json.h"
#include "guest/mounts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mount.h>

/* Failing ends the machine; here it comes back with the text. */
static jmp_buf failed;
static char why[GST_TEXT_MAX];

_Noreturn void gst_refuse(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	longjmp(failed, 1);
}

_Noreturn void gst_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	longjmp(failed, 1);
}

void gst_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
}

void *gst_alloc(uint64_t count, uint64_t size)
{
	return calloc(count ? count : 1, size ? size : 1);
}

/* Init never gives its configuration's memory back: the process lives as long as the machine. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* ---- The blob -----------------------------------------------------------------------------------
 */

static uint8_t blob[8192];
static uint32_t used;

static void begin(void)
{
	struct gst_header h = { .magic = GST_MAGIC };

	gst_put32(h.version, GST_VERSION);
	memset(blob, 0, sizeof(blob));
	memcpy(blob, &h, sizeof(h));
	used = sizeof(h);
}

static void add(unsigned type, const void *bytes, uint32_t len)
{
	struct gst_record r = { 0 };

	gst_put16(r.type, (uint16_t)type);
	gst_put32(r.length, len);
	memcpy(blob + used, &r, sizeof(r));
	memcpy(blob + used + sizeof(r), bytes, len);
	used += (uint32_t)sizeof(r) + ((len + 7) & ~7u);
}

static const char *parse(struct gst_config *c)
{
	gst_put32(((struct gst_header *)(void *)blob)->size, used);
	return gst_config_parse(blob, used, c);
}

#define ADD_TEXT(type, text) add((type), (text), sizeof(text))

TEST(blob_with_everything)
{
	struct gst_config c;
	struct gst_rlimit limit = { .resource = { 7 }, .soft = { 1 }, .hard = { 0xff, 0xff } };
	struct gst_user user = { .uid = { 0xe8, 3 }, .gid = { 100 }, .umask = { 63 } };
	struct gst_caps caps = { .bounding = { 0x20 }, .ambient = { 0, 0, 0, 0, 1 } };
	struct gst_net net = { .mac = { 2, 0, 0, 0, 0, 1 }, .mtu = { 0xdc, 5 }, .flags = { 1 } };
	uint8_t bytes[64];

	begin();
	ADD_TEXT(GST_EXEC, "/bin/sh");
	ADD_TEXT(GST_ARG, "sh");
	ADD_TEXT(GST_ARG, "");
	ADD_TEXT(GST_ARG, "x y");
	ADD_TEXT(GST_ENV, "A=1");
	ADD_TEXT(GST_CWD, "/w");
	add(GST_USER, &user, sizeof(user));
	add(GST_GROUPS, "\5\0\0\0\6\0\0\0", 8);
	add(GST_CAPS, &caps, sizeof(caps));
	add(GST_RLIMIT, &limit, sizeof(limit));
	add(GST_FLAGS, "\3\0\0\0", 4);
	add(GST_OOM_SCORE, "\xff\xff\xff\xff", 4);
	add(GST_TERMINAL, "\x18\0\x50\0", 4);
	ADD_TEXT(GST_HOSTNAME, "box");
	ADD_TEXT(GST_SYSCTL, "a.b\0"
			     "1");
	add(GST_ROOT, "\2\0\0\0/dev/vda\0ext4\0ro", 4 + 9 + 5 + 3);
	ADD_TEXT(GST_MOUNT, "tmpfs\0/t\0tmpfs\0size=1m");
	memcpy(bytes, &net, sizeof(net));
	memcpy(bytes + sizeof(net), "10.0.0.2/24\0\0001.1.1.1", 21);
	add(GST_NET, bytes, sizeof(net) + 21);
	add(GST_OPTIONAL | 999, "?", 1);
	CHECK(parse(&c) == NULL);
	CHECK_STR(c.exec, "/bin/sh");
	CHECK_INT(c.args.count, 3);
	CHECK_STR(c.args.item[1], "");
	CHECK_STR(c.args.item[2], "x y");
	CHECK(c.args.item[3] == NULL);
	CHECK_STR(c.env.item[0], "A=1");
	CHECK_INT(c.uid, 1000);
	CHECK_INT(c.umask, 63);
	CHECK_INT(c.group_count, 2);
	CHECK_INT(c.groups[1], 6);
	CHECK(c.caps[GST_BOUNDING] == 0x20 && c.caps[GST_AMBIENT] == 1ull << 32);
	CHECK_INT(c.limits->resource, 7);
	CHECK_INT(c.limits->hard, 0xffff);
	CHECK_INT(c.flags, GST_F_NO_NEW_PRIVS | GST_F_TERMINAL);
	CHECK_INT(c.oom_score, -1);
	CHECK_INT(c.columns, 80);
	CHECK_STR(c.sysctls.item[1], "1");
	CHECK_INT(c.root, GST_ROOT_BLOCK);
	CHECK_STR(c.root_options, "ro");
	CHECK_STR(c.mounts->options, "size=1m");
	CHECK_INT(c.interfaces->mtu, 1500);
	CHECK_STR(c.interfaces->address, "10.0.0.2/24");
	CHECK_STR(c.interfaces->gateway, "");
	CHECK_STR(c.interfaces->dns.item[0], "1.1.1.1");
	CHECK(c.interfaces->dhcp);
}

TEST(malformed_blobs)
{
	struct gst_config c;

	CHECK_STR(gst_config_parse(blob, 3, &c), "it is no configuration");
	begin();
	blob[8] = 2;
	CHECK_STR(parse(&c), "it is of another version");
	begin();
	CHECK(parse(&c) == NULL);
	CHECK_STR(gst_config_parse(blob, used + 8, &c), "it is cut short");
	begin();
	add(GST_ARG, "abc", 3); /* no NUL */
	CHECK_STR(parse(&c), "a string without its end");
	begin();
	add(GST_ARG, "a\0b", 4); /* a NUL inside */
	CHECK_STR(parse(&c), "a string without its end");
	begin();
	add(GST_FLAGS, "\1", 1);
	CHECK_STR(parse(&c), "a number of the wrong size");
	begin();
	add(GST_GROUPS, "12345", 5);
	CHECK_STR(parse(&c), "a list of groups of the wrong size");
	begin();
	add(GST_ROOT, "\7\0\0\0\0\0\0", 7);
	CHECK_STR(parse(&c), "a root of an unknown kind");
	begin();
	add(GST_ROOT, "\1\0\0\0x", 6);
	CHECK_STR(parse(&c), "a root cut short");
	begin();
	add(GST_MOUNT, "a\0b\0c", 6);
	CHECK_STR(parse(&c), "a mount cut short");
	begin();
	add(999, "?", 1);
	CHECK_STR(parse(&c), "a record of a type that this init does not know");
	begin();
	add(GST_ARG, "abc", 4);
	gst_put32(blob + sizeof(struct gst_header) + 4, 4000); /* longer than the blob */
	CHECK_STR(parse(&c), "a record is cut short");
	gst_put32(blob + sizeof(struct gst_header) + 4, 0xffffffff);
	CHECK_STR(parse(&c), "a record is cut short");
}

/* Every prefix and every flipped byte: an answer, and (with ASan) nothing read beyond. */
TEST(damaged_blobs)
{
	struct gst_config c;

	begin();
	ADD_TEXT(GST_ARG, "argument");
	ADD_TEXT(GST_MOUNT, "a\0b\0c\0d");
	add(GST_NET,
	    "\0\0\0\0\0\0\0\0\0\0\0\0"
	    "a\0b\0c",
	    18);
	CHECK(parse(&c) == NULL);
	for (uint32_t n = 0; n <= used; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, blob, n);
		if (n >= sizeof(struct gst_header))
			gst_put32(((struct gst_header *)(void *)copy)->size, n);
		(void)gst_config_parse(copy, n, &c);
		free(copy);
	}
	for (uint32_t n = 0; n < used; n++) {
		uint8_t *copy = malloc(used);

		for (int bit = 0; bit < 8; bit++) {
			memcpy(copy, blob, used);
			copy[n] ^= (uint8_t)(1 << bit);
			(void)gst_config_parse(copy, used, &c);
		}
		free(copy);
	}
}

/* ---- Options ------------------------------------------------------------------------------------
 */

TEST(mount_options)
{
	struct gst_options o = gst_options_parse("ro,nosuid,size=64k,,nodev,mode=1777,rw,rslave");

	CHECK_INT(o.set, MS_NOSUID | MS_NODEV);
	CHECK_STR(o.data, "size=64k,mode=1777");
	CHECK_INT(o.propagation, MS_SLAVE | MS_REC);
	o = gst_options_parse("rbind,ro");
	CHECK(o.recursive);
	CHECK_INT(o.set, MS_BIND | MS_REC | MS_RDONLY);
	o = gst_options_parse("");
	CHECK_INT(o.set, 0);
	CHECK_STR(o.data, "");
	o = gst_options_parse("rox,noatimes");
	CHECK_STR(o.data, "rox,noatimes");
}

/* ---- JSON ---------------------------------------------------------------------------------------
 */

static const char *json_error(const char *text)
{
	const char *reason;
	unsigned line;
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1); /* without a NUL: nothing may look for it */
	const struct gst_json *root;

	memcpy(copy, text, len);
	root = gst_json_parse(copy, len, &reason, &line);
	free(copy);
	return root ? NULL : reason;
}

TEST(json)
{
	char text[] = "{ \"a\": [1, -2.5e3, true, false, null], \"s\": "
		      "\"q\\\"\\u00e9\\ud83d\\ude00\\n\" }";
	const struct gst_json *root, *a;
	const char *reason;
	unsigned line;

	root = gst_json_parse(text, strlen(text), &reason, &line);
	CHECK(root != NULL);
	a = gst_json_get(root, "a");
	CHECK_STR(a->first->text, "1");
	CHECK_STR(a->first->next->text, "-2.5e3");
	CHECK(a->first->next->next->boolean);
	CHECK_STR(gst_json_get(root, "s")->text, "q\"\xc3\xa9\xf0\x9f\x98\x80\n");
	CHECK(gst_json_get(root, "b") == NULL);
	CHECK(gst_json_get(NULL, "b") == NULL);
	CHECK(json_error("[]") == NULL);
	CHECK(json_error(" {} ") == NULL);
}

TEST(broken_json)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "something that is no value" },
		{ "{", "a member without a name" },
		{ "{\"a\"", "a name without a colon" },
		{ "{\"a\":1", "an object without its end" },
		{ "[1,", "something that is no value" },
		{ "[1 2]", "an array without its end" },
		{ "\"abc", "a string without its end" },
		{ "\"a\\", "a string without its end" },
		{ "\"\\x\"", "an unknown escape" },
		{ "\"\\u12\"", "an escape that no string here can hold" },
		{ "\"\\u0000\"", "an escape that no string here can hold" },
		{ "\"\\ud800\"", "an escape that no string here can hold" },
		{ "\"\\ud800\\u0041\"", "half of a surrogate pair" },
		{ "\"a\nb\"", "a control character in a string" },
		{ "{} x", "more text behind the end" },
		{ "nul", "something that is no value" },
	};
	char deep[100];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_STR(json_error(cases[i].text), cases[i].want);
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	CHECK_STR(json_error(deep), "too many levels");
}

/* ---- Containers ---------------------------------------------------------------------------------
 */

static bool apply(struct gst_config *c, const char *text)
{
	why[0] = '\0';
	if (setjmp(failed) != 0)
		return false;
	gst_container_apply(c, "f", strdup(text), strlen(text));
	return true;
}

TEST(oci_process)
{
	struct gst_config c;

	gst_config_defaults(&c);
	gst_strings_add(&c.env, "PATH=/host");
	gst_strings_add(&c.env, "HOME=/host");
	CHECK(apply(&c,
		    "{\"process\":{\"args\":[\"a\",\"b\"],\"cwd\":\"/w\",\"env\":[\"PATH=/"
		    "box\",\"HOME=/box\",\"X=1\"],"
		    "\"user\":{\"uid\":1,\"gid\":2,\"umask\":18,\"additionalGids\":[3]},"
		    "\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_CHECKPOINT_RESTORE\"],"
		    "\"effective\":[\"CAP_NEW_ONE\"]},"
		    "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":5,\"hard\":"
		    "18446744073709551615}],"
		    "\"noNewPrivileges\":true,\"oomScoreAdj\":-5,\"consoleSize\":{\"height\":3,"
		    "\"width\":4}},"
		    "\"root\":{\"readonly\":true},\"hostname\":\"h\",\"linux\":{\"sysctl\":{\"k\":"
		    "\"v\"},\"maskedPaths\":[\"/m\"]},"
		    "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\"},{\"destination\":\"/"
		    "t\",\"type\":\"tmpfs\",\"options\":[\"ro\",\"size=1\"]}]}"));
	CHECK_INT(c.args.count, 2);
	CHECK_STR(c.cwd, "/w");
	CHECK_INT(c.env.count, 3);
	CHECK_STR(c.env.item[0], "PATH=/host"); /* the host's stays */
	CHECK_STR(c.env.item[1], "HOME=/box");	/* this is the container's */
	CHECK_INT(c.uid, 1);
	CHECK_INT(c.groups[0], 3);
	CHECK(c.caps[GST_BOUNDING] == (1ull | 1ull << 40));
	CHECK(c.caps[GST_EFFECTIVE] == 0);
	CHECK(strstr(why, "CAP_NEW_ONE") != NULL);
	CHECK(c.limits->hard == UINT64_MAX);
	CHECK_INT(c.oom_score, -5);
	CHECK_INT(c.columns, 4);
	CHECK_INT(c.flags, GST_F_NO_NEW_PRIVS | GST_F_ROOT_READONLY);
	CHECK_STR(c.mounts->target, "/t");
	CHECK_STR(c.mounts->options, "ro,size=1,");
	CHECK(c.mounts->next == NULL);
	CHECK_STR(c.masks.item[0], "/m");
	CHECK_STR(c.sysctls.item[0], "k");
}

TEST(image_configuration)
{
	struct gst_config c;

	gst_config_defaults(&c);
	CHECK(apply(&c, "{\"Entrypoint\":[\"e\"],\"Cmd\":[\"c\"],\"Env\":[\"A=1\"],\"WorkingDir\":"
			"\"/d\"}"));
	CHECK_INT(c.args.count, 2);
	CHECK_STR(c.args.item[0], "e");
	CHECK_STR(c.cwd, "/d");
	/* What the host gave wins. */
	gst_config_defaults(&c);
	c.exec = "/x";
	c.cwd = "/y";
	gst_strings_add(&c.args, "x");
	CHECK(apply(&c, "{\"Cmd\":[\"c\"],\"WorkingDir\":\"/d\"}"));
	CHECK_INT(c.args.count, 1);
	CHECK_STR(c.cwd, "/y");
}

TEST(container_mistakes)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "[", "f: line 1: something that is no value" },
		{ "[]", "f: it is no object" },
		{ "{\"process\":1}", "f: \"process\" is to be an object" },
		{ "{\"process\":{\"args\":\"x\"}}", "f: \"args\" is to be an array" },
		{ "{\"process\":{\"args\":[1]}}", "f: \"args\" is to hold strings only" },
		{ "{\"process\":{\"user\":{\"uid\":-1}}}", "f: \"uid\": -1 is out of range" },
		{ "{\"process\":{\"user\":{\"uid\":1.5}}}", "f: \"uid\": 1.5 is out of range" },
		{ "{\"process\":{\"rlimits\":[{\"type\":\"RLIMIT_X\"}]}}",
		  "f: unknown resource limit RLIMIT_X" },
		{ "{\"linux\":{\"sysctl\":{\"a\":1}}}", "f: sysctl \"a\" is to be a string" },
		{ "{\n\"hostname\":7\n}", "f: \"hostname\" is to be a string" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gst_config c;

		gst_config_defaults(&c);
		CHECK(!apply(&c, cases[i].text));
		CHECK_STR(why, cases[i].want);
	}
}

RUN_TESTS()
