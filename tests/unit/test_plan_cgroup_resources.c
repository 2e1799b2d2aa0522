/* SPDX-License-Identifier: Apache-2.0 */
/* Every property of linux.resources as files and values, on machines of version 1, 2 and both. */
#include "plan_cgroup_fixture.h"

#define V1(json, want) CHECK_STR(written(&v1_host, json), want)
#define V2(json, want) CHECK_STR(written(&v2_host, json), want)
#define HYBRID(json, want) CHECK_STR(written(&hybrid_host, json), want)
#define UPDATE_V1(json, want) CHECK_STR(updated(&v1_host, json), want)
#define UPDATE_V2(json, want) CHECK_STR(updated(&v2_host, json), want)

#define NONE_ON_V2 "cgroup version 2 does not have it"

/* ---- memory ---------------------------------------------------------------------------------- */

TEST(memory_limit)
{
	V1("{\"memory\":{\"limit\":4096}}", "memory:memory.limit_in_bytes=4096");
	V2("{\"memory\":{\"limit\":4096}}", "memory.max=4096");
	HYBRID("{\"memory\":{\"limit\":4096}}", "memory:memory.limit_in_bytes=4096");
	/* Unlimited memory takes the limit of swap away as well. */
	V1("{\"memory\":{\"limit\":-1}}", "memory:memory.limit_in_bytes=-1<tied>|"
					  "memory:memory.memsw.limit_in_bytes=-1<if>");
	V2("{\"memory\":{\"limit\":-1}}", "memory.max=max|memory.swap.max=max<if>");
	V1("{\"memory\":{\"limit\":0}}", "");
	V2("{\"memory\":{}}", "");
}

TEST(memory_swap)
{
	/* Version 1 counts both together, version 2 swap alone. */
	V1("{\"memory\":{\"limit\":4096,\"swap\":12288}}",
	   "memory:memory.limit_in_bytes=4096<tied>|memory:memory.memsw.limit_in_bytes=12288");
	V2("{\"memory\":{\"limit\":4096,\"swap\":12288}}", "memory.max=4096|memory.swap.max=8192");
	V2("{\"memory\":{\"limit\":4096,\"swap\":4096}}", "memory.max=4096|memory.swap.max=0<if>");
	V1("{\"memory\":{\"limit\":4096,\"swap\":-1}}",
	   "memory:memory.limit_in_bytes=4096<tied>|memory:memory.memsw.limit_in_bytes=-1<if>");
	V2("{\"memory\":{\"limit\":4096,\"swap\":-1}}", "memory.max=4096|memory.swap.max=max<if>");
	V2("{\"memory\":{\"limit\":4096,\"swap\":0}}", "memory.max=4096");
	UPDATE_V2("{\"memory\":{\"swap\":12288}}", "memory.swap.max=12288<less>");
	UPDATE_V2("{\"memory\":{\"swap\":-1}}", "memory.swap.max=max<if>");
}

TEST(memory_other)
{
	V1("{\"memory\":{\"reservation\":8192}}", "memory:memory.soft_limit_in_bytes=8192");
	V2("{\"memory\":{\"reservation\":8192}}", "memory.low=8192");
	V1("{\"memory\":{\"reservation\":-1}}", "memory:memory.soft_limit_in_bytes=-1");
	V2("{\"memory\":{\"reservation\":-1}}", "memory.low=max");
	V1("{\"memory\":{\"kernelTCP\":8192}}", "memory:memory.kmem.tcp.limit_in_bytes=8192");
	V1("{\"memory\":{\"swappiness\":0}}", "memory:memory.swappiness=0");
	V1("{\"memory\":{\"disableOOMKiller\":true}}", "memory:memory.oom_control=1");
	/* What a new cgroup does anyway is not written, an old one may do otherwise. */
	V1("{\"memory\":{\"disableOOMKiller\":false}}", "");
	UPDATE_V1("{\"memory\":{\"disableOOMKiller\":false}}", "memory:memory.oom_control=0");
	V2("{\"memory\":{\"disableOOMKiller\":false}}", "");
}

TEST(memory_that_version_2_lacks)
{
	static const char *const json[] = { "{\"memory\":{\"kernelTCP\":8192}}",
					    "{\"memory\":{\"swappiness\":10}}",
					    "{\"memory\":{\"disableOOMKiller\":true}}" };
	static const char *const path[] = { "$.linux.resources.memory.kernelTCP",
					    "$.linux.resources.memory.swappiness",
					    "$.linux.resources.memory.disableOOMKiller" };

	for (int i = 0; i < 3; i++) {
		const char *text = written(&v2_host, json[i]);

		CHECK(strstr(text, NONE_ON_V2) != NULL);
		CHECK(strncmp(text, path[i], strlen(path[i])) == 0);
	}
}

