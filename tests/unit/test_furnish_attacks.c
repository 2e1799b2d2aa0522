/* SPDX-License-Identifier: Apache-2.0 */
/* Images that lead elsewhere: nothing of the host is made, mounted on or changed. */
#include "furnish.h"

/* Every name that is mounted or made on is a link to the host. */
TEST(links_stay_inside)
{
	NEEDS_ROOT;
	for (int kernel = 0; kernel < ROOTFS_KERNELS; kernel++) {
		/* clang-format off */
		static const char config[] = CONFIG(
			PROC ","
			BIND("data", "/mnt/deep/er", "\"bind\"") ","
			BIND("data", "/rel/x", "\"bind\"") ","
			"{\"destination\":\"/dev/pts\",\"type\":\"devpts\"},"
			"{\"destination\":\"/var\",\"type\":\"tmpfs\"}",
			"," PATHS);
		/* clang-format on */
		struct rootfs r = { .config = config,
				    .kernel = (enum rootfs_kernel)kernel,
				    .inside = rootfs_as_it_is };
		char outside[300];

		r.dir = bind_bundle();
		put_dir(r.dir, "outside");
		snprintf(outside, sizeof(outside), "%s/outside", r.dir);
		put_link(r.dir, "rootfs/dev", outside);
		put_link(r.dir, "rootfs/mnt", outside);
		put_link(r.dir, "rootfs/var", "../../../../../../../../../../srv/gone");
		put_link(r.dir, "rootfs/rel", "../outside/made");
		CHECK_OK(rootfs_run(&r));
		CHECK(!exists(outside, "null"));
		CHECK(!exists(outside, "pts"));
		CHECK(!exists(outside, "deep"));
		CHECK(!exists(outside, "made"));
		CHECK(!exists("/srv", "gone"));
		/* They went to the same names inside. */
		CHECK(exists(r.dir, "rootfs/outside/made"));
	}
}

TEST(proc_and_sys_are_no_links)
{
	static const char proc[] = CONFIG(PROC, "");
	static const char sys[] =
		CONFIG("{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\"}", "");

	NEEDS_ROOT;
	for (int kernel = 0; kernel < ROOTFS_KERNELS; kernel++) {
		struct rootfs r = { .config = proc, .kernel = (enum rootfs_kernel)kernel };

		r.dir = rootfs_bundle();
		put_dir(r.dir, "rootfs/elsewhere");
		put_link(r.dir, "rootfs/proc", "elsewhere");
		put_link(r.dir, "rootfs/sys", "/elsewhere");
		CHECK_FAILS(rootfs_run(&r), ELOOP, "$.mounts[0]");
		r.config = sys;
		CHECK_FAILS(rootfs_run(&r), ELOOP, "$.mounts[0]");
	}
}

/* The name is harmless, the place is not. */
TEST(links_into_proc)
{
	static const char config[] =
		CONFIG(PROC "," BIND("data/file", "/innocent/attr/exec", "\"bind\""), "");

	NEEDS_ROOT;
	for (int kernel = 0; kernel < ROOTFS_KERNELS; kernel++) {
		struct rootfs r = { .config = config, .kernel = (enum rootfs_kernel)kernel };

		r.dir = bind_bundle();
		put_link(r.dir, "rootfs/innocent", "/proc/self");
		CHECK_FAILS(rootfs_run(&r), EXDEV, "$.mounts[1]");
	}
}

TEST(a_volume_is_no_proc)
{
	static const char config[] = CONFIG(BIND("data", "/proc", "\"bind\""), "");
	struct rootfs r = { .config = config };

	NEEDS_ROOT;
	r.dir = bind_bundle();
	CHECK_FAILS(rootfs_run(&r), EINVAL, "is no procfs");
}

TEST(root_is_no_link)
{
	static const char config[] =
		"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"link\"}," PROCESS(
			"") ",\"linux\":{" NAMESPACES "}}";

	NEEDS_ROOT;
	for (int kernel = 0; kernel < ROOTFS_KERNELS; kernel++) {
		struct rootfs r = { .config = config, .kernel = (enum rootfs_kernel)kernel };

		r.dir = rootfs_bundle();
		put_link(r.dir, "link", "rootfs");
		CHECK_FAILS(rootfs_run(&r), ENOTDIR, "$.root.path");
	}
}

TEST(a_file_in_place_of_a_device)
{
	static const char config[] = CONFIG(PROC, "");
	struct rootfs r = { .config = config };

	NEEDS_ROOT;
	r.dir = rootfs_bundle();
	put_dir(r.dir, "rootfs/dev");
	put_file(r.dir, "rootfs/dev/null", "");
	CHECK_FAILS(rootfs_run(&r), EEXIST, "null is not the device c 1:3");
}

RUN_TESTS()
