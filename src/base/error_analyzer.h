/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the static analyzer of clang cannot see from a declaration: an error that was made is one,
 * and wrapping changes nothing about that. Without it every RL_TRY has a path on which a failure
 * comes back as success, and results that are "written on success only" look unset behind it.
 * Included by base/error.h for the analyzer alone; it compiles nothing.
 */
#pragma once

/* The calls stand in each other's arguments. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wshadow"
#endif

#define RL_SURELY(condition)                     \
	do {                                     \
		if (!(condition))                \
			__builtin_unreachable(); \
	} while (0)

#define RL_A_FAILURE(call)                  \
	({                                  \
		rl_err made_ = (call);      \
		RL_SURELY(made_.p != NULL); \
		made_;                      \
	})

#define RL_AS_BEFORE(e, call)                             \
	({                                                \
		bool before_ = (e).p != NULL;             \
		rl_err after_ = (call);                   \
		RL_SURELY((after_.p != NULL) == before_); \
		after_;                                   \
	})

#define rl_fail(...) RL_A_FAILURE(rl_fail(__VA_ARGS__))
#define rl_refuse(...) RL_A_FAILURE(rl_refuse(__VA_ARGS__))
#define rl_nomem() RL_A_FAILURE(rl_nomem())
#define rl_wrap(e, ...)                                             \
	({                                                          \
		rl_err inner_ = (e);                                \
		RL_AS_BEFORE(inner_, rl_wrap(inner_, __VA_ARGS__)); \
	})
#define rl_hint(e, ...)                                             \
	({                                                          \
		rl_err inner_ = (e);                                \
		RL_AS_BEFORE(inner_, rl_hint(inner_, __VA_ARGS__)); \
	})

/* The doors in fail by the sign that they read. */
#define RL_FAILS_IF(failing, call)                         \
	({                                                 \
		rl_err door_ = (call);                     \
		RL_SURELY((door_.p != NULL) == (failing)); \
		door_;                                     \
	})
#define rl_sys(ret, ...)                                                \
	({                                                              \
		long result_ = (ret);                                   \
		RL_FAILS_IF(result_ < 0, rl_sys(result_, __VA_ARGS__)); \
	})
#define rl_neg(ret, ...)                                                \
	({                                                              \
		long result_ = (ret);                                   \
		RL_FAILS_IF(result_ < 0, rl_neg(result_, __VA_ARGS__)); \
	})
#define rl_pos(ret, ...)                                                 \
	({                                                               \
		long result_ = (ret);                                    \
		RL_FAILS_IF(result_ != 0, rl_pos(result_, __VA_ARGS__)); \
	})

#define rl_drop_failed(e)                                   \
	({                                                  \
		rl_err dropped_ = (e);                      \
		bool failed_ = rl_drop_failed(dropped_);    \
		RL_SURELY(failed_ == (dropped_.p != NULL)); \
		failed_;                                    \
	})
#define rl_is(e, code)                               \
	({                                           \
		rl_err asked_ = (e);                 \
		bool is_ = rl_is(asked_, code);      \
		RL_SURELY(!is_ || asked_.p != NULL); \
		is_;                                 \
	})
#define rl_first(first, second)                                                      \
	({                                                                           \
		rl_err one_ = (first), two_ = (second);                              \
		RL_FAILS_IF(one_.p != NULL || two_.p != NULL, rl_first(one_, two_)); \
	})
#define rl_from_record(record) RL_A_FAILURE(rl_from_record(record))
