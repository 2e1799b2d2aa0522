/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory ends at every place it can end. Two kinds of it are asked for on the way from a document
 * to a plan: pieces of the arena, and records of errors by malloc. Every request of either kind is
 * made to fail once: the answer must be a clean "out of memory", never a crash, a leak or a success
 * with something missing.
 *
 * The arena fails by itself: its limit moves up in the steps of its alignment, so that each piece
 * is once the first that does not fit. malloc is replaced (the program is linked with
 * --wrap=malloc).
 */
#include "config_fixture.h"
#include "host_fixture.h"
#include "plan/make.h"
#include "plan/print.h"
#include "scratch.h"

#define ARENA_STEP 16

/* ---- malloc -----------------------------------------------------------------------------------
 */

static long fail_at; /* the n-th call from now fails; 0: none does */
static bool has_failed;
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	if (fail_at > 0 && --fail_at == 0) {
		has_failed = true;
		return NULL;
	}
	return __real_malloc(size);
}

/* A few records need no malloc: they are taken, so that each of the tests' own needs it. */
static rl_err taken[64];

static void take_the_pool(void)
{
	long left = 1000;

	for (size_t i = 0; left == 1000 && i < sizeof(taken) / sizeof(taken[0]); i++) {
		fail_at = left;
		taken[i] = rl_refuse(RL_E(EBUSY), "taken");
		left = fail_at;
	}
	fail_at = 0;
}

static void give_the_pool_back(void)
{
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		rl_drop(taken[i]);
		taken[i] = RL_OK;
	}
}

/* ---- from a document to a plan ----------------------------------------------------------------
 */

static char document[65536];

static rl_err held[16];

/* The records that need no memory are in use, so that each error asks for some. */
__attribute__((constructor)) static void use_up_the_pool(void)
{
	for (int i = 0; i < 16; i++)
		held[i] = rl_fail(RL_E(EIO), "held");
}

static void read_document(const char *name)
{
	const char *root = getenv("RUNLET_TESTS");
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/corpus/config/%s", root ? root : ".", name);
	snprintf(document, sizeof(document), "%s", scratch_read(path));
}

static rl_err make(struct rl_arena *a, const struct plan **ret)
{
	struct oci_problems problems = oci_problems_in(a);
	struct lx_host host = host_of_root();
	struct plan_request request = {
		.id = "c1", .bundle = "/bundle", .state_root = "/run/runlet", .rootless_cgroups = -1
	};
	const struct oci_config *config;

	RL_TRY(oci_config_read(&problems, "config.json", document, strlen(document), &config));
	return plan_make(a, config, &request, &host, NULL, ret);
}

/* Runs with so much arena; false when it was too little. Notes how much was used. */
static bool enough(struct rl_arena *a, size_t size, rl_err *ret_unclean)
{
	const struct plan *plan = NULL;
	size_t whole = a->size;
	rl_err e;

	a->used = 0;
	a->size = size;
	memset(a->base, 0, size);
	e = make(a, &plan);
	a->size = whole;
	if (!rl_failed(e))
		return plan != NULL;
	/* Nothing was handed out, and the reason is the true one. */
	if (plan != NULL || rl_errno(e) != ENOMEM || strstr(rl_text(e), "out of memory") == NULL)
		*ret_unclean = e;
	else
		rl_drop(e);
	return false;
}

/* The plan's text at the first limit that is enough must be the text of unlimited memory. */
static const char *text_of(struct rl_arena *a)
{
	static char text[65536];
	const struct plan *plan;
	FILE *f = fmemopen(text, sizeof(text), "w");

	a->used = 0;
	memset(a->base, 0, a->size);
	if (!rl_drop_failed(make(a, &plan)))
		plan_print(plan, f);
	fclose(f);
	return text;
}

static void arena_ends_everywhere(const char *name)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	rl_err unclean = RL_OK;
	size_t size = ARENA_STEP, tries = 0;

	read_document(name);
	CHECK(*document != '\0');
	CHECK_OK(rl_arena_new(1 << 20, &a));
	while (size < a.size && !enough(&a, size, &unclean)) {
		CHECK_OK(unclean);
		size += ARENA_STEP;
		tries++;
	}
	CHECK(size < a.size);
	CHECK(tries > 100);
	a.size = 1 << 20;
	CHECK(strlen(text_of(&a)) > 500);
}

TEST(the_arena_ends_everywhere_docker)
{
	arena_ends_everywhere("good/docker.json");
}

TEST(the_arena_ends_everywhere_kubernetes)
{
	arena_ends_everywhere("good/kubernetes.json");
}

/* A document with mistakes: their list needs memory too, and a mistake is not forgotten. */
TEST(the_arena_ends_while_problems_are_listed)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	size_t size = ARENA_STEP, whole;
	bool refused = false;

	read_document("bad/many.json");
	CHECK(*document != '\0');
	CHECK_OK(rl_arena_new(1 << 20, &a));
	whole = a.size;
	for (; size < whole && !refused; size += ARENA_STEP) {
		const struct plan *plan = NULL;
		rl_err e;

		a.used = 0;
		a.size = size;
		memset(a.base, 0, size);
		e = make(&a, &plan);
		a.size = whole;
		refused = rl_is(e, RL_E(EINVAL));
		if (!refused)
			CHECK_FAILS(e, ENOMEM, "out of memory");
		else
			rl_drop(e);
		CHECK(plan == NULL);
	}
	CHECK(refused);
}

/* Every failing request for a record becomes the static one. */
TEST(records_of_errors_end_everywhere)
{
	static const char *const names[] = { "bad/many.json", "bad/not-json.json",
					     "bad/mounts.json", "bad/duplicate-key.json",
					     "bad/seccomp-words.json" };
	struct rl_arena RL_AUTO_ARENA a = { 0 };

	CHECK_OK(rl_arena_new(4 << 20, &a));
	take_the_pool();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		long n = 0;

		read_document(names[i]);
		CHECK(*document != '\0');
		do {
			const struct plan *plan = NULL;
			rl_err e;

			a.used = 0;
			memset(a.base, 0, a.size);
			has_failed = false;
			fail_at = ++n;
			e = make(&a, &plan);
			fail_at = 0;
			if (has_failed)
				CHECK_FAILS(e, ENOMEM, "out of memory");
			else
				CHECK_FAILS(e, EINVAL, "config.json: ");
			CHECK(plan == NULL);
		} while (has_failed);
		CHECK(n > 1); /* the loop did make one fail */
	}
	give_the_pool_back();
}

/* A refusal of the plan, not of the document. */
TEST(records_of_refusals_end_everywhere)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	const struct plan *plan = NULL;
	rl_err e;

	snprintf(document, sizeof(document),
		 "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"hostname\":\"h\","
		 "\"process\":{\"args\":[\"x\"],\"cwd\":\"/\"},"
		 "\"annotations\":{\"run.oci.handler\":\"no-such-handler\"},"
		 "\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"uts\"}]}}");
	CHECK_OK(rl_arena_new(1 << 20, &a));
	take_the_pool();
	fail_at = 1;
	e = make(&a, &plan);
	fail_at = 0;
	give_the_pool_back();
	CHECK_FAILS(e, ENOMEM, "out of memory");
	a.used = 0;
	memset(a.base, 0, a.size);
	CHECK_FAILS(make(&a, &plan), ENOTSUP, "no-such-handler");
	CHECK(plan == NULL);
}

RUN_TESTS()
