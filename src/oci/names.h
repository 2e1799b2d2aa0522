/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The closed lists of the specification, word by value. Readers look words up, messages and
 * `features` print them.
 */
#pragma once

#include "oci/config.h"

/* words[value] is the spelling; words[0] (absent) and gaps are NULL. */
struct oci_words {
	const char *what; /* what a word of this list is called in messages: "seccomp action" */
	const char *const *words;
	uint32_t count;
};

/* For sets of flags bit n of the value is words[n]. */
extern const struct oci_words oci_namespace_words;
extern const struct oci_words oci_device_words;
extern const struct oci_words oci_propagation_words;
extern const struct oci_words oci_seccomp_action_words;
extern const struct oci_words oci_seccomp_operator_words;
extern const struct oci_words oci_seccomp_arch_words;
extern const struct oci_words oci_seccomp_flag_words; /* a set */
extern const struct oci_words oci_personality_words;
extern const struct oci_words oci_memory_policy_words;
extern const struct oci_words oci_memory_policy_flag_words; /* a set */
extern const struct oci_words oci_scheduler_words;
extern const struct oci_words oci_scheduler_flag_words; /* a set */
extern const struct oci_words oci_io_class_words;
extern const struct oci_words oci_image_format_words;
extern const struct oci_words oci_rlimit_words; /* index has no meaning */

/* Index of `word`, -1 if it is none of them. */
int oci_word_find(const struct oci_words *list, const char *word);

/*
 * The word that differs from `word` by one edit (letter missing, added, changed, two swapped) or
 * in case only; NULL if there is none. For "did you mean".
 */
const char *oci_word_near(const char *const *words, size_t count, const char *word);