TEST(memory_warnings)
{
	static const struct plan_request request = { .id = "c1" };
	struct planned p;

	CHECK_OK(plan_for(&v1_host, &request, "{\"resources\":{\"memory\":{\"kernel\":4096}}}", "",
			  &p));
	CHECK_INT(p.cg.write_count, 0);
	CHECK_INT(p.warnings.count, 1);
	CHECK(strncmp(p.warnings.items[0], "$.linux.resources.memory.kernel:", 32) == 0);
	CHECK_OK(plan_for(&v2_host, &request,
			  "{\"resources\":{\"memory\":{\"useHierarchy\":false}}}", "", &p));
	CHECK_INT(p.warnings.count, 1);
	CHECK_OK(plan_for(&v2_host, &request,
			  "{\"resources\":{\"memory\":{\"useHierarchy\":true}}}", "", &p));
	CHECK_INT(p.warnings.count, 0);
}

TEST(memory_update)
{
	/* The kernel refuses a limit below what is in use even when it is the old one. */
	UPDATE_V1("{\"memory\":{\"limit\":4096,\"swap\":8192}}",
		  "memory:memory.limit_in_bytes=4096<tied><changed>|"
		  "memory:memory.memsw.limit_in_bytes=8192<changed>");
	UPDATE_V1("{\"memory\":{\"limit\":4096,\"checkBeforeUpdate\":true}}",
		  "memory:memory.limit_in_bytes=4096<changed><usage>");
	UPDATE_V2("{\"memory\":{\"limit\":4096,\"checkBeforeUpdate\":true}}",
		  "memory.max=4096<usage>");
	/* Nobody is in a new one. */
	V2("{\"memory\":{\"limit\":4096,\"checkBeforeUpdate\":true}}", "memory.max=4096");
}

/* ---- cpu ------------------------------------------------------------------------------------- */

TEST(cpu_weight_formula)
{
	/* Worked out apart from the program. */
	static const struct {
		uint64_t shares, weight;
	} known[] = {
		{ 0, 1 },	    { 1, 1 },	   { 2, 1 },	     { 3, 2 },
		{ 10, 4 },	    { 102, 17 },   { 256, 35 },	     { 512, 59 },
		{ 1023, 100 },	    { 1024, 100 }, { 1025, 101 },    { 2048, 174 },
		{ 4096, 303 },	    { 8192, 532 }, { 100000, 4340 }, { 262143, 10000 },
		{ 1 << 30, 10000 },
	};
	uint64_t last = 1;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		CHECK_INT(plan_cpu_weight(known[i].shares), known[i].weight);
	for (uint64_t shares = 2; shares <= 262144; shares++) {
		uint64_t weight = plan_cpu_weight(shares);

		CHECK(weight >= last && weight <= 10000);
		last = weight;
	}
}

TEST(cpu_shares_and_idle)
{
	V1("{\"cpu\":{\"shares\":512}}", "cpu,cpuacct:cpu.shares=512");
	V2("{\"cpu\":{\"shares\":1024}}", "cpu.weight=100");
	V2("{\"cpu\":{\"shares\":0}}", "");
	V1("{\"cpu\":{\"shares\":512,\"idle\":1}}",
	   "cpu,cpuacct:cpu.shares=512<tied>|cpu,cpuacct:cpu.idle=1");
	V2("{\"cpu\":{\"idle\":0}}", "cpu.idle=0<if>");
	V2("{\"cpu\":{\"idle\":1}}", "cpu.idle=1");
}

TEST(cpu_bandwidth)
{
	V1("{\"cpu\":{\"quota\":50000,\"period\":100000}}",
	   "cpu,cpuacct:cpu.cfs_period_us=100000<tied>|cpu,cpuacct:cpu.cfs_quota_us=50000");
	V1("{\"cpu\":{\"quota\":-1}}", "cpu,cpuacct:cpu.cfs_quota_us=-1");
	V1("{\"cpu\":{\"quota\":5,\"burst\":3,\"period\":7}}",
	   "cpu,cpuacct:cpu.cfs_period_us=7<tied>|cpu,cpuacct:cpu.cfs_quota_us=5<tied>|"
	   "cpu,cpuacct:cpu.cfs_burst_us=3");
	V2("{\"cpu\":{\"quota\":50000,\"period\":100000}}", "cpu.max=50000 100000");
	V2("{\"cpu\":{\"quota\":50000}}", "cpu.max=50000");
	V2("{\"cpu\":{\"quota\":-5,\"period\":100000}}", "cpu.max=max 100000");
	V2("{\"cpu\":{\"period\":100000}}", "cpu.max=max 100000");
	V2("{\"cpu\":{\"quota\":5,\"burst\":3}}", "cpu.max=5<tied>|cpu.max.burst=3");
	V2("{\"cpu\":{\"burst\":0}}", "cpu.max.burst=0<if>");
	V2("{\"cpu\":{\"quota\":0,\"period\":0}}", "");
	/* The quota that was set before stays. */
	UPDATE_V2("{\"cpu\":{\"period\":70000}}", "cpu.max=70000<keep>");
	UPDATE_V1("{\"cpu\":{\"period\":70000}}", "cpu,cpuacct:cpu.cfs_period_us=70000");
}

