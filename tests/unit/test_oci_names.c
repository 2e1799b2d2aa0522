/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/names.h"
#include "test.h"

TEST(words_are_found_by_their_exact_spelling)
{
	CHECK_INT(oci_word_find(&oci_namespace_words, "network"), OCI_NS_NETWORK);
	CHECK_INT(oci_word_find(&oci_namespace_words, "Network"), -1);
	CHECK_INT(oci_word_find(&oci_namespace_words, ""), -1);
	CHECK_INT(oci_word_find(&oci_seccomp_arch_words, "SCMP_ARCH_RISCV64"), OCI_ARCH_RISCV64);
	CHECK_INT(1 << oci_word_find(&oci_seccomp_flag_words, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"),
		  OCI_SECCOMP_FLAG_SPEC_ALLOW);
	CHECK_INT(1 << oci_word_find(&oci_scheduler_flag_words, "SCHED_FLAG_UTIL_CLAMP_MAX"),
		  OCI_SCHED_FLAG_UTIL_CLAMP_MAX);
	CHECK_INT(1 << oci_word_find(&oci_memory_policy_flag_words, "MPOL_F_STATIC_NODES"),
		  OCI_MPOL_FLAG_STATIC_NODES);
}

TEST(every_value_has_its_name)
{
	CHECK_STR(oci_namespace_name(OCI_NS_CGROUP), "cgroup");
	CHECK_STR(oci_namespace_name(OCI_NS_ABSENT), "?");
	CHECK_STR(oci_namespace_name(OCI_NS_TYPES), "?");
	CHECK_STR(oci_device_type_name(OCI_DEVICE_FIFO), "p");
	CHECK_STR(oci_propagation_name(OCI_PROPAGATION_RSLAVE), "rslave");
	CHECK_STR(oci_seccomp_action_name(OCI_SECCOMP_NOTIFY), "SCMP_ACT_NOTIFY");
	CHECK_STR(oci_seccomp_operator_name(OCI_CMP_MASKED_EQ), "SCMP_CMP_MASKED_EQ");
	CHECK_STR(oci_seccomp_arch_name(OCI_ARCH_X86), "SCMP_ARCH_X86");
	CHECK_STR(oci_seccomp_flag_name(OCI_SECCOMP_FLAG_LOG), "SECCOMP_FILTER_FLAG_LOG");
	CHECK_STR(oci_seccomp_flag_name((enum oci_seccomp_flag)0), "?");
	CHECK_STR(oci_memory_policy_mode_name(OCI_MPOL_LOCAL), "MPOL_LOCAL");
	CHECK_STR(oci_scheduler_policy_name(OCI_SCHED_DEADLINE), "SCHED_DEADLINE");
	CHECK_STR(oci_io_class_name(OCI_IO_CLASS_IDLE), "IOPRIO_CLASS_IDLE");
}

static const char *near(const char *word)
{
	static const char *const words[] = { NULL, "cwd", "args", "hostname", "readonly" };

	return oci_word_near(words, 5, word);
}

TEST(near_words_differ_by_case_or_one_edit)
{
	CHECK_STR(near("readOnly"), "readonly");
	CHECK_STR(near("CWD"), "cwd");
	CHECK_STR(near("hostnam"), "hostname");
	CHECK_STR(near("hostnames"), "hostname");
	CHECK_STR(near("hostnome"), "hostname");
	CHECK_STR(near("ohstname"), "hostname");
	CHECK_STR(near("hostnaem"), "hostname");
	CHECK_STR(near("arg"), "args");
	CHECK(near("cwb") == NULL); /* too short for a guess */
	CHECK(near("hostname") != NULL);
	CHECK(near("hostname9876") == NULL);
	CHECK(near("host") == NULL);
	CHECK(near("hoztnome") == NULL);
	CHECK(near("") == NULL);
}

TEST(maps_and_namespaces_are_looked_up)
{
	const struct oci_key_value items[] = { { "a", "1", 1 }, { "b", "2", 2 } };
	const struct oci_map map = { items, 2 };
	const struct oci_namespace ns[] = { { 3, OCI_NS_PID, NULL }, { 4, OCI_NS_USER, "/x" } };
	const struct oci_linux l = { .namespaces = ns, .namespace_count = 2 };

	CHECK_STR(oci_map_get(&map, "b"), "2");
	CHECK(oci_map_get(&map, "c") == NULL);
	CHECK(oci_map_get(&(struct oci_map){ 0 }, "a") == NULL);
	CHECK(oci_namespace_get(&l, OCI_NS_USER) == &ns[1]);
	CHECK(oci_namespace_get(&l, OCI_NS_TIME) == NULL);
}

RUN_TESTS()