TEST(cpu_realtime)
{
	V1("{\"cpu\":{\"realtimeRuntime\":500,\"realtimePeriod\":1000}}",
	   "cpu,cpuacct:cpu.rt_period_us=1000<tied>|cpu,cpuacct:cpu.rt_runtime_us=500");
	CHECK(strstr(written(&v2_host, "{\"cpu\":{\"realtimeRuntime\":500}}"),
		     "$.linux.resources.cpu.realtimeRuntime: " NONE_ON_V2) != NULL);
	CHECK(strstr(written(&v2_host, "{\"cpu\":{\"realtimePeriod\":500}}"),
		     "$.linux.resources.cpu.realtimePeriod: " NONE_ON_V2) != NULL);
}

TEST(cpu_sets)
{
	V1("{\"cpu\":{\"cpus\":\"0-3,7\",\"mems\":\"0\"}}",
	   "cpuset:cpuset.cpus=0-3,7|cpuset:cpuset.mems=0");
	V2("{\"cpu\":{\"cpus\":\"0-3,7\",\"mems\":\"0\"}}", "cpuset.cpus=0-3,7|cpuset.mems=0");
	V2("{\"cpu\":{\"cpus\":\"\"}}", "");
	CHECK(strstr(written(&hybrid_host, "{\"cpu\":{\"cpus\":\"0\"}}"),
		     "$.linux.resources.cpu.cpus: the cgroup controller cpuset is not available") !=
	      NULL);
}

/* ---- blockIO --------------------------------------------------------------------------------- */

TEST(block_io_weights)
{
	V1("{\"blockIO\":{\"weight\":300}}",
	   "blkio:blkio.weight=300|blkio:blkio.bfq.weight=300<else>");
	V2("{\"blockIO\":{\"weight\":10}}", "io.bfq.weight=10|io.weight=1<else>");
	V2("{\"blockIO\":{\"weight\":1000}}", "io.bfq.weight=1000|io.weight=10000<else>");
	V2("{\"blockIO\":{\"weight\":0}}", "");
	V1("{\"blockIO\":{\"leafWeight\":300}}", "blkio:blkio.leaf_weight=300");
	V1("{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":16,\"weight\":20,"
	   "\"leafWeight\":30}]}}",
	   "blkio:blkio.weight_device=8:16 20|blkio:blkio.bfq.weight_device=8:16 20<else>|"
	   "blkio:blkio.leaf_weight_device=8:16 30");
	V2("{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":16,\"weight\":1000}]}}",
	   "io.bfq.weight=8:16 1000|io.weight=8:16 10000<else>");
	CHECK(strstr(written(&v2_host, "{\"blockIO\":{\"leafWeight\":300}}"), NONE_ON_V2) != NULL);
	CHECK(strstr(written(&v2_host, "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":1,"
				       "\"leafWeight\":30}]}}"),
		     "$.linux.resources.blockIO.weightDevice[0]: " NONE_ON_V2) != NULL);
	CHECK_INT(plan_io_weight(505), 5000);
}

TEST(block_io_throttles)
{
	static const char json[] =
		"{\"blockIO\":{"
		"\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":100},"
		"{\"major\":9,\"minor\":1,\"rate\":0}],"
		"\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":200}],"
		"\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":300}],"
		"\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":400}]}}";

	V1(json, "blkio:blkio.throttle.read_bps_device=8:0 100|"
		 "blkio:blkio.throttle.read_bps_device=9:1 0|"
		 "blkio:blkio.throttle.write_bps_device=8:0 200|"
		 "blkio:blkio.throttle.read_iops_device=8:0 300|"
		 "blkio:blkio.throttle.write_iops_device=8:0 400");
	V2(json, "io.max=8:0 rbps=100|io.max=9:1 rbps=max|io.max=8:0 wbps=200|"
		 "io.max=8:0 riops=300|io.max=8:0 wiops=400");
}

/* ---- the rest -------------------------------------------------------------------------------- */

TEST(pids_limit)
{
	V1("{\"pids\":{\"limit\":7}}", "pids:pids.max=7");
	V2("{\"pids\":{\"limit\":-1}}", "pids.max=max");
	V1("{\"pids\":{\"limit\":-1}}", "pids:pids.max=max");
	/* A real limit, and not the same as none. */
	V2("{\"pids\":{\"limit\":0}}", "pids.max=0");
	V2("{\"pids\":{}}", "");
}

TEST(hugepages)
{
	static const char json[] = "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304},"
				   "{\"pageSize\":\"1GB\",\"limit\":0}]}";

	V1(json, "hugetlb:hugetlb.2MB.rsvd.limit_in_bytes=4194304|"
		 "hugetlb:hugetlb.2MB.limit_in_bytes=4194304<else>|"
		 "hugetlb:hugetlb.1GB.rsvd.limit_in_bytes=0|"
		 "hugetlb:hugetlb.1GB.limit_in_bytes=0<else>");
	V2(json, "hugetlb.2MB.rsvd.max=4194304|hugetlb.2MB.max=4194304<else>|"
		 "hugetlb.1GB.rsvd.max=0|hugetlb.1GB.max=0<else>");
	/* The one controller that the tree of version 2 has there. */
	HYBRID("{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}]}",
	       "hugetlb.2MB.rsvd.max=1|hugetlb.2MB.max=1<else>");
}

TEST(network)
{
	static const char json[] = "{\"network\":{\"classID\":1048577,\"priorities\":["
				   "{\"name\":\"eth0\",\"priority\":5},"
				   "{\"name\":\"lo\",\"priority\":0}]}}";

	V1(json, "net_cls,net_prio:net_cls.classid=1048577|"
		 "net_cls,net_prio:net_prio.ifpriomap=eth0 5|"
		 "net_cls,net_prio:net_prio.ifpriomap=lo 0");
	CHECK(strstr(written(&v2_host, json), "$.linux.resources.network.classID: the cgroup "
					      "controller net_cls is not available") != NULL);
	V2("{\"network\":{}}", "");
}

TEST(rdma)
{
	V1("{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10}}}",
	   "rdma:rdma.max=mlx5_1 hca_handle=3 hca_object=10");
	V2("{\"rdma\":{\"mlx5_1\":{\"hcaObjects\":10}}}", "rdma.max=mlx5_1 hca_object=10");
}

TEST(unified)
{
	/* Last, so that it wins over what was translated. */
	V2("{\"pids\":{\"limit\":7},\"unified\":{\"pids.max\":\"9\"}}", "pids.max=7|pids.max=9");
	V2("{\"unified\":{\"io.max\":\"8:0 rbps=1\\n8:16 rbps=2\\n\"}}",
	   "io.max=8:0 rbps=1|io.max=8:16 rbps=2");
	V2("{\"unified\":{\"cgroup.max.depth\":\"3\"}}", "cgroup.max.depth=3");
	/* Files unknown to us are the kernel's to judge. */
	V2("{\"unified\":{\"memory.future\":\"a b\"}}", "memory.future=a b");
	CHECK(strstr(written(&v2_host, "{\"unified\":{\"dmem.max\":\"1\"}}"),
		     "$.linux.resources.unified[\"dmem.max\"]: the cgroup controller dmem is not "
		     "available") != NULL);
	CHECK(strstr(written(&v1_host, "{\"unified\":{\"memory.high\":\"1\"}}"),
		     "has no cgroup version 2") != NULL);
	CHECK(strstr(written(&hybrid_host, "{\"unified\":{\"memory.high\":\"1\"}}"),
		     "is in use by version 1") != NULL);
	HYBRID("{\"unified\":{\"hugetlb.2MB.max\":\"1\"}}", "hugetlb.2MB.max=1");
}

TEST(a_missing_controller_is_named)
{
	CHECK(strstr(written(&hybrid_host, "{\"pids\":{\"limit\":1}}"),
		     "$.linux.resources.pids.limit: the cgroup controller pids is not available") !=
	      NULL);
	CHECK(strstr(updated(&hybrid_host, "{\"pids\":{\"limit\":1}}"),
		     "$.pids.limit: the cgroup controller pids is not available") != NULL);
	CHECK(strstr(written(&hybrid_host, "{\"blockIO\":{\"weight\":100}}"),
		     "the cgroup controller io is not available") != NULL);
}

/* A list of writes must be able to grow. */
TEST(many_properties)
{
	char json[4096], *at = json;

	at += sprintf(at, "{\"blockIO\":{\"throttleReadBpsDevice\":[");
	for (int i = 0; i < 60; i++)
		at += sprintf(at, "%s{\"major\":8,\"minor\":%d,\"rate\":%d}", i ? "," : "", i,
			      i + 1);
	sprintf(at, "]}}");
	at = (char *)(uintptr_t)written(&v2_host, json);
	CHECK(strncmp(at, "io.max=8:0 rbps=1|io.max=8:1 rbps=2|", 36) == 0);
	CHECK(strstr(at, "|io.max=8:59 rbps=60") != NULL);
}

RUN_TESTS()
